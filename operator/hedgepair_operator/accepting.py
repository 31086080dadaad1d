"""Which pairs a release takes: what admission by the CRD cannot know, because it needs the others.

Two pairs may not sign with the same key, nor act in the same market of an account (design §9). The
oldest wins; but who was taken keeps what it has, whoever waits: a pair is never pushed out.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from hedgepair_operator import names
from hedgepair_operator.facts import Key, PairFact, Refusal
from hedgepair_operator.pods import account_of, roles_of
from hedgepair_operator.reasons import Reason
from hedgepair_operator.settings import Ceilings, OperatorSettings
from hedgepair_runner.contract.manifest import HedgePair
from hedgepair_runner.contract.spec import Network


def refusals(pairs: Iterable[PairFact], settings: OperatorSettings) -> dict[Key, Refusal]:
    """Of all pairs of the release, those that it does not take now, with the remedy.

    Pairs whose spec cannot be read hold nothing. A pair under deletion holds what it has until it
    is gone.
    """
    held: dict[Hashable, Key] = {}
    count, notional = 0, Decimal(0)
    found: dict[Key, Refusal] = {}
    for pair in sorted(pairs, key=_precedence):
        manifest = pair.manifest
        if manifest is None:
            continue
        worth = notional_of(manifest, settings.ceilings)
        refusal = (
            _network_refusal(manifest, settings)
            or _account_refusal(manifest, held)
            or _ceiling_refusal(manifest, settings.ceilings, count=count, notional=notional)
        )
        if refusal is not None and pair.deleted_at is None:
            found[pair.key] = refusal
            continue
        for claim in claims(manifest):
            held.setdefault(claim, pair.key)
        count, notional = count + 1, notional + (worth or 0)
    return found


def claims(pair: HedgePair) -> tuple[tuple[str, ...], ...]:
    """What no second pair may have: (network, account, key) and (network, account, market)."""
    spec = pair.spec
    venue = (spec.exchange.network.value, (spec.exchange.effective_url or "").rstrip("/"))
    found: list[tuple[str, ...]] = []
    for role in roles_of(spec):
        account = account_of(spec, role)
        where = (*venue, str(account.account_index))
        found.append((*where, "key", str(account.api_key_index)))
        found.append((*where, "market", spec.market))
    return tuple(found)


def notional_of(pair: HedgePair, ceilings: Ceilings) -> Decimal | None:
    """risk.maxPosition at the administrator's price; None without a price."""
    price = ceilings.prices.get(pair.spec.market)
    return None if price is None else pair.spec.risk.max_position * price


def _precedence(pair: PairFact) -> tuple[bool, datetime, str]:
    """Those taken before come first: they hold the finalizer. Then by age."""
    return (names.FINALIZER not in pair.finalizers, pair.created_at, pair.uid)


def _network_refusal(pair: HedgePair, settings: OperatorSettings) -> Refusal | None:
    exchange = pair.spec.exchange
    if exchange.network is Network.MAINNET and not settings.mainnet_allowed:
        return Refusal(
            reason=Reason.MAINNET_NOT_ALLOWED,
            sentence="This release does not trade on Mainnet: set mainnet.allowed=true in the "
            "chart's values, or use Testnet or Paper.",
        )
    if (
        exchange.network is Network.PAPER
        and exchange.effective_url is None
        and settings.paper_url is None
    ):
        return Refusal(
            reason=Reason.NO_PAPER_EXCHANGE,
            sentence="This release has no paper exchange: enable it in the chart's values, "
            "or give exchange.url and exchange.chainId.",
        )
    return None


def _account_refusal(pair: HedgePair, held: Mapping[Hashable, Key]) -> Refusal | None:
    for claim in claims(pair):
        holder = held.get(claim)
        if holder is None:
            continue
        what = "signs with the same key" if claim[3] == "key" else "trades in the same market"
        return Refusal(
            reason=Reason.ACCOUNT_IN_USE,
            sentence=f"HedgePair {holder} {what} of account {claim[2]}: use another account"
            f"{' or apiKeyIndex' if claim[3] == 'key' else ''}, or delete {holder}.",
        )
    return None


def _ceiling_refusal(
    pair: HedgePair, ceilings: Ceilings, *, count: int, notional: Decimal
) -> Refusal | None:
    if ceilings.pairs is not None and count >= ceilings.pairs:
        return Refusal(
            reason=Reason.TOO_MANY_PAIRS,
            sentence=f"This release runs at most {ceilings.pairs} pairs: delete one, or raise "
            "ceilings.pairs in the chart's values.",
        )
    if ceilings.notional_per_pair is None and ceilings.notional is None:
        return None
    worth = notional_of(pair, ceilings)
    market = pair.spec.market
    if worth is None:
        return Refusal(
            reason=Reason.PRICE_MISSING,
            sentence=f"This release limits notional and knows no price of {market}: add "
            f"ceilings.prices.{market} to the chart's values.",
        )
    if ceilings.notional_per_pair is not None and worth > ceilings.notional_per_pair:
        return Refusal(
            reason=Reason.NOTIONAL_TOO_LARGE,
            sentence=f"risk.maxPosition is worth {worth:f} by the release's price, above its "
            f"limit of {ceilings.notional_per_pair:f} a pair: lower risk.maxPosition, or raise "
            "ceilings.notionalPerPair in the chart's values.",
        )
    if ceilings.notional is not None and notional + worth > ceilings.notional:
        return Refusal(
            reason=Reason.NOTIONAL_TOO_LARGE,
            sentence=f"With risk.maxPosition worth {worth:f}, the release's pairs would pass its "
            f"limit of {ceilings.notional:f}: lower risk.maxPosition, or raise ceilings.notional "
            "in the chart's values.",
        )
    return None
