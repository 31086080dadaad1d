"""The rules between fields of one spec.

Each has the words of the CEL rule in `crds/hedgepairs.yaml`, so that the command line and the API
server say the same thing; a test holds the two together. A rule is skipped when one of the fields
it needs could not be read: its problem has been said already.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hedgepair_runner.contract.problems import Problem, looks_secret
from hedgepair_runner.contract.spec import (
    CHAIN_IDS,
    HedgePairSpec,
    Mode,
    Network,
    SecretRef,
)

MAINNET_HOST: Final = "mainnet.zklighter.elliot.ai"
# The operator selects pods by labels under these prefixes.
RESERVED_LABELS: Final = ("hedgepair.io/", "app.kubernetes.io/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`field` and `needs` are paths below `spec`."""

    field: str
    needs: tuple[str, ...]
    sentence: str
    holds: Callable[[HedgePairSpec], bool]


def broken_rules(spec: HedgePairSpec, *, unreadable: frozenset[str]) -> tuple[Problem, ...]:
    """The rules that the spec breaks; `unreadable` are paths below `spec` that hold a stand-in."""
    return tuple(
        Problem(field=f"spec.{rule.field}", sentence=f"{rule.sentence}.")
        for rule in RULES
        if not any(_is_under(need, path) for need in rule.needs for path in unreadable)
        and not rule.holds(spec)
    )


def _is_under(path: str, ancestor: str) -> bool:
    return path == ancestor or path.startswith((f"{ancestor}.", f"{ancestor}["))


def _uses_two_accounts(spec: HedgePairSpec) -> bool:
    if spec.hedger is None:
        return True
    return spec.maker.account.account_index != spec.hedger.account.account_index


def _maker_can_sign(spec: HedgePairSpec) -> bool:
    signs = spec.runs_maker and spec.exchange.network is not Network.PAPER
    return not signs or spec.maker.account.secret_ref is not None


def _hedger_can_sign(spec: HedgePairSpec) -> bool:
    signs = spec.runs_hedger and spec.exchange.network is not Network.PAPER
    return not signs or spec.hedger is None or spec.hedger.account.secret_ref is not None


def _chain_fits_network(spec: HedgePairSpec) -> bool:
    exchange = spec.exchange
    if exchange.url is not None or exchange.chain_id is None:
        return True
    return exchange.chain_id == CHAIN_IDS[exchange.network]


def _mainnet_is_named(spec: HedgePairSpec) -> bool:
    url = spec.exchange.url
    return url is None or spec.exchange.network is Network.MAINNET or MAINNET_HOST not in url


def _net_exposure_in_range(spec: HedgePairSpec) -> bool:
    limit = spec.risk.max_net_exposure
    return limit is None or spec.quantity <= limit <= spec.risk.max_position


def _stops_somewhere(spec: HedgePairSpec) -> bool:
    stop = spec.stop_after
    return stop is None or all(amount is None or amount > 0 for amount in (stop.volume, stop.cost))


def _labels_are_free(spec: HedgePairSpec) -> bool:
    labels = spec.runner.pod_labels if spec.runner is not None else None
    return not any(name.startswith(RESERVED_LABELS) for name in labels or {})


def _names_a_secret(secret_ref: SecretRef | None) -> bool:
    if secret_ref is None:
        return True
    return not looks_secret(secret_ref.name) and not looks_secret(secret_ref.key)


