"""What may not change while a HedgePair lives, with the words of the CRD's transition rules.

Used by `hedgepair run` when its file is edited, and by the operator where CEL did not run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hedgepair_runner.contract.manifest import HedgePair
from hedgepair_runner.contract.problems import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRule:
    """`field` is a path below `spec`; `allows` takes the old and the new resource."""

    field: str
    sentence: str
    allows: Callable[[HedgePair, HedgePair], bool]


def refuse_change(old: HedgePair, new: HedgePair) -> tuple[Problem, ...]:
    """Why `new` may not take the place of `old`; empty when it may."""
    return tuple(
        Problem(field=f"spec.{rule.field}", sentence=f"{rule.sentence}.")
        for rule in CHANGE_RULES
        if not rule.allows(old, new)
    )


def _same_exchange(old: HedgePair, new: HedgePair) -> bool:
    before, after = old.spec.exchange, new.spec.exchange
    return before.network is after.network and before.name is after.name


def _same_hedger_account(old: HedgePair, new: HedgePair) -> bool:
    if old.spec.hedger is None or new.spec.hedger is None:
        return True
    return old.spec.hedger.account.account_index == new.spec.hedger.account.account_index


def _same_side_or_suspended(old: HedgePair, new: HedgePair) -> bool:
    same = old.spec.mode is new.spec.mode and old.spec.maker_side is new.spec.maker_side
    return same or old.spec.suspend


def _same_endpoint_or_suspended(old: HedgePair, new: HedgePair) -> bool:
    before, after = old.spec.exchange, new.spec.exchange
    same = before.url == after.url and before.chain_id == after.chain_id
    return same or old.spec.suspend


CHANGE_RULES: Final = (
    ChangeRule(
        field="market",
        sentence="market is immutable: make a new HedgePair for another market",
        allows=lambda old, new: old.spec.market == new.spec.market,
    ),
    ChangeRule(
        field="exchange.network",
        sentence="exchange.name and exchange.network are immutable: "
        "make a new HedgePair for another network",
        allows=_same_exchange,
    ),
    ChangeRule(
        field="maker.account.accountIndex",
        sentence="maker.account.accountIndex is immutable: "
        "make a new HedgePair for another account",
        allows=lambda old, new: (
            old.spec.maker.account.account_index == new.spec.maker.account.account_index
        ),
    ),
    ChangeRule(
        field="hedger.account.accountIndex",
        sentence="hedger.account.accountIndex is immutable: "
        "make a new HedgePair for another account",
        allows=_same_hedger_account,
    ),
    ChangeRule(
        field="hedger",
        sentence="hedger may not be removed once it was given: "
        "leave it in place, mode MakerOnly ignores it",
        allows=lambda old, new: old.spec.hedger is None or new.spec.hedger is not None,
    ),
    ChangeRule(
        field="mode",
        sentence="mode and makerSide may change only after suspend: true was applied: "
        "suspend first, then change them",
        allows=_same_side_or_suspended,
    ),
    ChangeRule(
        field="exchange.url",
        sentence="exchange.url and exchange.chainId may change only after suspend: true was "
        "applied: suspend first, then change them",
        allows=_same_endpoint_or_suspended,
    ),
    ChangeRule(
        field="pairing",
        sentence="pairing may change only after suspend: true was applied: "
        "suspend first, then change it",
        allows=lambda old, new: old.pairing == new.pairing or old.spec.suspend,
    ),
)
