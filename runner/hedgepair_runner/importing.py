"""A Lighter-hedge configuration → a HedgePair manifest, its Secrets, and notes on the rest.

Input: `lighter: {base_url, maker_order_time_out}`, `redis: {host, port, db, password}`,
`accounts: {account_a, account_b: {account_index, api_key_index, api_key_private_key}}`,
`strategy: {poll_interval, retry_times}`. Market, quantity and depth were not in that file; they
are options. A key goes into the Secrets only, and never into a note or a sentence (law 9).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from hedgepair_runner.contract.credentials import PrivateKey
from hedgepair_runner.contract.manifest import API_VERSION, KIND, load_manifest
from hedgepair_runner.contract.problems import ManifestRefused, looks_secret
from hedgepair_runner.contract.spec import DEFAULT_SECRET_KEY, NETWORK_URLS, Network

_MAX_TIMEOUT_S: Final = 3_600
_ACCOUNTS: Final = {"account_a": "maker", "account_b": "hedger"}
_KNOWN: Final = {
    "lighter": {"base_url", "maker_order_time_out"},
    "redis": {"host", "port", "db", "password"},
    "accounts": set(_ACCOUNTS),
    "strategy": {"poll_interval", "retry_times"},
}
_ACCOUNT_FIELDS: Final = {"account_index", "api_key_index", "api_key_private_key"}


class ImportRefused(Exception):
    """The configuration cannot be imported; one sentence a line, each with its remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What the old configuration does not say. Decimals as text, as in the manifest."""

    market: str
    quantity: str
    max_position: str | None = None
    depth: int = 1
    name: str = "imported"
    network: Network | None = None
    chain_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """`secrets`: relative path, as `--secrets DIR` expects it → the key."""

    manifest: str
    secrets: Mapping[str, PrivateKey] = field(repr=False)
    notes: tuple[str, ...]


def import_config(config: str, options: ImportOptions) -> Imported:
    """Raises ImportRefused."""
    old = _read(config)
    notes: list[str] = []
    exchange = _exchange(old, options, notes)
    accounts = {leg: _account(old, name) for name, leg in _ACCOUNTS.items()}
    secrets: dict[str, PrivateKey] = {}
    if exchange["network"] == Network.PAPER:
        notes.append("Paper accounts have keys of their own: the keys of the file were not copied.")
    else:
        for name, leg in _ACCOUNTS.items():
            secret = f"{options.name}-{leg}"
            accounts[leg]["secretRef"] = {"name": secret, "key": DEFAULT_SECRET_KEY}
            path = f"{secret}/{DEFAULT_SECRET_KEY}"
            key = _key(old, name, path, notes)
            if key is not None:
                secrets[path] = key
    spec: dict[str, Any] = {
        "market": options.market,
        "quantity": options.quantity,
        "depth": options.depth,
        **_timeout(old, notes),
        "exchange": exchange,
        "maker": {"account": accounts["maker"]},
        "hedger": {"account": accounts["hedger"]},
        "risk": {"maxPosition": _max_position(options, notes)},
    }
    notes += [*_redis_notes(old), *_strategy_notes(old), *_unknown_notes(old)]
    return Imported(manifest=_rendered(options.name, spec), secrets=secrets, notes=tuple(notes))


def _read(config: str) -> dict[str, Any]:
    try:
        # Every scalar stays text: a key without quotes must not become a number.
        tree = yaml.load(config, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ImportRefused(
            "The configuration is not valid YAML: check its indentation, quotes and colons."
        ) from None
    if not isinstance(tree, dict) or not isinstance(tree.get("accounts"), dict):
        raise ImportRefused(
            "The file is not a Lighter-hedge configuration: it needs accounts with account_a "
            "and account_b."
        )
    return tree


def _value(tree: Mapping[str, Any], *path: str) -> str | None:
    found: Any = tree
    for part in path:
        found = found.get(part) if isinstance(found, dict) else None
    if not isinstance(found, str) or found in ("", "~", "null"):
        return None
    return found


def _whole(tree: Mapping[str, Any], *path: str) -> int:
    text = _value(tree, *path)
    if text is None or not re.fullmatch(r"[0-9]{1,15}", text):
        where = ".".join(path)
        state = "is missing" if text is None else "is not a whole number"
        raise ImportRefused(f"{where} {state}: put the number that Lighter shows into the file.")
    return int(text)


def _account(old: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {
        "accountIndex": _whole(old, "accounts", name, "account_index"),
        "apiKeyIndex": _whole(old, "accounts", name, "api_key_index"),
    }


def _key(old: Mapping[str, Any], name: str, path: str, notes: list[str]) -> PrivateKey | None:
    text = _value(old, "accounts", name, "api_key_private_key")
    where = f"accounts.{name}.api_key_private_key"
    try:
        return PrivateKey(text or "")
    except ValueError:
        notes.append(
            f"{where} does not hold a private key (0x and 80 hexadecimal digits): "
            f"put the key into {path} below the secrets folder yourself."
        )
        return None


def _exchange(
    old: Mapping[str, Any], options: ImportOptions, notes: list[str]
) -> dict[str, str | int]:
    url = _value(old, "lighter", "base_url")
    host = _host(url)
    own = next((net for net, known in NETWORK_URLS.items() if host and _host(known) == host), None)
    network = options.network or own
    if network is None:
        raise ImportRefused(
            "lighter.base_url is not the address of Lighter's mainnet or testnet: say which "
            "network it is with --network and, for Testnet or Mainnet, --chain-id."
        )
    if network is Network.PAPER:
        return {"network": network.value}
    if own is not None and own is not network:
        notes.append(
            f"The file is for {own.value}, the manifest for {network.value}: account indexes and "
            "keys differ between the two, so replace them."
        )
    if own is not None or url is None:
        return {"network": network.value}
    if options.chain_id is None:
        raise ImportRefused(
            "lighter.base_url is an address of your own: say the chain id that orders are signed "
            "for with --chain-id."
        )
    return {"network": network.value, "url": url.rstrip("/"), "chainId": options.chain_id}


def _host(url: str | None) -> str | None:
    try:
        return urlsplit(url).hostname if url else None
    except ValueError:  # such as a bracket without its partner
        return None


def _timeout(old: Mapping[str, Any], notes: list[str]) -> dict[str, int]:
    text = _value(old, "lighter", "maker_order_time_out")
    if text is None:
        return {}
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        raise ImportRefused(
            "lighter.maker_order_time_out is not a number of seconds: write one, such as 60."
        )
    timeout_s = max(1, min(math.ceil(float(text)), _MAX_TIMEOUT_S))
    if str(timeout_s) != text:
        notes.append(
            f"maker_order_time_out {text} became timeoutSeconds {timeout_s}: "
            f"it is a whole number from 1 to {_MAX_TIMEOUT_S}."
        )
    return {"timeoutSeconds": timeout_s}


def _max_position(options: ImportOptions, notes: list[str]) -> str:
    if options.max_position is not None:
        return options.max_position
    notes.append(
        "The old program had no limit of position: risk.maxPosition is one quantity, which is "
        "enough for cycle RoundTrip; raise it for Accumulate."
    )
    return options.quantity


def _redis_notes(old: Mapping[str, Any]) -> Iterator[str]:
    host = _value(old, "redis", "host")
    if host is None or looks_secret(host) or not re.fullmatch(r"[A-Za-z0-9._-]{1,253}", host):
        return
    port, db = (
        value if value is not None and re.fullmatch(r"[0-9]{1,5}", value) else default
        for value, default in (
            (_value(old, "redis", "port"), "6379"),
            (_value(old, "redis", "db"), "0"),
        )
    )
    yield (
        f"Redis is no part of the manifest: use `--redis redis://{host}:{port}/{db}`, or leave it "
        "out for an embedded one; in a cluster it is a value of the chart."
    )
    if _value(old, "redis", "password") is not None:
        yield (
            "The Redis password was not copied: put the whole URL with it into the environment "
            "variable HEDGEPAIR_REDIS_URL."
        )


def _strategy_notes(old: Mapping[str, Any]) -> Iterator[str]:
    if _value(old, "strategy", "poll_interval") is not None:
        yield "poll_interval is not needed: fills arrive as events, nothing is polled for them."
    if _value(old, "strategy", "retry_times") is not None:
        yield (
            "retry_times is not needed: a hedge is repeated until it is proved, and after "
            "risk.maxUnhedgedSeconds risk.onUnhedged decides."
        )


def _unknown_notes(old: Mapping[str, Any]) -> Iterator[str]:
    known = {name: fields for name, fields in _KNOWN.items() if isinstance(old.get(name), dict)}
    names = [name for name in old if name not in _KNOWN]
    names += [f"{s}.{name}" for s, fields in known.items() for name in old[s] if name not in fields]
    for account in _ACCOUNTS:
        names += [
            f"accounts.{account}.{name}"
            for name in old["accounts"][account]
            if name not in _ACCOUNT_FIELDS
        ]
    for name in names:
        if not looks_secret(name):
            yield f"{name} was not carried over: nothing in a HedgePair corresponds to it."


def _rendered(name: str, spec: dict[str, Any]) -> str:
    """Raises ImportRefused where the result would be refused when it is run."""
    resource = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name},
        "spec": spec,
    }
    manifest = "# Made by `hedgepair import`.\n" + yaml.safe_dump(resource, sort_keys=False)
    try:
        load_manifest(manifest)
    except ManifestRefused as refused:
        raise ImportRefused(str(refused)) from None
    return manifest
