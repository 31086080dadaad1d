"""Requests to the admin port → what they do to the gateway, and the JSON they are answered with.

Synchronous and without sockets; the port itself is `admin`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from hedgepair_runner.venues.paper import admin_views, credentials, switches
from hedgepair_runner.venues.paper.fault_files import read_fault, sentence_of
from hedgepair_runner.venues.paper.fault_rules import KINDS, BadFaultError
from hedgepair_runner.venues.paper.gateway import Gateway
from hedgepair_runner.venues.paper.lagging import LONGEST_LAG_MS, Lag
from hedgepair_runner.venues.paper.records import MarketRules

Json = dict[str, Any]

_PICO_DECIMALS = 12
_QUOTE_DECIMALS = 6
_KEYS = 4


class BadInputError(ValueError):
    """400; the text is a sentence."""


class UnknownPathError(LookupError):
    """404."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


_Amount = Annotated[Decimal, Field(gt=0, le=10**12)]
_Ms = Annotated[int, Field(ge=0, le=LONGEST_LAG_MS)]


class _Lag(_Model):
    low_ms: _Ms = 0
    high_ms: _Ms


class _Market(_Model):
    status: Literal["active", "inactive"] | None = None
    min_base: _Amount | None = None
    min_quote: _Amount | None = None
    index_price: _Amount | None = None


class _NewAccount(_Model):
    account_index: int
    collateral: Decimal | None = Field(default=None, ge=0, le=10**12)
    tier: str | None = None
    siblings: tuple[int, ...] = ()


class _Deposit(_Model):
    amount: Decimal = Field(ge=-(10**12), le=10**12)


class _Tier(_Model):
    tier: str


class _Limits(_Model):
    enabled: bool | None = None
    firewall_after: int | None = Field(default=None, ge=1, le=10**6)


_LAGS: TypeAdapter[dict[str, _Ms | _Lag | None]] = TypeAdapter(dict[str, _Ms | _Lag | None])
_SWITCHES: TypeAdapter[dict[str, bool | str]] = TypeAdapter(dict[str, bool | str])


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminAnswer:
    status: int
    body: Json

    @property
    def encoded(self) -> bytes:
        return orjson.dumps(self.body)


