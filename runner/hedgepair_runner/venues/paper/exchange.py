"""The door of the paper exchange: intake, delay queue and engine behind one synchronous object."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice

from hedgepair_runner.venues.paper import keys, privileges
from hedgepair_runner.venues.paper.account_views import account_view
from hedgepair_runner.venues.paper.accounts import INSURANCE_FUND, is_account_index, is_key_index
from hedgepair_runner.venues.paper.admitting import Admission
from hedgepair_runner.venues.paper.book_views import book_view, touch
from hedgepair_runner.venues.paper.doors import Doors
from hedgepair_runner.venues.paper.engine import Engine
from hedgepair_runner.venues.paper.events import Event
from hedgepair_runner.venues.paper.executing import Executor
from hedgepair_runner.venues.paper.history import page_of_orders
from hedgepair_runner.venues.paper.matching import Match
from hedgepair_runner.venues.paper.order_queries import by_client_index
from hedgepair_runner.venues.paper.queueing import DelayQueue
from hedgepair_runner.venues.paper.records import (
    MarketRules,
    Order,
    OrderStatus,
    OrderType,
    TimeInForce,
    TxRecord,
)
from hedgepair_runner.venues.paper.refusals import Code
from hedgepair_runner.venues.paper.settings import ExchangeSettings
from hedgepair_runner.venues.paper.sweeping import Switches
from hedgepair_runner.venues.paper.switches import SwitchValue, switched
from hedgepair_runner.venues.paper.timetable import Timetable, Work
from hedgepair_runner.venues.paper.treatments import Treatment
from hedgepair_runner.venues.paper.verdicts import Failed
from hedgepair_runner.venues.paper.views import (
    Accepted,
    AcceptedBatch,
    AccountView,
    Bar,
    BookView,
    Examined,
    MarketStatistics,
    OrderPage,
    Refusal,
    Touch,
    TradePage,
    TradeQuery,
)

FIRST_INTEGRATION_KEY = 4
_DIRECT_EXPIRY_MS = 28 * 86_400_000


class Exchange:
    """Every method is synchronous; events come in causal order: order, trade, position, verdict.

    After an accepted `admit`, call `advance` at once: with no delay the transaction is due already.
    """

    markets: Mapping[int, MarketRules]
    """By market id; the values change with `replace_market` and `set_market_status`."""

    def __init__(
        self,
        *,
        chain_id: int,
        seed: str,
        markets: Sequence[MarketRules],
        settings: ExchangeSettings,
        now_us: int,
    ) -> None:
        self._engine = Engine(
            markets, settings, address_of=partial(keys.l1_address, seed), now_us=now_us
        )
        self._queue = DelayQueue()
        self._switches = Switches(self._engine)
        self._executor = Executor(self._engine, self._queue, self._switches)
        # No bound methods in here: the whole exchange can be pickled.
        self.key_of = keys.PublicKeys(seed)
        self._admission = Admission(
            self._engine, self._queue, chain_id=chain_id, key_of=self.key_of
        )
        self._timetable = Timetable(self._engine, self._queue, self._switches, self._executor)
        self.funding = self._timetable.funding
        self.liquidator = self._timetable.liquidator
        self.markets = self._engine.markets
        self.doors = Doors(self._engine)

    # -- intake (protocol §9.4) --

    def examine(
        self, tx_type: int, tx_info: str | Mapping[str, object], *, now_us: int
    ) -> Examined | Refusal:
        return self._admission.examine(tx_type, tx_info, now_us=now_us)

    def admit(
        self, examined: Examined, *, now_us: int, price_protection: bool = True
    ) -> Accepted | Refusal:
        return self._admission.admit(examined, now_us=now_us, price_protection=price_protection)

    def admit_batch(
        self, examined: Sequence[Examined], *, now_us: int, price_protection: bool = True
    ) -> AcceptedBatch | Refusal:
        return self._admission.admit_batch(
            examined, now_us=now_us, price_protection=price_protection
        )

    # -- time --

    def advance(self, now_us: int) -> list[Event]:
        self._run_due(now_us)
        return self._engine.take_events()

    def next_due_us(self) -> int | None:
        if self._engine.has_events:
            return self._engine.now_us
        return self._timetable.next_due_us()

    def height(self, now_us: int) -> int:
        return self._engine.height(now_us)

    # -- reads --

    def account(self, account_index: int) -> AccountView | None:
        if not is_account_index(account_index) and account_index != INSURANCE_FUND:
            return None
        accounts = self._engine.accounts
        account = accounts.known(account_index) or accounts.fresh(
            account_index, self._engine.now_us
        )
        return account_view(self._engine, account)

    def accounts_of(self, l1_address: str) -> tuple[AccountView, ...]:
        views = (self.account(index) for index in self._engine.accounts.of_address(l1_address))
        return tuple(view for view in views if view is not None)

    def next_nonce(self, account_index: int, api_key_index: int) -> int | None:
        """None: no such account or key."""
        if not is_account_index(account_index) or not is_key_index(api_key_index):
            return None
        return self._queue.next_nonce(account_index, api_key_index)

    def public_key(self, account_index: int, api_key_index: int) -> str | None:
        if not is_account_index(account_index) or not is_key_index(api_key_index):
            return None
        return self.key_of(account_index, api_key_index)

    def api_keys(self, account_index: int) -> tuple[int, ...]:
        """Key indexes that were used, the first integration key at least (protocol §3.7)."""
        return tuple(sorted({FIRST_INTEGRATION_KEY, *self._queue.keys_of(account_index)}))

    def book(self, market_id: int, *, order_limit: int = 0) -> BookView:
        """All levels, and up to `order_limit` single orders per side (0 = none)."""
        return book_view(self._engine, market_id, order_limit=order_limit)

    def touch(self, market_id: int) -> Touch:
        return touch(self._engine, market_id)

    def order_counts(self, market_id: int) -> tuple[int, int]:
        """Resting (asks, bids)."""
        book = self._engine.books[market_id]
        return book.asks.order_count, book.bids.order_count

    def active_orders(self, account_index: int, market_id: int | None = None) -> tuple[Order, ...]:
        """Oldest first."""
        return tuple(
            order
            for order in self._engine.live.of_account(account_index)
            if market_id is None or order.market_id == market_id
        )

    def inactive_orders(
        self,
        account_index: int,
        *,
        market_id: int | None = None,
        is_ask: bool | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        cursor: str = "",
        limit: int = 100,
    ) -> OrderPage:
        """Newest first."""
        closed = self._engine.history.closed_orders(account_index, self._engine.now_us)
        wanted = (
            order
            for order in closed
            if (market_id is None or order.market_id == market_id)
            and (is_ask is None or order.is_ask == is_ask)
            and (start_ms is None or order.updated_us // 1_000 >= start_ms)
            and (end_ms is None or order.updated_us // 1_000 <= end_ms)
        )
        return page_of_orders(wanted, cursor=cursor, limit=limit)

    def orders_by_client_index(
        self, account_index: int, client_order_indexes: Sequence[int]
    ) -> tuple[Order, ...]:
        """Live or remembered; of several orders with one client index, the latest."""
        return by_client_index(self._engine, account_index, client_order_indexes)

    def trades(self, query: TradeQuery) -> TradePage:
        return self._engine.history.trades(query)

    def tx(self, tx_hash: str) -> TxRecord | None:
        return self._engine.history.tx(tx_hash)

    def tx_by_sequence(self, sequence_index: int) -> TxRecord | None:
        return self._engine.history.tx_by_sequence(sequence_index)

    def account_txs(
        self,
        account_index: int,
        *,
        tx_types: frozenset[int] | None = None,
        before_sequence: int | None = None,
        limit: int = 100,
    ) -> tuple[TxRecord, ...]:
        """Newest first."""
        wanted = (
            record
            for record in self._engine.history.txs_of(account_index)
            if (tx_types is None or record.tx_type in tx_types)
            and (before_sequence is None or record.sequence_index < before_sequence)
        )
        return tuple(islice(wanted, limit))

    def mark_price_ticks(self, market_id: int) -> int:
        return self._engine.mark_of(market_id)

    def index_price_ticks(self, market_id: int) -> int:
        return self._engine.prices[market_id].index_ticks

    def statistics(self, market_id: int, *, now_us: int) -> MarketStatistics:
        figures = self._engine.prices[market_id].statistics(
            market_id,
            open_interest_lots=self._engine.open_interest_lots[market_id],
            now_us=now_us,
        )
        return replace(
            figures,
            funding_estimate_millionths=self.funding.estimate_millionths(market_id),
            last_funding=self.funding.last_round(market_id),
        )

    def minute_bars(self, market_id: int) -> tuple[Bar, ...]:
        """Oldest first, of the last 24 hours and the minute under way."""
        return self._engine.prices[market_id].minute_bars()

    # -- doors of the generator, of tests and of the fault switches --

    def place_direct(
        self,
        account_index: int,
        *,
        market_id: int,
        is_ask: bool,
        size_lots: int,
        price_ticks: int,
        now_us: int,
        order_type: OrderType = OrderType.LIMIT,
        time_in_force: TimeInForce = TimeInForce.GTT,
        client_order_index: int = 0,
        reduce_only: bool = False,
    ) -> list[Event]:
        """The market generator's order: no signature, no nonce, no delay, no margin limit.

        From the first one on the account is exempt from margin for good. Raises ValueError for
        nothing to trade and for a client index that is taken.
        """
        order = Order(
            order_index=0,
            client_order_index=client_order_index,
            account_index=account_index,
            market_id=market_id,
            is_ask=is_ask,
            order_type=order_type,
            time_in_force=time_in_force,
            reduce_only=reduce_only,
            price_ticks=price_ticks,
            initial_lots=size_lots,
            expiry_ms=_direct_expiry_ms(time_in_force, now_us),
            created_us=now_us,
        )
        self._run_due(now_us)
        self._match_direct(order)
        self._timetable.look()
        return self._engine.take_events()

    def cancel_direct(self, account_index: int, order_index: int, *, now_us: int) -> list[Event]:
        """Nothing happens if the order is not live."""
        self._run_due(now_us)
        order = self._engine.live.get(order_index)
        if order is not None and order.account_index == account_index:
            self._engine.close_resting(order, OrderStatus.CANCELED)
        return self._engine.take_events()

    def set_market_status(self, market_id: int, status: str) -> None:
        self.replace_market(replace(self.markets[market_id], status=status))

    def replace_market(self, rules: MarketRules) -> None:
        """New rules for a known market, e.g. a raised minimum size. Decimals must stay."""
        known = self.markets[rules.market_id]
        if (rules.size_decimals, rules.price_decimals) != (
            known.size_decimals,
            known.price_decimals,
        ):
            raise ValueError("a market keeps its decimals: its orders count in them")
        self._engine.markets[rules.market_id] = rules
        self._timetable.look()

    def set_index_price(self, market_id: int, index_price_ticks: int, *, now_us: int) -> None:
        self._run_due(now_us)
        self._engine.prices[market_id].set_index(index_price_ticks)
        self._timetable.look()

    def set_tier(self, account_index: int, tier_name: str) -> None:
        account = self._engine.accounts.use(account_index, self._engine.now_us)
        self._engine.accounts.set_tier(account, tier_name)

    def set_quota(self, account_index: int, remaining: int) -> None:
        """Of the account's whole L1 address; without effect on a tier that has no quota."""
        self._engine.accounts.use(account_index, self._engine.now_us).quota.remaining = remaining

    def deposit(self, account_index: int, amount_pico: int, *, now_us: int) -> None:
        """Negative: a withdrawal."""
        self._run_due(now_us)
        account = self._engine.accounts.use(account_index, now_us)
        account.collateral_pico += amount_pico
        account.ledger.note_transfer(amount_pico, now_us=now_us)
        self._engine.account_changed(account)
        self._timetable.look()

    def change_tier(self, account_index: int, new_tier: str, *, now_us: int) -> Code | None:
        self._run_due(now_us)
        account = self._engine.accounts.use(account_index, now_us)
        return privileges.change_tier(self._engine, account, new_tier)

    def set_maker_only_keys(
        self, account_index: int, keys: Collection[int], *, now_us: int
    ) -> Code | None:
        self._run_due(now_us)
        account = self._engine.accounts.use(account_index, now_us)
        return privileges.set_maker_only_keys(self._engine, account, keys)

    def doom(self, tx_hash: str, refusal: Refusal, *, consumes_nonce: bool = True) -> None:
        """Let a queued transaction fail in the engine with this error."""
        self._executor.doom(tx_hash, Failed(refusal=refusal, consumes_nonce=consumes_nonce))

    def treat(self, tx_hash: str, treatment: Treatment | None) -> None:
        """What a fault does to a transaction that is about to be admitted; None: nothing."""
        if treatment is None:
            self._engine.treatments.pop(tx_hash, None)
        else:
            self._engine.treatments[tx_hash] = treatment

    def switch(self, name: str, value: SwitchValue) -> None:
        """Turns an uncertain rule the other way: a name and a position of `switches`."""
        self._engine.settings = switched(self._engine.settings, name, value)

    def open_account(
        self, account_index: int, *, tier: str | None, siblings: Sequence[int], now_us: int
    ) -> None:
        """Makes an account under the L1 address of its siblings, at the default collateral.

        Raises ValueError where it cannot be: it is in use, or there is no such index or tier.
        """
        self._run_due(now_us)
        self._engine.accounts.open(account_index, tier=tier, siblings=siblings, now_us=now_us)

    @property
    def fees_collected_pico(self) -> int:
        """All fees ever taken: with them, value is conserved to the last unit."""
        return self._engine.accounts.fees_pico

    # -- inside --

    def _match_direct(self, order: Order) -> None:
        engine, account_index = self._engine, order.account_index
        if min(order.initial_lots, order.price_ticks) < 1:
            raise ValueError("an order has a size and a price")
        if engine.live.has_client_index(account_index, order.client_order_index):
            raise ValueError(f"client index {order.client_order_index} belongs to a live order")
        engine.accounts.use(account_index, engine.now_us).is_exempt = True
        if self.markets[order.market_id].status == "active":
            order_index = engine.books[order.market_id].new_order_index(order.is_ask)
            Match(engine, replace(order, order_index=order_index)).run()

    def _due(self) -> Iterator[tuple[int, Work]]:
        return self._timetable.due()

    def _run_due(self, now_us: int) -> None:
        """Everything due by now, in the order of its own time, each at its own time."""
        self._timetable.run(now_us)


def _direct_expiry_ms(time_in_force: TimeInForce, now_us: int) -> int:
    return 0 if time_in_force is TimeInForce.IOC else now_us // 1_000 + _DIRECT_EXPIRY_MS
