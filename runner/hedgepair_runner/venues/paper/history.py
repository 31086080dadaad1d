"""What the exchange remembers, within the bounds of its settings: trades, closed orders, txs."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from itertools import islice

from hedgepair_runner.venues.paper.records import Order, Trade, TxRecord
from hedgepair_runner.venues.paper.settings import ExchangeSettings
from hedgepair_runner.venues.paper.views import OrderPage, TradePage, TradeQuery, TradeRole

_DAY_US = 86_400_000_000


class History:
    """Trades per market and per account, closed orders per account, transactions by hash."""

    def __init__(self, settings: ExchangeSettings) -> None:
        self._settings = settings
        self._trades_of_market: dict[int, deque[Trade]] = {}
        self._trades_of_account: dict[int, deque[Trade]] = {}
        self._closed: dict[int, deque[Order]] = {}
        self._txs: OrderedDict[str, TxRecord] = OrderedDict()
        self._hash_of_sequence: dict[int, str] = {}
        self._txs_of_account: dict[int, deque[str]] = {}

    # -- trades --

    def add_trade(self, trade: Trade) -> None:
        kept = self._settings.trades_kept
        market = self._trades_of_market.get(trade.market_id)
        if market is None:
            market = self._trades_of_market[trade.market_id] = deque(maxlen=kept)
        market.append(trade)
        for account_index in {trade.maker.account_index, trade.taker.account_index}:
            tape = self._trades_of_account.get(account_index)
            if tape is None:
                tape = deque(maxlen=max(1, kept // 10))
                self._trades_of_account[account_index] = tape
            tape.append(trade)

    def trades(self, query: TradeQuery) -> TradePage:
        found = list(islice(self._matching(query), query.limit + 1))
        page = tuple(found[: query.limit])
        more = len(found) > query.limit
        return TradePage(trades=page, next_cursor=str(page[-1].trade_id) if more and page else "")

    def _matching(self, query: TradeQuery) -> Iterator[Trade]:
        for trade in self._tape(query):
            if _past_bounds(trade, query):
                return
            if _wanted(trade, query):
                yield trade

    def _tape(self, query: TradeQuery) -> Iterable[Trade]:
        tape: Iterable[Trade]
        if query.account_index is not None:
            tape = self._trades_of_account.get(query.account_index, deque())
        elif query.market_id is not None:
            tape = self._trades_of_market.get(query.market_id, deque())
        else:
            every = [trade for market in self._trades_of_market.values() for trade in market]
            tape = sorted(every, key=lambda trade: trade.trade_id)
        return reversed(tape) if query.descending else tape

    # -- closed orders --

    def add_closed(self, order: Order) -> None:
        closed = self._closed.get(order.account_index)
        if closed is None:
            closed = deque(maxlen=self._settings.inactive_orders_kept)
            self._closed[order.account_index] = closed
        while closed and closed[0].updated_us < order.updated_us - _DAY_US:
            closed.popleft()
        closed.append(order)

    def closed_orders(self, account_index: int, now_us: int) -> Iterator[Order]:
        """Newest first, of the last 24 hours."""
        for order in reversed(self._closed.get(account_index, deque())):
            if order.updated_us < now_us - _DAY_US:
                return
            yield order

    # -- transactions --

    def put_tx(self, record: TxRecord) -> None:
        """A new transaction, or the verdict of one that was queued."""
        known = self._txs.get(record.tx_hash)
        self._txs[record.tx_hash] = record
        if known is not None and known.sequence_index == record.sequence_index:
            return
        self._hash_of_sequence[record.sequence_index] = record.tx_hash
        hashes = self._txs_of_account.get(record.account_index)
        if hashes is None:
            hashes = deque(maxlen=self._settings.txs_kept)
            self._txs_of_account[record.account_index] = hashes
        hashes.append(record.tx_hash)
        if len(self._txs) > self._settings.txs_kept:
            self.forget_tx(next(iter(self._txs)))

    def forget_tx(self, tx_hash: str) -> None:
        record = self._txs.pop(tx_hash)
        self._hash_of_sequence.pop(record.sequence_index, None)

    def tx(self, tx_hash: str) -> TxRecord | None:
        return self._txs.get(tx_hash)

    def tx_by_sequence(self, sequence_index: int) -> TxRecord | None:
        tx_hash = self._hash_of_sequence.get(sequence_index)
        return self._txs.get(tx_hash) if tx_hash is not None else None

    def txs_of(self, account_index: int) -> Iterator[TxRecord]:
        """Newest first."""
        for tx_hash in reversed(self._txs_of_account.get(account_index, deque())):
            record = self._txs.get(tx_hash)
            if record is not None:
                yield record


def _past_bounds(trade: Trade, query: TradeQuery) -> bool:
    """From here on in the direction of the sort nothing can match any more."""
    executed_ms = trade.executed_us // 1_000
    if query.descending:
        return query.start_ms is not None and executed_ms < query.start_ms
    return query.end_ms is not None and executed_ms > query.end_ms


def _wanted(trade: Trade, query: TradeQuery) -> bool:
    executed_ms = trade.executed_us // 1_000
    if query.start_ms is not None and executed_ms < query.start_ms:
        return False
    if query.end_ms is not None and executed_ms > query.end_ms:
        return False
    if query.market_id is not None and trade.market_id != query.market_id:
        return False
    if query.trade_type is not None and trade.trade_type is not query.trade_type:
        return False
    if query.order_index is not None and query.order_index not in (
        trade.maker.order_index,
        trade.taker.order_index,
    ):
        return False
    return _within_ids(trade.trade_id, query) and _on_wanted_side(trade, query)


def _within_ids(trade_id: int, query: TradeQuery) -> bool:
    first, seen = query.from_trade_id, _position(query.cursor)
    if query.descending:
        return (first is None or trade_id <= first) and (seen is None or trade_id < seen)
    return (first is None or trade_id >= first) and (seen is None or trade_id > seen)


def _on_wanted_side(trade: Trade, query: TradeQuery) -> bool:
    account_index = query.account_index
    if account_index is None:
        return True
    if query.is_ask is not None:
        party = trade.ask if query.is_ask else trade.bid
        if party.account_index != account_index:
            return False
    if query.role is TradeRole.ALL:
        return True
    party = trade.maker if query.role is TradeRole.MAKER else trade.taker
    return party.account_index == account_index


def _position(cursor: str) -> int | None:
    """Where the page before ended; a cursor that we never gave starts from the beginning."""
    return int(cursor) if cursor.isascii() and cursor.isdigit() else None


def page_of_orders(orders: Iterable[Order], *, cursor: str, limit: int) -> OrderPage:
    """A page of orders that come newest change first; the cursor is an engine nonce."""
    seen = _position(cursor)
    if seen is not None:
        orders = (order for order in orders if order.engine_nonce < seen)
    found = list(islice(orders, limit + 1))
    page = tuple(found[:limit])
    more = len(found) > limit
    return OrderPage(orders=page, next_cursor=str(page[-1].engine_nonce) if more and page else "")
