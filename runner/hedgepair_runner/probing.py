"""What a probe's observations say of the rules that the hedge protocol rests on (design §11).

Each check is a question of the uncertain register (protocol §12, §7) with what was seen, and
whether that is what we count on. A check that `blocks` keeps Mainnet from quoting when it differs
or stayed unknown; the others a pair copes with either way, and they are reported all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from hedgepair_runner.orders import VerdictState

INVALID_NONCE, INDEX_EXISTS, SWITCH_QUEUED = 21104, 21728, 21712
TOO_SMALL = frozenset({21701, 21706})
LONGEST_LAG_S = 1.0
"""A position is proved by two agreeing reads so far apart (design §4.1): none may lag more."""


NOT_REACHED = "the probe stopped before it"


class Check(StrEnum):
    FENCING = "fencing"
    NONCES = "nonces"
    FAILURES = "failures"
    CANCEL_ALL = "cancel-all"
    CLIENT_INDEX = "client-index"
    DEAD_MANS_SWITCH = "dead-mans-switch"
    IOC_DUST = "ioc-dust"
    POSITION_BEFORE = "position-before"
    PUBLIC_TAPE = "public-tape"
    REPLICA_LAG = "replica-lag"
    SELF_TRADE = "self-trade"


COPED_WITH = frozenset({Check.FAILURES, Check.CLIENT_INDEX, Check.IOC_DUST})
"""The pair works either way: these never keep Mainnet from quoting."""


class Status(StrEnum):
    HOLDS = "holds"
    DIFFERS = "differs"
    UNKNOWN = "unknown"
    """It could not be seen this time: probe again."""
    NOT_NEEDED = "not needed"
    """This pair does not rest on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The answer to one question. `saw` is a sentence without a full stop."""

    check: Check
    status: Status
    saw: str

    @property
    def blocks(self) -> bool:
        """Whether this finding keeps Mainnet from quoting."""
        is_open = self.status in (Status.DIFFERS, Status.UNKNOWN)
        return is_open and self.check not in COPED_WITH


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one transaction: the door's refusal (0: none), and the verdict by its hash."""

    refused: int = 0
    verdict: VerdictState | None = None
    error: str = ""

    @property
    def is_executed(self) -> bool:
        return self.verdict is VerdictState.EXECUTED

    def __str__(self) -> str:
        if self.is_executed:
            return "executed"
        if self.verdict is VerdictState.FAILED:
            return f"failed in the engine ({self.error or 'no reason given'})"
        return f"refused with {self.refused}" if self.refused else "accepted, without a verdict"


@dataclass(frozen=True, slots=True, kw_only=True)
class FencingSeen:
    """`late` was signed before the fence at a nonce below it, and sent after it was executed."""

    fence: Outcome
    late: Outcome | None = None
    after: Outcome | None = None
    """The next nonce after the fence, without skipping."""


