"""From trades to receipts: which fills an order covered, and what all that happened came to.

Receipts come in the order of the tape: whoever continues after the newest one has missed none and
repeats none.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from hedgepair_runner.accounting import NOTHING, quote_of, result_of
from hedgepair_runner.booking import PairBooks, plain
from hedgepair_runner.contract.identity import (
    EPOCH_BITS,
    NONCE_BITS,
    ClientIndex,
    PairId,
    Role,
    read_client_order_index,
)
from hedgepair_runner.contract.receipts import (
    Carry,
    Cover,
    LegMark,
    OwnTrade,
    Purpose,
    Receipt,
)
from hedgepair_runner.covering import Uncovered, merged, slippage_bps
from hedgepair_runner.noncing import Slot
from hedgepair_runner.orders import AccountTrade
from hedgepair_runner.units import Market

KEPT = 4_000
"""Of so many trades it is remembered that they were noted, and when."""

PAGE = 100
"""Trades that one answer of the venue holds (protocol §3)."""

TradeKey = tuple[int, int]
"""(account, trade id): a trade between the legs is one for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """Whose receipts these are."""

    role: Role
    pair: PairId
    holder: str
    market: Market
    maker_account: int
    own_account: int


@dataclass(slots=True)
class _Order:
    trades: list[AccountTrade] = field(default_factory=list)
    slot: Slot | None = None

    @property
    def last_id(self) -> int:
        return self.trades[-1].trade_id

    @property
    def lots(self) -> int:
        return sum(trade.signed_lots for trade in self.trades)