RULES: Final = (
    Rule(
        field="hedger",
        needs=("mode", "hedger"),
        sentence="hedger.account is required unless mode is MakerOnly: "
        "add hedger.account.accountIndex, or set mode to MakerOnly",
        holds=lambda spec: spec.mode is Mode.MAKER_ONLY or spec.hedger is not None,
    ),
    Rule(
        field="hedger.account.accountIndex",
        needs=("maker.account.accountIndex", "hedger.account.accountIndex"),
        sentence="hedger.account.accountIndex must differ from maker.account.accountIndex: "
        "a pair needs two accounts",
        holds=_uses_two_accounts,
    ),
    Rule(
        field="maker.account.secretRef",
        needs=("mode", "exchange.network", "maker.account.secretRef"),
        sentence="maker.account.secretRef is required on Testnet and Mainnet unless mode is "
        "HedgerOnly: name the Secret that holds the API key's private key",
        holds=_maker_can_sign,
    ),
    Rule(
        field="hedger.account.secretRef",
        needs=("mode", "exchange.network", "hedger.account.secretRef"),
        sentence="hedger.account.secretRef is required on Testnet and Mainnet unless mode is "
        "MakerOnly: name the Secret that holds the API key's private key",
        holds=_hedger_can_sign,
    ),
    Rule(
        field="maker.account.secretRef",
        needs=("maker.account.secretRef",),
        sentence="maker.account.secretRef must be the name of a Secret, not a key: "
        "keys never go into a manifest",
        holds=lambda spec: _names_a_secret(spec.maker.account.secret_ref),
    ),
    Rule(
        field="hedger.account.secretRef",
        needs=("hedger.account.secretRef",),
        sentence="hedger.account.secretRef must be the name of a Secret, not a key: "
        "keys never go into a manifest",
        holds=lambda spec: spec.hedger is None or _names_a_secret(spec.hedger.account.secret_ref),
    ),
    Rule(
        field="exchange.chainId",
        needs=("exchange.url", "exchange.chainId"),
        sentence="exchange.chainId is required with a custom exchange.url: "
        "add the chain id that orders are signed for, or remove exchange.url",
        holds=lambda spec: spec.exchange.url is None or spec.exchange.chain_id is not None,
    ),
    Rule(
        field="exchange.chainId",
        needs=("exchange.network", "exchange.url", "exchange.chainId"),
        sentence="exchange.chainId must be 304 on Mainnet and 300 on Testnet and Paper unless "
        "exchange.url is given: remove exchange.chainId or add exchange.url",
        holds=_chain_fits_network,
    ),
    Rule(
        field="exchange.url",
        needs=("exchange.network", "exchange.url"),
        sentence="exchange.url is Lighter's mainnet: set exchange.network to Mainnet "
        "or remove exchange.url",
        holds=_mainnet_is_named,
    ),
    Rule(
        field="quantity",
        needs=("quantity",),
        sentence="quantity must be greater than zero: "
        'give the size of one maker order, such as "0.05"',
        holds=lambda spec: spec.quantity > 0,
    ),
    Rule(
        field="risk.maxPosition",
        needs=("quantity", "risk.maxPosition"),
        sentence="risk.maxPosition must be at least quantity: "
        "raise risk.maxPosition or lower quantity",
        holds=lambda spec: spec.risk.max_position >= spec.quantity,
    ),
    Rule(
        field="risk.maxNetExposure",
        needs=("quantity", "risk.maxPosition", "risk.maxNetExposure"),
        sentence="risk.maxNetExposure must lie between quantity and risk.maxPosition: "
        "remove it to use quantity",
        holds=_net_exposure_in_range,
    ),
    Rule(
        field="risk.maxDailyLoss",
        needs=("risk.maxDailyLoss",),
        sentence="risk.maxDailyLoss must be greater than zero: "
        "remove it for no limit, or give an amount in quote currency",
        holds=lambda spec: spec.risk.max_daily_loss is None or spec.risk.max_daily_loss > 0,
    ),
    Rule(
        field="stopAfter",
        needs=("stopAfter.volume", "stopAfter.cost"),
        sentence="stopAfter.volume and stopAfter.cost must be greater than zero: "
        "remove the one that shall not count",
        holds=_stops_somewhere,
    ),
    Rule(
        field="runner.podLabels",
        needs=("runner.podLabels",),
        sentence="runner.podLabels must not begin with hedgepair.io/ or app.kubernetes.io/: "
        "those labels belong to the operator",
        holds=_labels_are_free,
    ),
)
