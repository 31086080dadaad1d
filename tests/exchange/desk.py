"""A trading desk for tests: orders in few words against an exchange under virtual time.

Transactions skip text, hash and key, which have tests of their own, and enter at `admit`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from hedgepair_runner.venues.paper.events import Event, OrderChanged, Traded, TxChanged
from hedgepair_runner.venues.paper.exchange import Exchange
from hedgepair_runner.venues.paper.markets import BTC, ETH
from hedgepair_runner.venues.paper.records import (
    NIL_MARKET,
    Order,
    OrderType,
    TimeInForce,
    Trade,
    TxRecord,
    TxStatus,
)
from hedgepair_runner.venues.paper.settings import ExchangeSettings
from hedgepair_runner.venues.paper.transaction_shapes import (
    TX_TYPES,
    Attributes,
    CancelAllOrders,
    CancelAllTimeInForce,
    CancelOrder,
    CreateOrder,
    MarginDirection,
    MarginMode,
    ModifyOrder,
    Transaction,
    UpdateLeverage,
    UpdateMargin,
)
from hedgepair_runner.venues.paper.views import (
    Accepted,
    AcceptedBatch,
    AccountView,
    BookView,
    Examined,
    Refusal,
)

START_US = 1_800_000_000_000_000
KEY = 4
ALICE, BOB, CAROL, DAVE = 11, 12, 13, 14
PRICE = 200_000
"""2,000.00 USDC for an ETH: the mark from the start."""
UNLIMITED = ExchangeSettings(accidental_price_bps=None, price_band_bps=None)
"""No guards on prices, for tests of other rules."""
MINUTE_US = 60_000_000
_TWENTY_DAYS_MS = 20 * 86_400_000


@dataclass
class Desk:
    settings: ExchangeSettings = UNLIMITED
    now_us: int = START_US
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.exchange = Exchange(
            chain_id=300,
            seed="desk",
            markets=[replace(ETH, start_price_ticks=PRICE), replace(BTC, start_price_ticks=PRICE)],
            settings=self.settings,
            now_us=self.now_us,
        )
        self._hashes = count(1)

    # -- time --

    @property
    def now_ms(self) -> int:
        return self.now_us // 1_000

    def wait(self, microseconds: int = 0) -> list[Event]:
        """Time passes; what the exchange says of it is also kept in `events`."""
        self.now_us += microseconds
        said = self.exchange.advance(self.now_us)
        self.events += said
        return said

    # -- transactions --

    def examined(self, tx: Transaction) -> Examined:
        return Examined(
            tx=tx,
            tx_type=TX_TYPES[type(tx)],
            tx_hash=f"{next(self._hashes):080x}",
            info="{}",
            account_index=tx.account_index,
            api_key_index=tx.api_key_index,
            public_key="",
        )

    def admit(self, tx: Transaction, *, price_protection: bool = True) -> Accepted | Refusal:
        return self.exchange.admit(
            self.examined(tx), now_us=self.now_us, price_protection=price_protection
        )

    def admit_batch(self, txs: Sequence[Transaction]) -> AcceptedBatch | Refusal:
        return self.exchange.admit_batch([self.examined(tx) for tx in txs], now_us=self.now_us)

    def send(self, tx: Transaction) -> TxRecord:
        """Admit, execute what is due, and say how it went. Refusals raise AssertionError."""
        answer = self.admit(tx)
        assert isinstance(answer, Accepted), answer
        self.wait()
        return self.record(answer)

    def record(self, answer: Accepted) -> TxRecord:
        record = self.exchange.tx(answer.tx_hash)
        assert record is not None
        return record

    def nonce(self, account: int, key: int = KEY) -> int:
        nonce = self.exchange.next_nonce(account, key)
        assert nonce is not None
        return nonce

    # -- drafts --

    def order(
        self,
        account: int,
        side: str,
        lots: int,
        price: int = PRICE,
        *,
        tif: TimeInForce = TimeInForce.GTT,
        client: int = 0,
        market: int = 0,
        kind: OrderType = OrderType.LIMIT,
        reduce_only: bool = False,
        attributes: Attributes | None = None,
        key: int = KEY,
        trigger: int = 0,
    ) -> CreateOrder:
        ioc = tif is TimeInForce.IOC and not trigger
        return CreateOrder(
            account_index=account,
            api_key_index=key,
            nonce=self.nonce(account, key),
            expired_at_ms=self.now_ms + 599_000,
            attributes=attributes or Attributes(),
            market_id=market,
            client_order_index=client,
            base_lots=lots,
            price_ticks=price,
            is_ask=side == "sell",
            order_type=kind,
            time_in_force=tif,
            reduce_only=reduce_only,
            trigger_price_ticks=trigger,
            expiry_ms=0 if ioc else self.now_ms + _TWENTY_DAYS_MS,
        )

    def cancel(self, account: int, index: int, *, market: int = 0) -> CancelOrder:
        return CancelOrder(
            account_index=account,
            api_key_index=KEY,
            nonce=self.nonce(account),
            expired_at_ms=self.now_ms + 599_000,
            market_id=market,
            index=index,
        )

    def modify(
        self,
        account: int,
        index: int,
        lots: int,
        price: int = PRICE,
        *,
        version: int = 0,
        trigger: int = 0,
    ) -> ModifyOrder:
        return ModifyOrder(
            account_index=account,
            api_key_index=KEY,
            nonce=self.nonce(account),
            expired_at_ms=self.now_ms + 599_000,
            attributes=Attributes(order_version=version),
            market_id=0,
            index=index,
            base_lots=lots,
            price_ticks=price,
            trigger_price_ticks=trigger,
        )

    def cancel_all(
        self,
        account: int,
        tif: CancelAllTimeInForce = CancelAllTimeInForce.IMMEDIATE,
        *,
        time_ms: int = 0,
        market: int = NIL_MARKET,
    ) -> CancelAllOrders:
        return CancelAllOrders(
            account_index=account,
            api_key_index=KEY,
            nonce=self.nonce(account),
            expired_at_ms=self.now_ms + 599_000,
            attributes=Attributes(cancel_all_market=market),
            time_in_force=tif,
            time_ms=time_ms,
        )

    def leverage(
        self, account: int, fraction: int, mode: MarginMode = MarginMode.CROSS
    ) -> UpdateLeverage:
        return UpdateLeverage(
            account_index=account,
            api_key_index=KEY,
            nonce=self.nonce(account),
            expired_at_ms=self.now_ms + 599_000,
            market_id=0,
            initial_margin_fraction=fraction,
            margin_mode=mode,
        )

    def margin(
        self, account: int, usdc_micro: int, direction: MarginDirection = MarginDirection.ADD
    ) -> UpdateMargin:
        return UpdateMargin(
            account_index=account,
            api_key_index=KEY,
            nonce=self.nonce(account),
            expired_at_ms=self.now_ms + 599_000,
            market_id=0,
            usdc_micro=usdc_micro,
            direction=direction,
        )

    def index(self, ticks: int, *, market: int = 0) -> list[Event]:
        """The index price moves; what follows at once is heard."""
        self.exchange.set_index_price(market, ticks, now_us=self.now_us)
        return self.wait()

    # -- in few words --

    def place(
        self,
        account: int,
        side: str,
        lots: int,
        price: int = PRICE,
        *,
        tif: TimeInForce = TimeInForce.GTT,
        client: int = 0,
        market: int = 0,
        kind: OrderType = OrderType.LIMIT,
        reduce_only: bool = False,
        attributes: Attributes | None = None,
        trigger: int = 0,
    ) -> Order:
        """Send an order; the answer is the order as it ended or rests."""
        before = len(self.events)
        draft = self.order(
            account,
            side,
            lots,
            price,
            tif=tif,
            client=client,
            market=market,
            kind=kind,
            reduce_only=reduce_only,
            attributes=attributes,
            trigger=trigger,
        )
        record = self.send(draft)
        assert record.status is TxStatus.EXECUTED, record.event_info
        own = [
            event.order
            for event in self.events[before:]
            if isinstance(event, OrderChanged) and event.order.account_index == account
        ]
        index = own[-1].order_index
        found = [order for order in own if order.order_index == index]
        return found[-1]

    def order_now(self, order: Order) -> Order:
        """The latest word on an order."""
        return next(
            event.order
            for event in reversed(self.events)
            if isinstance(event, OrderChanged) and event.order.order_index == order.order_index
        )

    @property
    def trades(self) -> list[Trade]:
        return [event.trade for event in self.events if isinstance(event, Traded)]

    @property
    def verdicts(self) -> list[TxRecord]:
        return [event.record for event in self.events if isinstance(event, TxChanged)]

    def position(self, account: int, market: int = 0) -> int:
        view = self.account(account)
        sizes = {held.position.market_id: held.position.size_lots for held in view.positions}
        return sizes.get(market, 0)

    def account(self, account: int) -> AccountView:
        view = self.exchange.account(account)
        assert view is not None
        return view

    def book(self, market: int = 0) -> BookView:
        return self.exchange.book(market, order_limit=1_000)

    def levels(self, side: str) -> list[tuple[int, int]]:
        """(price, lots), best first."""
        book = self.book()
        levels = book.asks if side == "sell" else book.bids
        return [(level.price_ticks, level.size_lots) for level in levels]


def code_of(answer: object) -> int:
    """The code of a refusal; 0 for what was accepted."""
    return answer.code if isinstance(answer, Refusal) else 0