def judge_fencing(seen: FencingSeen) -> Finding:
    """Law 5: whoever fenced last is the only one whose transactions execute."""
    if seen.fence.refused == INVALID_NONCE:
        return _differs(Check.FENCING, "the exchange refuses to skip nonces (21104)")
    if not seen.fence.is_executed or seen.late is None or seen.after is None:
        return _unknown(Check.FENCING, f"the fence was {seen.fence}")
    if seen.late.is_executed or seen.late.refused == 0:
        return _differs(
            Check.FENCING, f"after the fence a transaction with a lower nonce was {seen.late}"
        )
    if not seen.after.is_executed:
        return _differs(Check.FENCING, f"the nonce after the fence was {seen.after}")
    return _holds(
        Check.FENCING,
        f"after the fence, proved by its hash, a lower nonce is {seen.late}",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class NoncesSeen:
    """`bad` was refused for its content; `replacement` is right, at the same nonce and with the
    same client order index; `again` is the replacement's very bytes once more."""

    bad: Outcome
    replacement: Outcome
    again: Outcome | None = None


def judge_nonces(seen: NoncesSeen) -> Finding:
    if seen.bad.refused == 0:
        return _unknown(Check.NONCES, f"an order below the minimum was {seen.bad}, not refused")
    if not seen.replacement.is_executed:
        return _differs(
            Check.NONCES,
            f"after a refusal ({seen.bad.refused}) another transaction at the same nonce was "
            f"{seen.replacement}",
        )
    if seen.again is None or seen.again.refused == 0:
        return _differs(Check.NONCES, f"the same bytes, sent a second time, were {seen.again}")
    return _holds(
        Check.NONCES,
        f"a refusal ({seen.bad.refused}) leaves the nonce free, its replacement executed, "
        f"a second copy is {seen.again}",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureSeen:
    """`failed` was accepted and should fail in the engine; `follower` came at its nonce."""

    failed: Outcome
    follower: Outcome | None = None


def judge_failure(seen: FailureSeen) -> Finding:
    if seen.failed.verdict is not VerdictState.FAILED or seen.follower is None:
        return _unknown(Check.FAILURES, f"no failure to look at: the transaction was {seen.failed}")
    if seen.follower.is_executed:
        return _differs(Check.FAILURES, "a failure in the engine leaves the nonce unused")
    return _holds(
        Check.FAILURES,
        f"a failure in the engine uses its nonce (another one there was {seen.follower})",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAllSeen:
    """`other_lives` is about an order in another market; None where that could not be seen."""

    cancel: Outcome
    own_status: str
    """Of the order in its market; empty while it lives."""
    other_lives: bool | None
    took_s: float = 0.0


def judge_cancel_all(seen: CancelAllSeen) -> Finding:
    if not seen.cancel.is_executed:
        return _unknown(Check.CANCEL_ALL, f"the cancel-all was {seen.cancel}")
    if not seen.own_status:
        return _differs(Check.CANCEL_ALL, "it executed, and the order in its market still rests")
    if seen.other_lives is None:
        return _unknown(Check.CANCEL_ALL, "what it does to other markets could not be seen")
    if not seen.other_lives:
        return _differs(Check.CANCEL_ALL, "it cancelled an order in another market, too")
    return _holds(
        Check.CANCEL_ALL,
        f"immediate ({seen.took_s:.1f} s), in its market alone: the order ended as "
        f"{seen.own_status}, one in another market stayed",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSeen:
    """Orders with a client order index in use: while its order lives, and after it ended."""

    live: Outcome
    ended: Outcome


def judge_client_index(seen: IndexSeen) -> Finding:
    if seen.live.refused != INDEX_EXISTS:
        return _differs(
            Check.CLIENT_INDEX, f"a second order with the index of a live one was {seen.live}"
        )
    if not seen.ended.is_executed:
        return _differs(
            Check.CLIENT_INDEX, f"the index of an order that ended is used up: it was {seen.ended}"
        )
    return _holds(Check.CLIENT_INDEX, "unique while its order lives (21728), free again afterwards")


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchSeen:
    """Times are Unix milliseconds; 0 is "not armed", None "could not be read"."""

    armed_before_ms: int
    wanted_ms: int = 0
    armed: Outcome = Outcome()
    read_ms: int | None = None
    renewal: Outcome = Outcome()
    aborted: Outcome = Outcome()
    after_ms: int | None = None


def judge_switch(seen: SwitchSeen) -> Finding:
    check = Check.DEAD_MANS_SWITCH
    if seen.armed_before_ms:
        return _unknown(check, "it was armed already, by somebody else, and was left alone")
    if not seen.armed.is_executed:
        return _differs(check, f"arming it was {seen.armed}")
    if seen.read_ms != seen.wanted_ms:
        return _differs(check, f"armed, but the account shows {seen.read_ms or 'none'}")
    if not seen.aborted.is_executed or seen.after_ms != 0:
        return _differs(check, f"the abort was {seen.aborted}, the account shows {seen.after_ms}")
    how = (
        "renewing needs an abort first (21712)"
        if seen.renewal.refused == SWITCH_QUEUED
        else "a new time overwrites the old"
        if seen.renewal.is_executed
        else f"a renewal was {seen.renewal}"
    )
    return _holds(check, f"armed, read back and aborted; {how}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DustSeen:
    """An IOC order of `lots`, below the minimum of `least_lots` for what rests."""

    lots: int
    least_lots: int
    order: Outcome
    traded_lots: int


def judge_dust(seen: DustSeen) -> Finding:
    if seen.order.refused in TOO_SMALL:
        return _differs(
            Check.IOC_DUST,
            f"{seen.lots} lot is refused with {seen.order.refused}: what is below "
            f"{seen.least_lots} lots is carried, not hedged",
        )
    if seen.least_lots <= seen.lots:
        return _holds(Check.IOC_DUST, "the market has no minimum above one lot")
    if seen.traded_lots != seen.lots:
        return _unknown(Check.IOC_DUST, f"it was {seen.order} and traded {seen.traded_lots}")
    return _holds(
        Check.IOC_DUST,
        f"an IOC order of {seen.lots} lot traded, where orders that rest need {seen.least_lots}",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BeforeSeen:
    """The position before one trade of ours, as each source told it; None: no such trade there."""

    expected_lots: int | None
    by_stream: int | None = None
    by_rest: int | None = None
    by_tape: int | None = None
    on_tape: bool | None = None
    """Whether the public tape lists it under our account; None: it could not be read."""


def judge_before(seen: BeforeSeen) -> Finding:
    check = Check.POSITION_BEFORE
    if seen.expected_lots is None or (seen.by_stream is None and seen.by_rest is None):
        return _unknown(check, "no trade came about to look at")
    told = {"stream": seen.by_stream, "trades": seen.by_rest, "public tape": seen.by_tape}
    wrong = {
        name: lots for name, lots in told.items() if lots is not None and lots != seen.expected_lots
    }
    if wrong:
        says = ", ".join(f"{name} says {lots}" for name, lots in wrong.items())
        return _differs(check, f"it should be {seen.expected_lots} lots, but {says}")
    sources = ", ".join(name for name, lots in told.items() if lots is not None)
    return _holds(check, f"carried by {sources}")


def judge_tape(seen: BeforeSeen) -> Finding:
    if seen.expected_lots is None or seen.on_tape is None:
        return _unknown(Check.PUBLIC_TAPE, "no trade came about to look for")
    if not seen.on_tape:
        return _differs(
            Check.PUBLIC_TAPE, "a trade of this account is not to be found there under its index"
        )
    return _holds(Check.PUBLIC_TAPE, "trades are listed with the accounts that made them")


def judge_lag(stale_s: Sequence[tuple[str, float]]) -> Finding:
    """By endpoint, how long after an event an answer still lacked it; at least so."""
    if not stale_s:
        return _unknown(Check.REPLICA_LAG, "nothing could be measured")
    endpoint, longest_s = max(stale_s, key=lambda sample: sample[1])
    if longest_s > LONGEST_LAG_S:
        return _differs(
            Check.REPLICA_LAG,
            f"{endpoint} answered from {longest_s:.1f} s ago; proofs count on {LONGEST_LAG_S:g} s",
        )
    names = ", ".join(sorted({name for name, _ in stale_s}))
    if longest_s == 0:
        return _holds(Check.REPLICA_LAG, f"none seen ({names})")
    return _holds(Check.REPLICA_LAG, f"up to {longest_s:.2f} s on {endpoint} (of {names})")


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTradeSeen:
    """B's order crossed A's with "expire maker, equality master". Lots the two traded together."""

    same_master: bool
    both_here: bool = True
    is_crossed: bool = False
    maker_status: str = ""
    traded_lots: int = 0


def judge_self_trade(seen: SelfTradeSeen) -> Finding:
    check = Check.SELF_TRADE
    if not seen.same_master:
        return _not_needed(check, "the accounts have different masters; prices are capped instead")
    if not seen.both_here:
        return _unknown(check, "the accounts share a master: probe both roles in one run")
    if seen.traded_lots:
        return _differs(check, f"the two accounts traded {seen.traded_lots} lots with each other")
    if not seen.is_crossed or not seen.maker_status.startswith("canceled"):
        return _unknown(check, "the two orders did not meet: the market moved")
    return _holds(check, f"the resting order ended as {seen.maker_status}, nothing was traded")


def _holds(check: Check, saw: str) -> Finding:
    return Finding(check=check, status=Status.HOLDS, saw=saw)


def _differs(check: Check, saw: str) -> Finding:
    return Finding(check=check, status=Status.DIFFERS, saw=saw)


def _unknown(check: Check, saw: str) -> Finding:
    return Finding(check=check, status=Status.UNKNOWN, saw=saw)


def _not_needed(check: Check, saw: str) -> Finding:
    return Finding(check=check, status=Status.NOT_NEEDED, saw=saw)
