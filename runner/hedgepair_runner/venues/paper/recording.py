"""An exchange that notes every call which changes it, and can do again what was noted.

The engine is deterministic: the same calls at the same times give the same orders, trades and
nonces. So the calls are the journal, with those of the market generator and of the fault switches.
Each is noted before it is carried out, whatever comes of it: a refusal may leave traces, too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict
from fractions import Fraction
from typing import Any

import orjson

from hedgepair_runner.venues.paper.events import Event
from hedgepair_runner.venues.paper.exchange import Exchange
from hedgepair_runner.venues.paper.journal_lines import Entry
from hedgepair_runner.venues.paper.records import MarketRules, OrderType, TimeInForce
from hedgepair_runner.venues.paper.refusals import Code
from hedgepair_runner.venues.paper.switches import SwitchValue
from hedgepair_runner.venues.paper.transactions import InvalidTransaction, parse_transaction
from hedgepair_runner.venues.paper.treatments import Treatment
from hedgepair_runner.venues.paper.verdicts import Failed
from hedgepair_runner.venues.paper.views import Accepted, AcceptedBatch, Examined, Refusal

Note = Callable[[Sequence[object]], None]


class BadEntryError(Exception):
    """An entry that no exchange of this build has noted."""


def _nowhere(entry: Sequence[object]) -> None:
    """Nobody keeps notes: the default, and while old ones are carried out."""


class RecordedExchange(Exchange):
    """`note` takes each entry `[kind, …]`:

    tx        now_us, price protection, type, hash, tx_info
    batch     now_us, price protection, [[type, hash, tx_info], …]
    time      now_us
    order     now_us, account, market, is ask, lots, ticks, type, time in force, client index,
              reduce only
    cancel    now_us, account, order index
    index     now_us, market, ticks
    deposit   now_us, account, pico
    tier      the engine's now_us, account, name
    retier    now_us, account, name
    makers    now_us, account, [keys]
    market    {rules}
    doom      hash, code, message, consumes nonce
    treat     hash, null or [extra µs, null or [code, message, consumes nonce], null or the part
              that fills as text, hides reduce-only]
    switch    name, value
    open      now_us, account, tier or null, [siblings]
    """

    note: Note = staticmethod(_nowhere)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "note"}

    @property
    def now_us(self) -> int:
        """The latest time that anything happened at."""
        return self._engine.now_us

    # -- the doors that change something --

    def admit(
        self, examined: Examined, *, now_us: int, price_protection: bool = True
    ) -> Accepted | Refusal:
        self.note(["tx", now_us, price_protection, *_noted(examined)])
        return super().admit(examined, now_us=now_us, price_protection=price_protection)

    def admit_batch(
        self, examined: Sequence[Examined], *, now_us: int, price_protection: bool = True
    ) -> AcceptedBatch | Refusal:
        self.note(["batch", now_us, price_protection, [_noted(each) for each in examined]])
        return super().admit_batch(examined, now_us=now_us, price_protection=price_protection)

    def advance(self, now_us: int) -> list[Event]:
        if any(due_us <= now_us for due_us, _ in self._due()):
            self.note(["time", now_us])
        return super().advance(now_us)

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
        order = [account_index, market_id, is_ask, size_lots, price_ticks, order_type]
        self.note(["order", now_us, *order, time_in_force, client_order_index, reduce_only])
        return super().place_direct(
            account_index,
            market_id=market_id,
            is_ask=is_ask,
            size_lots=size_lots,
            price_ticks=price_ticks,
            now_us=now_us,
            order_type=order_type,
            time_in_force=time_in_force,
            client_order_index=client_order_index,
            reduce_only=reduce_only,
        )

    def cancel_direct(self, account_index: int, order_index: int, *, now_us: int) -> list[Event]:
        self.note(["cancel", now_us, account_index, order_index])
        return super().cancel_direct(account_index, order_index, now_us=now_us)

    def set_index_price(self, market_id: int, index_price_ticks: int, *, now_us: int) -> None:
        self.note(["index", now_us, market_id, index_price_ticks])
        super().set_index_price(market_id, index_price_ticks, now_us=now_us)

    def deposit(self, account_index: int, amount_pico: int, *, now_us: int) -> None:
        # As text: the amount may be longer than a number in JSON.
        self.note(["deposit", now_us, account_index, str(amount_pico)])
        super().deposit(account_index, amount_pico, now_us=now_us)

    def set_quota(self, account_index: int, remaining: int) -> None:
        self.note(["quota", self.now_us, account_index, remaining])
        super().set_quota(account_index, remaining)

    def set_tier(self, account_index: int, tier_name: str) -> None:
        self.note(["tier", self.now_us, account_index, tier_name])
        super().set_tier(account_index, tier_name)

    def change_tier(self, account_index: int, new_tier: str, *, now_us: int) -> Code | None:
        self.note(["retier", now_us, account_index, new_tier])
        return super().change_tier(account_index, new_tier, now_us=now_us)

    def set_maker_only_keys(
        self, account_index: int, keys: Collection[int], *, now_us: int
    ) -> Code | None:
        self.note(["makers", now_us, account_index, sorted(keys)])
        return super().set_maker_only_keys(account_index, keys, now_us=now_us)

    def replace_market(self, rules: MarketRules) -> None:
        self.note(["market", asdict(rules)])
        super().replace_market(rules)

    def doom(self, tx_hash: str, refusal: Refusal, *, consumes_nonce: bool = True) -> None:
        self.note(["doom", tx_hash, refusal.code, refusal.message, consumes_nonce])
        super().doom(tx_hash, refusal, consumes_nonce=consumes_nonce)

    def treat(self, tx_hash: str, treatment: Treatment | None) -> None:
        self.note(["treat", tx_hash, treatment and _noted_treatment(treatment)])
        super().treat(tx_hash, treatment)

    def switch(self, name: str, value: SwitchValue) -> None:
        self.note(["switch", name, value])
        super().switch(name, value)

    def open_account(
        self, account_index: int, *, tier: str | None, siblings: Sequence[int], now_us: int
    ) -> None:
        self.note(["open", now_us, account_index, tier, list(siblings)])
        super().open_account(account_index, tier=tier, siblings=siblings, now_us=now_us)

    # -- again --

    def repeat(self, entry: Entry) -> None:
        """Carries out what was noted, without noting it again. Raises BadEntryError."""
        note, self.note = self.note, _nowhere
        try:
            self._carry_out(entry)
        except (ValueError, KeyError):
            # The call was noted before it was refused, for a taken client index, say: as then.
            pass
        finally:
            self.note = note
            self._engine.take_events()

    def _carry_out(self, entry: Entry) -> None:
        match entry:
            case ["tx", now_us, protection, tx_type, tx_hash, info]:
                examined = self._examined(tx_type, tx_hash, info)
                self.admit(examined, now_us=now_us, price_protection=protection)
            case ["batch", now_us, protection, txs]:
                batch = [self._examined(*tx) for tx in txs]
                self.admit_batch(batch, now_us=now_us, price_protection=protection)
            case ["time", now_us]:
                self.advance(now_us)
            case ["order", now_us, *order]:
                self._repeat_order(now_us, *order)
            case ["cancel", now_us, account_index, order_index]:
                self.cancel_direct(account_index, order_index, now_us=now_us)
            case ["index", now_us, market_id, ticks]:
                self.set_index_price(market_id, ticks, now_us=now_us)
            case ["deposit", now_us, account_index, pico]:
                self.deposit(account_index, int(pico), now_us=now_us)
            case ["tier", now_us, account_index, name]:
                self._engine.move_clock(now_us)
                self.set_tier(account_index, name)
            case ["quota", now_us, account_index, remaining]:
                self._engine.move_clock(now_us)
                self.set_quota(account_index, remaining)
            case ["retier", now_us, account_index, new_tier]:
                self.change_tier(account_index, new_tier, now_us=now_us)
            case ["makers", now_us, account_index, keys]:
                self.set_maker_only_keys(account_index, keys, now_us=now_us)
            case ["market", dict(rules)]:
                self.replace_market(MarketRules(**rules))
            case ["doom", tx_hash, code, message, consumes_nonce]:
                refusal = Refusal(code=code, message=message)
                self.doom(tx_hash, refusal, consumes_nonce=consumes_nonce)
            case ["treat", tx_hash, treatment]:
                self.treat(tx_hash, treatment and _treatment(*treatment))
            case ["switch", name, value]:
                self.switch(name, value)
            case ["open", now_us, account_index, tier, siblings]:
                self.open_account(account_index, tier=tier, siblings=siblings, now_us=now_us)
            case _:
                raise BadEntryError(f"unknown entry {orjson.dumps(entry).decode()[:200]}")

    def _repeat_order(self, now_us: int, *order: int) -> None:
        account_index, market_id, is_ask, lots, ticks, kind, tif, client_index, reduces = order
        self.place_direct(
            account_index,
            market_id=market_id,
            is_ask=bool(is_ask),
            size_lots=lots,
            price_ticks=ticks,
            now_us=now_us,
            order_type=OrderType(kind),
            time_in_force=TimeInForce(tif),
            client_order_index=client_index,
            reduce_only=bool(reduces),
        )

    def _examined(self, tx_type: int, tx_hash: str, info: str) -> Examined:
        """Its hash was computed when it came; here it is only read."""
        try:
            tx = parse_transaction(tx_type, info)
        except InvalidTransaction as error:
            raise BadEntryError(f"{tx_hash} was no transaction: {error.message}") from error
        return Examined(
            tx=tx,
            tx_type=tx_type,
            tx_hash=tx_hash,
            info=info,
            account_index=tx.account_index,
            api_key_index=tx.api_key_index,
            public_key=self.key_of(tx.account_index, tx.api_key_index),
        )


def _noted_treatment(treatment: Treatment) -> list[object]:
    failure, part = treatment.failure, treatment.fill_most
    return [
        treatment.extra_us,
        failure and [failure.refusal.code, failure.refusal.message, failure.consumes_nonce],
        None if part is None else str(part),
        treatment.hides_reduce_only,
    ]


def _treatment(
    extra_us: int, failure: tuple[int, str, bool] | None, part: str | None, hides: bool
) -> Treatment:
    refused: Failed | None = None
    if failure is not None:
        code, message, consumes_nonce = failure
        refused = Failed(refusal=Refusal(code=code, message=message), consumes_nonce=consumes_nonce)
    return Treatment(
        extra_us=extra_us,
        failure=refused,
        fill_most=None if part is None else Fraction(part),
        hides_reduce_only=hides,
    )


def _noted(examined: Examined) -> tuple[int, str, str]:
    return examined.tx_type, examined.tx_hash, examined.info
