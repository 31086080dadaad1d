"""What the chart tells the operator: every value by one environment variable, and nothing else.

A value that is wrong is refused at start with a sentence that names the variable. Files hold what
is secret (law 9); their content is read when it is used, so that a rotated Secret needs no restart.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

PREFIX: Final = "HEDGEPAIR_"
_DNS_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\Z")
Value = TypeVar("Value")


class SettingsRefused(Exception):
    """The operator cannot start so; one sentence for each wrong value."""


class RedisAcl(StrEnum):
    """Whether the operator makes a Redis user for each pair (design §8)."""

    MANAGED = "Managed"
    PREPROVISIONED = "Preprovisioned"
    """The Redis forbids ACL changes: an administrator makes the users; the operator names the rule
    of each in the pair's condition, and looks whether it can log in as it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceilings:
    """What a release allows at most; None: no limit. Notional = risk.maxPosition × price, in quote
    currency, by the prices that the administrator names: the operator asks no exchange."""

    pairs: int | None = None
    notional_per_pair: Decimal | None = None
    notional: Decimal | None = None
    prices: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorSettings:
    """All values. `None` or empty where the feature is not in use."""

    runner_image: str
    own_namespace: str
    own_name: str = "hedgepair-operator"
    watch_namespaces: tuple[str, ...] = ()
    """Empty: all namespaces."""
    runner_pull_policy: str = "IfNotPresent"
    runner_pull_secrets: tuple[str, ...] = ()
    paper_url: str | None = None
    paper_seed: str = "7"
    redis_url_file: Path | None = None
    """The operator's own Redis URL, user and password included."""
    redis_runner_url: str | None = None
    """What runners get, before their user and password; None: the operator's, without its own."""
    redis_acl: RedisAcl = RedisAcl.MANAGED
    redis_master_file: Path | None = None
    redis_rotation: str = "1"
    mainnet_allowed: bool = False
    ceilings: Ceilings = field(default_factory=Ceilings)
    network_policies: bool = True
    extra_egress_cidrs: tuple[str, ...] = ()
    metrics_namespaces: tuple[str, ...] = ()
    """Namespaces whose pods may read the runners' metrics, besides the operator's own."""
    leader_election: bool = False
    lease_name: str = "hedgepair-operator"
    http_host: str = "0.0.0.0"
    http_port: int = 8080
    workers: int = 10
    resync_s: float = 600.0
    poll_s: float = 2.0
    log_level: str = "info"
    version: str = ""
    """The operator's own. Nothing that it makes may follow from it."""

    def watches(self, namespace: str) -> bool:
        return not self.watch_namespaces or namespace in self.watch_namespaces


VARIABLES: Final[Mapping[str, str]] = {
    "RUNNER_IMAGE": "image of maker and hedger, best with a digest; required",
    "NAMESPACE": "the operator's own namespace (downward API); required",
    "POD_NAME": "the operator's own name in the Lease and in Events",
    "WATCH_NAMESPACES": "namespaces to serve, by comma; empty for all",
    "RUNNER_PULL_POLICY": "IfNotPresent, Always or Never",
    "RUNNER_PULL_SECRETS": "imagePullSecrets of all runners, by comma",
    "PAPER_EXCHANGE_URL": "the release's paper exchange; empty where there is none",
    "PAPER_SEED": "the paper exchange's seed",
    "REDIS_URL_FILE": "a file with the operator's own Redis URL; required",
    "REDIS_RUNNER_URL": "redis://HOST:PORT/DB for the runners, if not the operator's",
    "REDIS_ACL": "Managed or Preprovisioned",
    "REDIS_MASTER_FILE": "a file with the master secret that users' passwords follow from",
    "REDIS_ROTATION": "any text; another one gives every pair another Redis password",
    "MAINNET_ALLOWED": "true, to accept pairs of real money",
    "MAX_PAIRS": "how many pairs the release runs at most",
    "MAX_NOTIONAL_PER_PAIR": "the most that risk.maxPosition may be worth, in quote currency",
    "MAX_NOTIONAL": "the same for all pairs together",
    "REFERENCE_PRICES": "prices for that, such as ETH=4000,BTC=100000",
    "NETWORK_POLICIES": "true or false",
    "EXTRA_EGRESS_CIDRS": "where runners may connect to besides, by comma",
    "METRICS_NAMESPACES": "namespaces that may read the runners' metrics, by comma",
    "LEADER_ELECTION": "true with more than one replica",
    "LEASE_NAME": "name of the Lease",
    "HTTP": "HOST:PORT of /healthz, /readyz and /metrics",
    "WORKERS": "how many pairs are reconciled at once",
    "RESYNC_SECONDS": "how often everything is listed anew",
    "POLL_SECONDS": "how often the runners' reports are read",
    "LOG_LEVEL": "debug, info, warning or error",
}
"""Without their prefix `HEDGEPAIR_`."""