class AdminDesk:
    """`seed` makes the keys of new accounts known to who makes them."""

    def __init__(self, gateway: Gateway, *, seed: str) -> None:
        self._gateway = gateway
        self._seed = seed
        self._routes: tuple[tuple[str, re.Pattern[str], Callable[..., Json]], ...] = (
            ("GET", re.compile("/api/state"), self._state),
            ("GET", re.compile("/api/faults"), self._faults),
            ("POST", re.compile("/api/faults"), self._arm),
            ("DELETE", re.compile("/api/faults"), self._clear),
            ("DELETE", re.compile(r"/api/faults/(\d{1,9})"), self._disarm),
            ("GET", re.compile("/api/kinds"), self._kinds),
            ("GET", re.compile("/api/lag"), self._lag),
            ("PUT", re.compile("/api/lag"), self._set_lag),
            ("GET", re.compile("/api/switches"), self._switches),
            ("PUT", re.compile("/api/switches"), self._turn),
            ("GET", re.compile("/api/limits"), self._limits),
            ("PUT", re.compile("/api/limits"), self._set_limits),
            ("DELETE", re.compile("/api/limits/blocked"), self._unblock),
            ("PATCH", re.compile(r"/api/markets/(\d{1,3})"), self._change_market),
            ("POST", re.compile("/api/accounts"), self._open_account),
            ("POST", re.compile(r"/api/accounts/(\d{1,15})/deposit"), self._deposit),
            ("PUT", re.compile(r"/api/accounts/(\d{1,15})/tier"), self._set_tier),
        )

    def answer(self, method: str, path: str, body: bytes = b"") -> AdminAnswer:
        try:
            return AdminAnswer(status=200, body=self._carry_out(method, path, body))
        except UnknownPathError as error:
            return AdminAnswer(status=404, body={"error": str(error)})
        except ValidationError as error:
            return AdminAnswer(status=400, body={"error": sentence_of(error, "the body")})
        except (BadInputError, BadFaultError) as error:
            return AdminAnswer(status=400, body={"error": str(error)})

    def _carry_out(self, method: str, path: str, body: bytes) -> Json:
        for wanted, pattern, handle in self._routes:
            found = pattern.fullmatch(path)
            if found is None or wanted != method:
                continue
            numbers = [int(each) for each in found.groups()]
            if method in ("GET", "DELETE"):
                return handle(*numbers)
            return handle(*numbers, _read_json(body))
        raise UnknownPathError(f"there is no {method} {path}")

    # -- faults --

    def _state(self) -> Json:
        return admin_views.state(self._gateway)

    def _faults(self) -> Json:
        return {"faults": admin_views.faults(self._gateway)}

    def _kinds(self) -> Json:
        return {
            "kinds": [
                {
                    "kind": kind.value,
                    "happens_to": facts.group.value,
                    "about": facts.about,
                    "options": sorted(facts.options),
                    "needs": sorted(facts.needs),
                }
                for kind, facts in KINDS.items()
            ]
        }

    def _arm(self, content: object) -> Json:
        """One fault or a list of them; all or none."""
        rules = [read_fault(each) for each in (content if isinstance(content, list) else [content])]
        for rule in rules:
            self._gateway.troubles.check(rule)
        armed = [self._gateway.troubles.arm(rule) for rule in rules]
        now_us = self._gateway.now_us()
        return {"armed": [admin_views.fault(each, now_us) for each in armed]}

    def _disarm(self, fault_id: int) -> Json:
        try:
            self._gateway.troubles.disarm(fault_id)
        except KeyError:
            raise UnknownPathError(f"there is no fault {fault_id}") from None
        return self._faults()

    def _clear(self) -> Json:
        return {"cleared": self._gateway.troubles.clear()}

    # -- lag, switches, limits --

    def _lag(self) -> Json:
        return {"lag": admin_views.lag(self._gateway)}

    def _set_lag(self, content: object) -> Json:
        """Endpoint (`*`: every read) → ms, a range, or null for none."""
        for endpoint, asked in _LAGS.validate_python(content).items():
            self._gateway.set_lag(endpoint, _lag_of(asked))
        self._gateway.wake()
        return self._lag()

    def _switches(self) -> Json:
        return {
            "switches": self._gateway.switch_positions(),
            "choices": {name: list(choices) for name, choices in switches.CHOICES.items()},
        }

    def _turn(self, content: object) -> Json:
        wanted = _SWITCHES.validate_python(content)
        try:
            read = {name: switches.read_position(name, each) for name, each in wanted.items()}
        except ValueError as error:
            raise BadInputError(str(error)) from None
        for name, position in read.items():
            self._gateway.switch(name, position)
        return self._switches()

    def _limits(self) -> Json:
        return {"limits": admin_views.limits(self._gateway)}

    def _set_limits(self, content: object) -> Json:
        asked = _Limits.model_validate(content)
        limiter = self._gateway.keeper.limiter
        if asked.enabled is not None:
            limiter.settings = replace(limiter.settings, is_on=asked.enabled)
        if asked.firewall_after is not None:
            limiter.settings = replace(limiter.settings, firewall_after=asked.firewall_after)
        return self._limits()

    def _unblock(self) -> Json:
        self._gateway.keeper.limiter.unblock_all()
        return self._limits()

    # -- markets and accounts --

    def _change_market(self, market_id: int, content: object) -> Json:
        exchange = self._gateway.exchange
        rules = exchange.markets.get(market_id)
        if rules is None:
            raise UnknownPathError(f"there is no market {market_id}")
        asked = _Market.model_validate(content)
        changed = _changed(rules, asked)
        ticks = None
        if asked.index_price is not None:
            ticks = _whole(asked.index_price, rules.price_decimals, "index_price")
        if changed != rules:
            exchange.replace_market(changed)
        if ticks is not None:
            exchange.set_index_price(market_id, ticks, now_us=self._gateway.now_us())
        self._tell()
        return {"market": admin_views.market(self._gateway, market_id)}

    def _open_account(self, content: object) -> Json:
        """Answers with the new account and the private keys to trade with."""
        asked = _NewAccount.model_validate(content)
        exchange, now_us = self._gateway.exchange, self._gateway.now_us()
        wanted_pico = None
        if asked.collateral is not None:
            wanted_pico = _whole(asked.collateral, _PICO_DECIMALS, "collateral")
        try:
            exchange.open_account(
                asked.account_index, tier=asked.tier, siblings=asked.siblings, now_us=now_us
            )
        except ValueError as error:
            raise BadInputError(f"account_index: {error}") from None
        view = exchange.account(asked.account_index)
        if view is None:
            raise AssertionError("the account was opened just now")
        if wanted_pico is not None:
            change_pico = wanted_pico - view.collateral_pico
            exchange.deposit(asked.account_index, change_pico, now_us=now_us)
        self._tell()
        first = credentials.FIRST_KEY
        keys = credentials.account_entries(
            asked.account_index,
            seed=self._seed,
            l1_address=view.l1_address,
            api_key_indexes=range(first, first + _KEYS),
        )
        account = admin_views.account(self._gateway, asked.account_index)
        return {"account": account, "credentials": keys}

    def _deposit(self, account_index: int, content: object) -> Json:
        asked = _Deposit.model_validate(content)
        exchange = self._gateway.exchange
        view = exchange.account(account_index)
        if view is None:
            raise UnknownPathError(f"there is no account {account_index}")
        amount_pico = _whole(asked.amount, _PICO_DECIMALS, "amount")
        if amount_pico < 0 and view.available_balance_pico + amount_pico < 0:
            raise BadInputError("amount: more than the account can do without")
        exchange.deposit(account_index, amount_pico, now_us=self._gateway.now_us())
        self._tell()
        return {"account": admin_views.account(self._gateway, account_index)}

    def _set_tier(self, account_index: int, content: object) -> Json:
        asked = _Tier.model_validate(content)
        exchange = self._gateway.exchange
        if exchange.account(account_index) is None:
            raise UnknownPathError(f"there is no account {account_index}")
        tiers = exchange.doors.settings.tiers
        if asked.tier not in tiers:
            raise BadInputError(f"tier: there is no {asked.tier!r}; there are {', '.join(tiers)}")
        exchange.set_tier(account_index, asked.tier)
        return {"account": admin_views.account(self._gateway, account_index)}

    def _tell(self) -> None:
        self._gateway.execute(self._gateway.now_us())
        self._gateway.wake()


def _read_json(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadInputError(f"the body is not JSON: {error}") from None


def _lag_of(asked: int | _Lag | None) -> Lag | None:
    if asked is None:
        return None
    if isinstance(asked, int):
        return Lag(low_ms=asked, high_ms=asked)
    if asked.high_ms < asked.low_ms:
        raise BadInputError("low_ms: must not be more than high_ms")
    return Lag(low_ms=asked.low_ms, high_ms=asked.high_ms)


def _changed(rules: MarketRules, asked: _Market) -> MarketRules:
    if asked.status is not None:
        rules = replace(rules, status=asked.status)
    if asked.min_base is not None:
        lots = _whole(asked.min_base, rules.size_decimals, "min_base")
        rules = replace(rules, min_base_lots=lots)
    if asked.min_quote is not None:
        micro = _whole(asked.min_quote, _QUOTE_DECIMALS, "min_quote")
        rules = replace(rules, min_quote_micro=micro)
    return rules


def _whole(amount: Decimal, decimals: int, name: str) -> int:
    scaled = amount.scaleb(decimals)
    whole = scaled.to_integral_value(ROUND_DOWN)
    if whole != scaled:
        raise BadInputError(f"{name}: {amount} has more than {decimals} decimals")
    return int(whole)
