"""A venue, its clients, and what must hold whatever they do: conservation, priority, one truth.

Everything goes through the gateway: transactions as WebSocket frames, reads by REST. Of the inside
only the events are overheard, to judge the priority of each single fill.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from hedgepair_runner.venues.paper.events import Event, Traded, TxChanged
from hedgepair_runner.venues.paper.positions import signed_entry_micro
from hedgepair_runner.venues.paper.publishing import Publisher
from hedgepair_runner.venues.paper.records import (
    NIL_MARKET,
    OrderType,
    TimeInForce,
    Trade,
    TxRecord,
    TxStatus,
)
from hedgepair_runner.venues.paper.settings import ExchangeSettings
from hedgepair_runner.venues.paper.signing import SignedTransaction
from hedgepair_runner.venues.paper.transaction_shapes import (
    Attributes,
    CancelAllOrders,
    CancelAllTimeInForce,
    CancelOrder,
    CreateOrder,
    MarginMode,
    ModifyOrder,
    Transaction,
    UpdateLeverage,
)
from tests.exchange.actions import (
    Action,
    Batch,
    Cancel,
    CancelAll,
    Halt,
    Leverage,
    Modify,
    Place,
    Wait,
    WrongNonce,
)
from tests.exchange.booth import BOTH_ETH_AND_BTC, Booth, Json, Line, tx_frame
from tests.exchange.story import Story, rank
from tests.exchange.watching import API, Watcher, read

TRADERS = (1, 2, 3, 4)
USDC = 10**12
SETTINGS = ExchangeSettings(
    tier_of_account={1: "premium", 2: "plus", 3: "standard", 4: "none"},
    same_l1=frozenset({frozenset({3, 4})}),
    accidental_price_bps=None,
    funding_interval_us=60_000_000,
)
"""Fees and delays that differ, two accounts of one owner, free prices, and funding every minute."""
NOT_INCLUDED = ("21501", "21104", "21739")
"""Failures after acceptance that leave the nonce (protocol §7.1.3)."""
_EXPIRY_MS = 360_000
_NEVER_US = 10**15
_HALTED_STEPS = 5


class Overheard(Publisher):
    """Tells every event to the model before it is published."""

    def __init__(self, model: Model) -> None:
        super().__init__(model.booth.exchange, model.booth.gateway.settings)
        self._model = model

    def publish(self, events: Iterable[Event], *, now_us: int) -> None:
        listed = list(events)
        for event in listed:
            self._model.hear(event)
        super().publish(listed, now_us=now_us)


@dataclass
class Key:
    """What a client expects of one API key's nonces."""

    included: int = 0
    waiting: deque[tuple[str, int, bool]] = field(default_factory=deque)
    """(hash, nonce, skips) of accepted transactions without a verdict, oldest first."""

    @property
    def next_nonce(self) -> int:
        return self.waiting[-1][1] + 1 if self.waiting else self.included + 1