class ReceiptBook:
    """Collects trades at once; makes receipts when asked, and only once it was resumed."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self.books = PairBooks(
            issuer.market, maker_account=issuer.maker_account, own_account=issuer.own_account
        )
        self._is_resumed = False
        self._epoch = 0
        self._noted: dict[TradeKey, tuple[int, int]] = {}
        """When each was noted and when it happened, in Unix milliseconds."""
        self._pending: dict[TradeKey, AccountTrade] = {}
        self._orders: dict[int, _Order] = {}
        self._fills: deque[AccountTrade] = deque(maxlen=KEPT)
        self._uncovered = Uncovered()

    # -- what happened -----------------------------------------------------------------------

    def note(self, trade: AccountTrade, *, now_ms: int, slot: Slot | None = None) -> None:
        """A trade of either leg, new or not; `slot` is its order's, while that is open."""
        key = (trade.account_index, trade.trade_id)
        if key in self._noted:
            return
        self._noted[key] = (now_ms, trade.timestamp_ms)
        if len(self._noted) > KEPT:
            del self._noted[next(iter(self._noted))]
        if self._issuer.role is Role.HEDGER:
            self._pending[key] = trade
            self.books.expect(trade)
        else:
            self._fills.append(trade)
        if self._has_receipt(trade, self._issuer.role):
            order = self._orders.setdefault(trade.client_order_index, _Order())
            order.trades.append(trade)
            order.trades.sort(key=lambda each: each.trade_id)
            order.slot = order.slot or slot

    def begin(self, *, epoch: int, now_ms: int, after_id: int) -> None:
        """Without a receipt to go on from. The total counts trades above `after_id`."""
        self._is_resumed, self._epoch = True, epoch
        self.books.begin(self._pending.values(), now_ms=now_ms, after_id=after_id)

    def resume(self, newest: Receipt, *, epoch: int) -> None:
        """Goes on after the newest receipt of this role: its order and those before have one."""
        self._is_resumed, self._epoch = True, epoch
        done = [i for i, o in self._orders.items() if o.last_id <= newest.last_trade_id]
        for index in done:
            del self._orders[index]
        if newest.carry is not None:
            self._take_up(newest.carry)

    def _take_up(self, carry: Carry) -> None:
        self.books.resume(carry)
        self._uncovered = Uncovered(carry.uncovered)
        for key in [key for key in self._pending if key[1] <= self.books.mark(key[0]).trade_id]:
            self.books.forget(self._pending.pop(key))

    # -- what it comes to --------------------------------------------------------------------

    def total(self) -> Decimal | None:
        """Realised by both legs, after fees and funding, since the books say; None: unknown."""
        return self.books.total() if self._is_resumed else None

    @property
    def is_waiting(self) -> bool:
        """Whether an executed order has no receipt yet."""
        return bool(self._orders)

    def due(
        self, *, is_open: Callable[[int], bool], wall_ms: Callable[[float], int]
    ) -> tuple[Receipt, ...]:
        """Receipts of orders that are over, oldest first, up to the first that is not.

        `is_open` knows client order indexes; `wall_ms` turns the boot clock into Unix time.
        """
        if not self._is_resumed:
            return ()
        receipts = []
        for index in sorted(self._orders, key=lambda each: self._orders[each].last_id):
            if is_open(index):
                break
            receipts.append(self._receipt(index, self._orders.pop(index), wall_ms))
        return tuple(receipts)

    def _receipt(self, index: int, order: _Order, wall_ms: Callable[[float], int]) -> Receipt:
        parts = read_client_order_index(index)
        if parts is None:
            raise AssertionError("only orders of this pair are collected")
        covers = self._covers(order, parts)
        issuer, market = self._issuer, self._issuer.market
        units = sum(abs(trade.signed_lots) * trade.price_ticks for trade in order.trades)
        own = sum((result_of(trade) or NOTHING for trade in order.trades), start=NOTHING)
        is_hedge = issuer.role is Role.HEDGER
        slippage = slippage_bps(order.lots, units, covers)
        nonce = self._nonce(parts)
        seen_ms, filled_ms = self._times(covers)
        receipt = Receipt(
            client_order_index=index,
            role=issuer.role.label,
            purpose=_purpose(parts),
            account_index=issuer.own_account,
            order_index=order.trades[0].order_index,
            epoch=nonce >> NONCE_BITS,
            nonce=nonce,
            holder=issuer.holder,
            market=market.symbol,
            size_decimals=market.size_decimals,
            price_decimals=market.price_decimals,
            signed_lots=order.lots,
            quote_units=units,
            trades=tuple(map(_own_trade, order.trades)),
            covers=covers,
            slippage_bps=None if slippage is None else plain(slippage),
            filled_ms=filled_ms,
            seen_ms=seen_ms,
            executed_ms=order.trades[-1].timestamp_ms,
            fee_quote=self._quote(own.fee_parts),
            maker_fee_quote=self._quote(self.books.maker_fee_parts if is_hedge else 0),
            pnl_quote=self._quote((self.books.since_last if is_hedge else own).pnl_parts),
            funding_quote=plain(self.books.funding) if is_hedge else "0",
            rebuilt=order.slot is None,
        )
        if order.slot is not None:
            receipt = _told_by_sender(receipt, order.slot, wall_ms)
        if is_hedge:
            receipt = replace(receipt, carry=self.books.close(self._uncovered.now()))
        return receipt

    def _covers(self, order: _Order, parts: ClientIndex) -> tuple[Cover, ...]:
        if self._issuer.role is Role.HEDGER:
            return self._walk(order)
        return self._undone(order) if parts.unwinds else ()

    def _walk(self, order: _Order) -> tuple[Cover, ...]:
        """Books all that happened up to the order's last trade; what the order covered of it."""
        own_ids = {trade.trade_id for trade in order.trades}
        covers: list[Cover] = []
        for key in sorted(self._pending, key=lambda each: (each[1], each[0])):
            if key[1] > order.last_id:
                break
            trade = self._pending.pop(key)
            self.books.forget(trade)
            self.books.book(trade, has_own_receipt=self._has_receipt(trade, Role.MAKER))
            if trade.account_index != self._issuer.maker_account:
                taken = self._uncovered.take(trade.signed_lots)
                covers += taken if trade.trade_id in own_ids else ()
            elif self._unwinds(trade):
                self._uncovered.take(trade.signed_lots, newest_first=True)
            else:
                self._uncovered.fill(trade)
        return merged(covers)

    def _undone(self, order: _Order) -> tuple[Cover, ...]:
        """The newest fills before it. A closing order undoes none: it is itself hedged."""
        earlier = Uncovered()
        for trade in sorted(self._fills, key=lambda each: each.trade_id):
            if trade.trade_id < order.trades[0].trade_id:
                earlier.fill(trade)
        return merged(earlier.take(order.lots, newest_first=True))

    # -- whose a trade is --------------------------------------------------------------------

    def _has_receipt(self, trade: AccountTrade, role: Role) -> bool:
        """Whether its order gets a receipt of that role: the pair's, and it took."""
        parts = self._parts(trade)
        account = self._issuer.maker_account if role is Role.MAKER else self._issuer.own_account
        if parts is None or trade.account_index != account or trade.is_maker:
            return False
        return parts.role is role

    def _unwinds(self, trade: AccountTrade) -> bool:
        parts = self._parts(trade)
        return parts is not None and parts.unwinds

    def _parts(self, trade: AccountTrade) -> ClientIndex | None:
        parts = read_client_order_index(trade.client_order_index)
        is_own = parts is not None and parts.pair_hash == self._issuer.pair.hash12
        return parts if is_own and not trade.is_forced else None

    def _nonce(self, parts: ClientIndex) -> int:
        """The index keeps the low bits of the epoch: it is the newest one that ends so."""
        epoch = self._epoch - (self._epoch - parts.epoch_low) % (1 << EPOCH_BITS)
        return (epoch << NONCE_BITS) | parts.nonce_low

    def _times(self, covers: tuple[Cover, ...]) -> tuple[int | None, int | None]:
        """When the first of these fills was seen, and when one first happened."""
        keys = [(self._issuer.maker_account, cover.trade_id) for cover in covers]
        known = [self._noted[key] for key in keys if key in self._noted]
        return (
            min((seen for seen, _ in known), default=None),
            min((filled for _, filled in known), default=None),
        )

    def _quote(self, parts: int) -> str:
        return plain(quote_of(parts, self._issuer.market))