def read_settings(environ: Mapping[str, str], *, version: str = "") -> OperatorSettings:
    """Raises SettingsRefused with everything that is wrong."""
    wrong: list[str] = []
    given = {name: environ.get(PREFIX + name, "").strip() for name in VARIABLES}

    def read(name: str, parse: Callable[[str], Value], default: Value) -> Value:
        if not given[name]:
            return default
        try:
            return parse(given[name])
        except (ValueError, InvalidOperation) as error:
            wrong.append(f"{PREFIX}{name} must be {error}; it is: {VARIABLES[name]}.")
            return default

    for name in ("RUNNER_IMAGE", "NAMESPACE", "REDIS_URL_FILE"):
        if not given[name]:
            wrong.append(f"{PREFIX}{name} is missing: {VARIABLES[name]}.")
    host, port = read("HTTP", _host_and_port, ("0.0.0.0", 8080))
    settings = OperatorSettings(
        runner_image=given["RUNNER_IMAGE"],
        own_namespace=given["NAMESPACE"],
        own_name=given["POD_NAME"] or "hedgepair-operator",
        watch_namespaces=read("WATCH_NAMESPACES", _namespaces, ()),
        runner_pull_policy=read("RUNNER_PULL_POLICY", _pull_policy, "IfNotPresent"),
        runner_pull_secrets=_words(given["RUNNER_PULL_SECRETS"]),
        paper_url=read("PAPER_EXCHANGE_URL", _http_url, None),
        paper_seed=given["PAPER_SEED"] or "7",
        redis_url_file=Path(given["REDIS_URL_FILE"]) if given["REDIS_URL_FILE"] else None,
        redis_runner_url=read("REDIS_RUNNER_URL", _bare_redis_url, None),
        redis_acl=read("REDIS_ACL", _redis_acl, RedisAcl.MANAGED),
        redis_master_file=Path(given["REDIS_MASTER_FILE"]) if given["REDIS_MASTER_FILE"] else None,
        redis_rotation=given["REDIS_ROTATION"] or "1",
        mainnet_allowed=read("MAINNET_ALLOWED", _flag, False),
        ceilings=Ceilings(
            pairs=read("MAX_PAIRS", _optional_whole, None),
            notional_per_pair=read("MAX_NOTIONAL_PER_PAIR", _optional_amount, None),
            notional=read("MAX_NOTIONAL", _optional_amount, None),
            prices=read("REFERENCE_PRICES", _prices, {}),
        ),
        network_policies=read("NETWORK_POLICIES", _flag, True),
        extra_egress_cidrs=read("EXTRA_EGRESS_CIDRS", _cidrs, ()),
        metrics_namespaces=read("METRICS_NAMESPACES", _namespaces, ()),
        leader_election=read("LEADER_ELECTION", _flag, False),
        lease_name=given["LEASE_NAME"] or "hedgepair-operator",
        http_host=host,
        http_port=port,
        workers=read("WORKERS", _whole, 10),
        resync_s=read("RESYNC_SECONDS", _seconds, 600.0),
        poll_s=read("POLL_SECONDS", _seconds, 2.0),
        log_level=read("LOG_LEVEL", _log_level, "info"),
        version=version,
    )
    if settings.redis_acl is RedisAcl.MANAGED and settings.redis_master_file is None:
        wrong.append(
            f"{PREFIX}REDIS_MASTER_FILE is missing: {VARIABLES['REDIS_MASTER_FILE']}; "
            f"or set {PREFIX}REDIS_ACL=Preprovisioned."
        )
    if wrong:
        raise SettingsRefused("\n".join(wrong))
    return settings


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in (part.strip() for part in text.split(",")) if word)


def _namespaces(text: str) -> tuple[str, ...]:
    names = _words(text)
    if not all(_DNS_LABEL.match(name) for name in names):
        raise ValueError("names of namespaces, by comma")
    return tuple(sorted(set(names)))


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("true or false")
    return text == "true"


def _whole(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ValueError("a whole number above zero")
    return int(text)


def _optional_whole(text: str) -> int | None:
    return _whole(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds < 1e6:
        raise ValueError("a number of seconds above zero")
    return seconds


def _optional_amount(text: str) -> Decimal | None:
    return _amount(text)


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(0)
    if not amount.is_finite() or amount <= 0:
        raise ValueError("a decimal number above zero")
    return amount


def _prices(text: str) -> Mapping[str, Decimal]:
    prices = {}
    for word in _words(text):
        market, equals, price = word.partition("=")
        if not equals or not market:
            raise ValueError("MARKET=PRICE, by comma")
        prices[market] = _amount(price)
    return prices


def _cidrs(text: str) -> tuple[str, ...]:
    try:
        return tuple(str(ipaddress.ip_network(word)) for word in _words(text))
    except ValueError as error:
        raise ValueError("networks such as 10.0.0.0/8, by comma") from error


def _http_url(text: str) -> str | None:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("a URL that begins with http:// or https://")
    return text.rstrip("/")


def _bare_redis_url(text: str) -> str | None:
    parts = urlsplit(text)
    if parts.scheme not in ("redis", "rediss") or not parts.hostname or parts.password:
        raise ValueError("redis://HOST:PORT/DB or rediss://…, without a password")
    return text


def _redis_acl(text: str) -> RedisAcl:
    try:
        return RedisAcl(text)
    except ValueError as error:
        raise ValueError("Managed or Preprovisioned") from error


def _pull_policy(text: str) -> str:
    if text not in ("IfNotPresent", "Always", "Never"):
        raise ValueError("IfNotPresent, Always or Never")
    return text


def _host_and_port(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError("HOST:PORT")
    return host, int(port)


def _log_level(text: str) -> str:
    if text not in ("debug", "info", "warning", "error"):
        raise ValueError("debug, info, warning or error")
    return text