class Model:
    def __init__(self, settings: ExchangeSettings = SETTINGS) -> None:
        self.booth = Booth(
            exchange=settings,
            complete_fields=True,
            ping_every_us=None,
            idle_close_us=_NEVER_US,
            statistics_every_us=_NEVER_US,
        )
        self.story = Story()
        self.trades: list[Trade] = []
        self.keys: dict[tuple[int, int], Key] = {}
        self.steps = 0
        self._opens_at: dict[int, int] = {}
        self.booth.gateway.publisher = Overheard(self)
        self.watchers = [Watcher(booth=self.booth, account=account) for account in TRADERS]
        self.books = [BookWatcher(self.booth, rules.market_id) for rules in BOTH_ETH_AND_BTC]
        self.desk = self.booth.line()

    def hear(self, event: Event) -> None:
        self.story.hear(event)
        match event:
            case Traded(trade=trade):
                self.trades.append(trade)
            case TxChanged(record=record) if record.status is not TxStatus.PENDING:
                self._hear_verdict(record)
            case _:
                pass

    def _hear_verdict(self, record: TxRecord) -> None:
        key = self._key(record.account_index, record.api_key_index)
        tx_hash, nonce, skips = key.waiting.popleft()
        assert (record.tx_hash, record.nonce) == (tx_hash, nonce), (
            "verdicts come in order of sending"
        )
        failed = record.status is TxStatus.FAILED
        if failed and json.loads(record.event_info)["ae"].startswith(NOT_INCLUDED):
            return
        assert nonce == key.included + 1 or (skips and nonce > key.included), "nonces are gapless"
        key.included = nonce

    def _key(self, account: int, key: int) -> Key:
        return self.keys.setdefault((account, key), Key())

    # -- what is done --

    def replay(self, actions: Sequence[Action]) -> None:
        for action in actions:
            self.act(action)
        self.finish()

    def act(self, action: Action) -> None:
        self.steps += 1
        for market in [each for each, step in self._opens_at.items() if step <= self.steps]:
            self.booth.exchange.set_market_status(market, "active")
            del self._opens_at[market]
        match action:
            case Wait(ms=ms):
                self.booth.pass_ms(ms)
            case Halt(market=market):
                self.booth.exchange.set_market_status(market, "inactive")
                self._opens_at[market] = self.steps + _HALTED_STEPS
            case Batch(places=places):
                self._send_batch(places)
            case WrongNonce(account=account, key=key, by=by):
                self._send_wrong(account, key, by)
            case _:
                tx = self._tx(action)
                if tx is not None:
                    self._send(tx)
        self.check()

    def finish(self) -> None:
        """Lets everything that is queued execute, and compares all that was told with REST."""
        self.booth.pass_ms(10_000)
        self.check()
        assert not any(key.waiting for key in self.keys.values())
        self.compare()

    def _tx(self, action: Place | Cancel | Modify | CancelAll | Leverage) -> Transaction | None:
        match action:
            case Place():
                return self._create(action)
            case Cancel() | Modify():
                return self._aimed(action)
            case CancelAll(account=account, key=key, market=market):
                scheduled = action.mode == CancelAllTimeInForce.SCHEDULED
                only = NIL_MARKET if market is None or action.mode else market
                return CancelAllOrders(
                    account_index=account,
                    api_key_index=key,
                    nonce=self._key(account, key).next_nonce,
                    expired_at_ms=self.booth.now_ms + 599_000,
                    attributes=Attributes(cancel_all_market=only),
                    time_in_force=CancelAllTimeInForce(action.mode),
                    time_ms=self.booth.now_ms + action.minutes * 60_000 if scheduled else 0,
                )
            case Leverage(account=account, key=key):
                return UpdateLeverage(
                    account_index=account,
                    api_key_index=key,
                    nonce=self._key(account, key).next_nonce,
                    expired_at_ms=self.booth.now_ms + 599_000,
                    market_id=action.market,
                    initial_margin_fraction=action.fraction,
                    margin_mode=MarginMode.CROSS,
                )
            case _:
                assert_never(action)

    def _create(self, action: Place) -> CreateOrder:
        rules = self.booth.exchange.markets[action.market]
        triggered = OrderType.STOP_LOSS <= action.kind <= OrderType.TAKE_PROFIT_LIMIT
        markets = (OrderType.MARKET, OrderType.STOP_LOSS, OrderType.TAKE_PROFIT)
        ioc = action.kind in markets or action.tif == TimeInForce.IOC
        equality = 0 if action.behaviour == 3 else action.equality
        return CreateOrder(
            account_index=action.account,
            api_key_index=action.key,
            nonce=self._key(action.account, action.key).next_nonce + action.skip,
            expired_at_ms=self.booth.now_ms + 599_000,
            attributes=Attributes(
                skip_nonce=action.skip > 0,
                self_trade_behaviour=action.behaviour,
                self_trade_equality=equality,
            ),
            market_id=action.market,
            client_order_index=action.client,
            base_lots=action.lots,
            price_ticks=rules.start_price_ticks + action.offset,
            is_ask=action.is_ask,
            order_type=OrderType(action.kind),
            time_in_force=TimeInForce.IOC if ioc else TimeInForce(action.tif),
            reduce_only=action.reduce_only,
            trigger_price_ticks=rules.start_price_ticks + action.trigger if triggered else 0,
            expiry_ms=0 if ioc and not triggered else self.booth.now_ms + _EXPIRY_MS,
        )

    def _aimed(self, action: Cancel | Modify) -> CancelOrder | ModifyOrder | None:
        """At one of the account's orders, by its client index where it has one."""
        watcher = self.watchers[TRADERS.index(action.account)]
        closed = isinstance(action, Cancel) and action.closed
        orders = [each for each in self.story.orders.values() if each.status.is_terminal is closed]
        mine = [each for each in orders if each.account_index == watcher.account]
        if not mine:
            return None
        order = mine[action.which % len(mine)]
        index = order.client_order_index or order.order_index
        key = self._key(action.account, action.key)
        until_ms = self.booth.now_ms + 599_000
        if isinstance(action, Cancel):
            return CancelOrder(
                account_index=action.account,
                api_key_index=action.key,
                nonce=key.next_nonce,
                expired_at_ms=until_ms,
                market_id=order.market_id,
                index=index,
            )
        start = self.booth.exchange.markets[order.market_id].start_price_ticks
        return ModifyOrder(
            account_index=action.account,
            api_key_index=action.key,
            nonce=key.next_nonce,
            expired_at_ms=until_ms,
            attributes=Attributes(order_version=action.version),
            market_id=order.market_id,
            index=index,
            base_lots=action.lots,
            price_ticks=start + action.offset,
        )

    # -- how it is sent --

    def _send(self, tx: Transaction) -> None:
        signed = self.booth.sign(tx)
        key = self._key(tx.account_index, tx.api_key_index)
        entry = (signed.tx_hash, tx.nonce, tx.attributes.skip_nonce)
        key.waiting.append(entry)
        answer = self._ask(tx_frame(signed))
        if "error" in answer:
            _check_refusal(answer["error"])
            assert key.waiting.pop() == entry
        else:
            assert answer["tx_hash"] == signed.tx_hash

    def _send_batch(self, places: Sequence[Place]) -> None:
        first = self._create(places[0])
        drafts = [self._create(replace(each, skip=0)) for each in places]
        txs = [replace(tx, nonce=first.nonce + step) for step, tx in enumerate(drafts)]
        signed = [self.booth.sign(tx) for tx in txs]
        key = self._key(first.account_index, first.api_key_index)
        entries = [(each.tx_hash, tx.nonce, False) for each, tx in zip(signed, txs, strict=True)]
        key.waiting.extend(entries)
        answer = self._ask(_batch_frame(signed))
        if "error" in answer:
            _check_refusal(answer["error"])
            assert [key.waiting.pop() for _ in entries][::-1] == entries, "all or none"
        else:
            assert answer["tx_hash"] == [each.tx_hash for each in signed]

    def _send_wrong(self, account: int, key: int, by: int) -> None:
        draft = self._create(Place(account, key, 0, False, 500, -40))
        wrong = self.booth.sign(replace(draft, nonce=max(0, draft.nonce + by)))
        error = self._ask(tx_frame(wrong)).get("error", {})
        assert error.get("code") == 21_104 or draft.nonce + by < 0, error

    def _ask(self, frame: Json) -> Json:
        [answer] = self.desk.say(frame)
        return answer

    # -- what must hold --

    def check(self) -> None:
        """After every step: cheap, and about the step itself."""
        self._check_value()
        for (account, key), expected in self.keys.items():
            assert self.booth.exchange.next_nonce(account, key) == expected.next_nonce
        for rules in BOTH_ETH_AND_BTC:
            touch = self.booth.exchange.touch(rules.market_id)
            if touch.ask and touch.bid:
                assert touch.ask.price_ticks > touch.bid.price_ticks, "never crossed"
        for book in self.books:
            book.catch_up()
        for watcher in self.watchers:
            watcher.catch_up()

    def _check_value(self) -> None:
        """Positions cancel out, and no unit of money appears or gets lost."""
        views = [self.booth.exchange.account(account) for account in TRADERS]
        held = [each.position for view in views if view for each in view.positions]
        for rules in BOTH_ETH_AND_BTC:
            lots = sum(each.size_lots for each in held if each.market_id == rules.market_id)
            assert lots == 0, "what one is long, others are short"
        at_cost = sum(signed_entry_micro(position) for position in held) * 10**6
        fees = self.booth.exchange.fees_collected_pico
        total = sum(view.collateral_pico for view in views if view) - at_cost + fees
        assert total == len(TRADERS) * 100_000 * USDC

    def compare(self) -> None:
        """All that was ever told, against REST."""
        self.booth.gateway.publisher.flush(self.booth.clock.us)
        self.check()
        self._check_trades()
        for watcher in self.watchers:
            watcher.compare()
        for book in self.books:
            book.compare(self.story)
        for (account, key), expected in self.keys.items():
            path = f"{API}nextNonce?account_index={account}&api_key_index={key}"
            assert read(self.booth, path)["nonce"] == expected.next_nonce

    def _check_trades(self) -> None:
        """Base, fees and the public tape follow from the trades alone."""
        fees = sum(
            trade.quote_micro * party.fee_millionths
            for trade in self.trades
            for party in (trade.maker, trade.taker)
        )
        assert self.booth.exchange.fees_collected_pico == fees
        held: dict[tuple[int, int], int] = {}
        for trade in self.trades:
            for party, sign in ((trade.bid, 1), (trade.ask, -1)):
                place = (party.account_index, trade.market_id)
                assert party.position_before_lots == held.get(place, 0)
                held[place] = party.position_before_lots + sign * trade.size_lots
        for account in TRADERS:
            view = self.booth.exchange.account(account)
            assert view is not None
            for each in view.positions:
                market = each.position.market_id
                assert each.position.size_lots == held.get((account, market), 0)


