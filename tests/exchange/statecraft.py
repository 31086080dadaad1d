"""A recorded exchange that lives through anything, and its state in a form that can be compared."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from fractions import Fraction
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from hedgepair_runner.venues.paper.markets import BTC, ETH
from hedgepair_runner.venues.paper.recording import RecordedExchange
from hedgepair_runner.venues.paper.records import OrderType, TimeInForce
from hedgepair_runner.venues.paper.refusals import Code, refuse
from hedgepair_runner.venues.paper.settings import ExchangeSettings
from hedgepair_runner.venues.paper.signing import sign_transaction
from hedgepair_runner.venues.paper.state_dir import StateDir
from hedgepair_runner.venues.paper.state_disk import Disk
from hedgepair_runner.venues.paper.state_identity import identity_of
from hedgepair_runner.venues.paper.transactions import (
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
from hedgepair_runner.venues.paper.treatments import Treatment
from hedgepair_runner.venues.paper.verdicts import Failed
from hedgepair_runner.venues.paper.views import Examined

START_US = 1_800_000_000_000_000
SEED = "state"
CHAIN_ID = 300
KEY = 4
ACCOUNTS = (11, 12, 13)
DIRECT = 900
MARKETS = (replace(ETH, start_price_ticks=200_000), replace(BTC, start_price_ticks=200_000))
SETTINGS = ExchangeSettings(
    tier_of_account={12: "standard", 13: "premium"}, trades_kept=40, txs_kept=60
)
"""Delays, fees, quotas, and a history so short that it is trimmed."""


def new_exchange() -> RecordedExchange:
    return RecordedExchange(
        chain_id=CHAIN_ID, seed=SEED, markets=MARKETS, settings=SETTINGS, now_us=START_US
    )


def open_state(path: Path, *, seed: str = SEED, disk: Disk | None = None, **more: Any) -> StateDir:
    identity = identity_of(seed=seed, chain_id=CHAIN_ID, markets=MARKETS, settings=SETTINGS)
    return StateDir(path, identity=identity, new=new_exchange, disk=disk, **more)


class Life:
    """Random calls of every door that changes an exchange, at random times."""

    def __init__(self, exchange: RecordedExchange, chance: Random) -> None:
        self.exchange = exchange
        self._chance = chance
        self._now_us = max(START_US, exchange.now_us)
        self._doors: list[tuple[int, Callable[[], object]]] = [
            (30, self._send),
            (6, self._send_batch),
            (12, self._trade_directly),
            (4, self._cancel_directly),
            (10, self._pass_time),
            (3, self._price),
            (1, self._deposit),
            (1, self._tier),
            (1, self._status),
            (1, self._doom),
            (1, self._switch),
            (1, self._open),
        ]

    def go(self, steps: int) -> None:
        weights = [weight for weight, _ in self._doors]
        for _ in range(steps):
            self._now_us += self._chance.randrange(20_000)
            [(_, door)] = self._chance.choices(self._doors, weights)
            door()

    # -- transactions --

    def _send(self) -> None:
        account = self._chance.choice(ACCOUNTS)
        nonce = self._next_nonce(account) + (self._chance.random() < 0.05)
        examined = self._examined(self._transaction(account, nonce))
        if self._chance.random() < 0.1:
            self.exchange.treat(examined.tx_hash, self._treatment())
        self.exchange.admit(
            examined, now_us=self._now_us, price_protection=self._chance.random() < 0.5
        )
        if self._chance.random() < 0.8:
            self.exchange.advance(self._now_us)

    def _treatment(self) -> Treatment | None:
        failure = Failed(refusal=refuse(Code.ORDER_NOT_ACTIVE), consumes_nonce=False)
        return self._chance.choice(
            [
                None,
                Treatment(extra_us=400_000),
                Treatment(failure=failure),
                Treatment(fill_most=Fraction(1, 3), hides_reduce_only=True),
            ]
        )

    def _send_batch(self) -> None:
        account = self._chance.choice(ACCOUNTS)
        first = self._next_nonce(account)
        count = self._chance.randint(1, 4)
        batch = [self._examined(self._transaction(account, first + n)) for n in range(count)]
        self.exchange.admit_batch(batch, now_us=self._now_us)
        self.exchange.advance(self._now_us)

    def _next_nonce(self, account: int) -> int:
        nonce = self.exchange.next_nonce(account, KEY)
        assert nonce is not None
        return nonce

    def _examined(self, tx: Transaction) -> Examined:
        signed = sign_transaction(tx, chain_id=CHAIN_ID, private_key=None)
        return Examined(
            tx=tx,
            tx_type=signed.tx_type,
            tx_hash=signed.tx_hash,
            info=signed.tx_info,
            account_index=tx.account_index,
            api_key_index=tx.api_key_index,
            public_key="",
        )

    def _transaction(self, account: int, nonce: int) -> Transaction:
        chance = self._chance
        who: dict[str, Any] = {
            "account_index": account,
            "api_key_index": KEY,
            "nonce": nonce,
            "expired_at_ms": self._now_us // 1_000 + 599_000,
        }
        market = chance.randrange(2)
        match chance.randrange(10):
            case 0:
                return CancelOrder(**who, market_id=market, index=self._some_order(account))
            case 1:
                index = self._some_order(account)
                return ModifyOrder(
                    **who,
                    market_id=market,
                    index=index,
                    base_lots=chance.randint(100, 900),
                    price_ticks=self._near(),
                )
            case 2:
                kind = CancelAllTimeInForce(chance.randrange(3))
                time_ms = self._now_us // 1_000 + 400_000
                if kind is not CancelAllTimeInForce.SCHEDULED:
                    time_ms = 0
                return CancelAllOrders(**who, time_in_force=kind, time_ms=time_ms)
            case 3:
                fraction = chance.choice([250, 500, 1_000])
                return UpdateLeverage(
                    **who,
                    market_id=market,
                    initial_margin_fraction=fraction,
                    margin_mode=MarginMode.CROSS,
                )
        tif = TimeInForce(chance.randrange(3))
        return CreateOrder(
            **who,
            attributes=Attributes(self_trade_behaviour=chance.randrange(3)),
            market_id=market,
            client_order_index=chance.randrange(40),
            base_lots=chance.randint(100, 900),
            price_ticks=self._near(),
            is_ask=chance.random() < 0.5,
            order_type=OrderType.LIMIT,
            time_in_force=tif,
            reduce_only=chance.random() < 0.2,
            expiry_ms=0 if tif is TimeInForce.IOC else self._now_us // 1_000 + 601_000,
        )

    def _near(self) -> int:
        return 200_000 + self._chance.randint(-20, 20)

    def _some_order(self, account: int) -> int:
        orders = self.exchange.active_orders(account)
        return self._chance.choice(orders).order_index if orders else 7

    # -- the other doors --

    def _trade_directly(self) -> None:
        self._or_refused(
            partial(
                self.exchange.place_direct,
                DIRECT,
                market_id=self._chance.randrange(2),
                is_ask=self._chance.random() < 0.5,
                size_lots=self._chance.randint(0, 900),
                price_ticks=self._near(),
                now_us=self._now_us,
                time_in_force=TimeInForce(self._chance.randrange(2)),
            )
        )

    def _cancel_directly(self) -> None:
        index = self._some_order(DIRECT)
        self.exchange.cancel_direct(DIRECT, index, now_us=self._now_us)

    def _pass_time(self) -> None:
        self._now_us += self._chance.choice([0, 250_000, 2_000_000, 300_000_000])
        self.exchange.advance(self._now_us)

    def _price(self) -> None:
        ticks = 200_000 + self._chance.randint(-40, 40)
        self.exchange.set_index_price(self._chance.randrange(2), ticks, now_us=self._now_us)

    def _deposit(self) -> None:
        pico = self._chance.choice([-(10**12), 10**15, 10**21])
        self.exchange.deposit(self._chance.choice(ACCOUNTS), pico, now_us=self._now_us)

    def _tier(self) -> None:
        self.exchange.set_tier(11, self._chance.choice(["none", "plus", "premium"]))

    def _status(self) -> None:
        self.exchange.set_market_status(1, self._chance.choice(["active", "inactive"]))

    def _doom(self) -> None:
        records = self.exchange.account_txs(self._chance.choice(ACCOUNTS), limit=1)
        for record in records:
            refusal = refuse(Code.ORDER_NOT_ACTIVE)
            self.exchange.doom(record.tx_hash, refusal, consumes_nonce=False)

    def _switch(self) -> None:
        self.exchange.switch("dead_cancel", self._chance.choice(["refuse", "no-effect"]))

    def _open(self) -> None:
        account = self._chance.randint(20, 24)
        open_account = partial(
            self.exchange.open_account, account, tier="plus", siblings=(11,), now_us=self._now_us
        )
        self._or_refused(open_account)

    def _or_refused(self, call: Callable[[], object]) -> None:
        try:
            call()
        except ValueError:
            return


def state_of(value: object) -> Any:
    """Everything that a thing holds, as plain containers. Caches and notes are no state."""
    match value:
        case None | bool() | int() | str() | bytes():
            return value
        case Enum():
            return value.value
        case Mapping():
            return {_key(key): state_of(each) for key, each in value.items()}
        case set() | frozenset():
            return sorted(map(repr, value))
        case list() | tuple() | deque():
            return [state_of(each) for each in value]
        case partial():
            return [value.func.__name__, state_of(value.args)]
    if is_dataclass(value):
        return {field.name: state_of(getattr(value, field.name)) for field in fields(value)}
    names = [name for cls in type(value).__mro__ for name in getattr(cls, "__slots__", ())]
    held = {name: getattr(value, name) for name in names if hasattr(value, name)}
    held |= getattr(value, "__dict__", {})
    # A heap's inner order tells when it was tidied, not what it holds.
    held |= {name: sorted(held[name]) for name in ("_heap", "_expiries") if name in held}
    skipped = {"note", "_events", "_engine", "_queue", "_addresses", "_of"}
    if isinstance(value, RecordedExchange):
        skipped -= {"_engine", "_queue"}
    return {name: state_of(each) for name, each in held.items() if name not in skipped}


def _key(key: object) -> object:
    return key.value if isinstance(key, Enum) else key


# -- disks --


class ForgetfulDisk(Disk):
    """A disk that can be full, for the process or for its snapshot children only."""

    is_full = False
    fails_in_children = False

    def append(self, descriptor: int, data: bytes) -> None:
        is_snapshot = data.startswith(b'{"hedgepair_snapshot"')
        if self.is_full or (self.fails_in_children and is_snapshot):
            raise OSError(28, "No space left on device")
        super().append(descriptor, data)


class SlowDisk(Disk):
    """Its syncs wait until they may go on."""

    def __init__(self) -> None:
        super().__init__()
        self.is_slow = False
        self.waits = threading.Event()
        self.goes_on = threading.Event()

    def sync(self, descriptor: int) -> None:
        if self.is_slow:
            self.waits.set()
            assert self.goes_on.wait(10)
        super().sync(descriptor)