def is_whole(
    trades: Sequence[AccountTrade], *, mark: LegMark | None, anchor_id: int, anchored_lots: int
) -> bool:
    """Whether own trades, oldest first, lead from `mark` (None: anywhere) to the position that is
    proved after `anchor_id`: only then has every executed order shown all its trades."""
    before = [trade for trade in trades if trade.trade_id <= anchor_id]
    lots = None if mark is None else mark.lots
    for trade in before:
        if lots is not None and trade.before_lots != lots:
            return False
        lots = trade.after_lots
    return lots is None or lots == anchored_lots


def without_cut_order(trades: Sequence[AccountTrade]) -> Sequence[AccountTrade]:
    """Of a full page, oldest first: its first order may have begun on the page before."""
    if len(trades) < PAGE:
        return trades
    cut = trades[0].client_order_index
    return [trade for trade in trades if trade.client_order_index != cut]


def _told_by_sender(receipt: Receipt, slot: Slot, wall_ms: Callable[[float], int]) -> Receipt:
    sent = slot.executed or slot.newest
    return replace(
        receipt,
        size_lots=abs(sent.lots),
        price_ticks=sent.price_ticks,
        tx_hash=sent.signed.tx_hash,
        sent_ms=wall_ms(slot.first_sent_s),
        accepted_ms=wall_ms(slot.accepted_s) if slot.accepted_s else None,
    )


def _purpose(parts: ClientIndex) -> Purpose:
    if parts.role is Role.HEDGER:
        return Purpose.HEDGE
    return Purpose.UNWIND if parts.unwinds else Purpose.CLOSE


def _own_trade(trade: AccountTrade) -> OwnTrade:
    return OwnTrade(
        trade_id=trade.trade_id,
        signed_lots=trade.signed_lots,
        price_ticks=trade.price_ticks,
        fee_millionths=trade.fee_millionths,
    )