class BookWatcher:
    """A book from its frames alone; every frame must link to the one before."""

    def __init__(self, booth: Booth, market: int) -> None:
        self.booth = booth
        self.market = market
        self.line: Line = booth.line()
        self.levels: dict[tuple[str, str], str] = {}
        snapshot = self.line.subscribe(f"order_book/{market}")["order_book"]
        self.nonce: int = snapshot["nonce"]
        self._take(snapshot)
        self.line.subscribe(f"trade/{market}")
        self.last_trade_id = 0

    def catch_up(self) -> None:
        for frame in self.line.take():
            if frame["type"] == "update/order_book":
                book = frame["order_book"]
                assert book["begin_nonce"] == self.nonce, "no link is missing"
                assert book["nonce"] > self.nonce
                self.nonce = book["nonce"]
                self._take(book)
            elif frame["type"] == "update/trade":
                for trade in frame["trades"]:
                    assert trade["trade_id"] > self.last_trade_id
                    self.last_trade_id = trade["trade_id"]

    def _take(self, book: Json) -> None:
        for side in ("asks", "bids"):
            for level in book[side]:
                if float(level["size"]):
                    self.levels[side, level["price"]] = level["size"]
                else:
                    # One that came and went within a batch was never told.
                    self.levels.pop((side, level["price"]), None)

    def compare(self, story: Story) -> None:
        """The frames, the events and REST tell one book, each order once, best and oldest first."""
        body = read(self.booth, f"{API}orderBookOrders?market_id={self.market}&limit=250")
        rules = self.booth.exchange.markets[self.market]
        sums: dict[tuple[str, str], int] = {}
        for side in ("asks", "bids"):
            assert body[f"total_{side}"] == len(body[side])
            for order in body[side]:
                lots = round(float(order["remaining_base_amount"]) * 10**rules.size_decimals)
                place = (side, order["price"])
                sums[place] = sums.get(place, 0) + lots
            resting = sorted(story.resting(self.market, side == "asks"), key=rank)
            assert [order["order_index"] for order in body[side]] == [
                order.order_index for order in resting
            ]
        told = {
            place: round(float(size) * 10**rules.size_decimals)
            for place, size in self.levels.items()
        }
        assert told == sums


def _batch_frame(signed: Sequence[SignedTransaction]) -> Json:
    data = {
        "tx_types": json.dumps([each.tx_type for each in signed]),
        "tx_infos": json.dumps([each.tx_info for each in signed]),
    }
    return {"type": "jsonapi/sendtxbatch", "data": data}


def _check_refusal(error: Json) -> None:
    """A documented refusal, never an internal error."""
    assert 21_000 <= error["code"] < 22_000 or error["code"] == 23_000, error
