"""The catalogue of drills: what is done to a pair, and to what.

Faults are written as in a scenario file of the paper exchange (`fault_files`), except that
`when.account` says `maker` or `hedger`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from hedgepair_runner.contract.identity import Role
from hedgepair_runner.venues.paper.fault_files import read_fault
from hedgepair_runner.venues.paper.fault_rules import FaultRule

Fault = Mapping[str, Any]


class Harm(StrEnum):
    """What is done to a process: no exchange can do it."""

    NONE = "none"
    REDIS_FROZEN = "redis frozen"
    REDIS_FLUSHED = "redis flushed"
    MAKER_KILLED = "maker killed"
    HEDGER_KILLED = "hedger killed"
    MAKER_FROZEN = "maker frozen"
    HEDGER_FROZEN = "hedger frozen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """One fault, or several at once."""

    name: str
    does: str
    """A line for the list."""
    faults: tuple[Fault, ...] = ()
    harm: Harm = Harm.NONE
    lasts_s: float = 0.0
    """For so long; 0: until every fault has happened as often as it is to."""
    fills_first: bool = False
    """The fill comes right before the fault, not right after its beginning."""
    is_long: bool = False
    """It takes more than a minute, so it is played only when it is named."""


class UnknownDrill(ValueError):
    """The text is a sentence with a guess."""


def _of(kind: str, account: str | None = None, **details: Any) -> Fault:
    """A fault of a leg's, or of everybody's."""
    when = {} if account is None else {"account": account}
    where = {
        name: details.pop(name) for name in ("endpoint", "transport", "channel") if name in details
    }
    return {"kind": kind, "when": {**when, **where}, **details}


def _hedge(kind: str, **details: Any) -> Fault:
    """A fault of the frame by which the hedger sends its order."""
    return _of(kind, "hedger", transport="socket", endpoint="sendTx", **details)


_OFTEN: Final = {"count": None}
_CUT_BOTH: Final = (_of("close_sockets", "maker"), _of("close_sockets", "hedger"))

DRILLS: Final = (
    Drill(
        name="answer-lost",
        does="the exchange accepts the hedge, and its answer never comes",
        faults=(_hedge("drop_answer"),),
    ),
    Drill(
        name="answer-cut",
        does="the exchange accepts the hedge, and the connection breaks before its answer",
        faults=(_hedge("drop_answer", cut=True),),
    ),
    Drill(
        name="request-lost",
        does="the hedge never reaches the exchange, and nobody says so",
        faults=(_hedge("drop_request"),),
    ),
    Drill(
        name="answer-late",
        does="the exchange executes the hedge at once and answers 2 s later",
        faults=(_hedge("slow_answer", delay_ms=2_000),),
    ),
    Drill(
        name="second-copy",
        does="the bytes of two hedges reach the exchange once more, a second later",
        faults=(_hedge("second_copy", delay_ms=1_000, count=2),),
        lasts_s=2.0,
    ),
    Drill(
        name="rate-limited",
        does="for 2 s every order of both accounts is answered with 429",
        faults=(
            _of("rate_limited", "maker", transport="socket", **_OFTEN),
            _of("rate_limited", "hedger", transport="socket", **_OFTEN),
        ),
        lasts_s=2.0,
    ),
    Drill(
        name="bad-gateway",
        does="the connections break, and for 3 s every REST request is answered with 502 and HTML",
        faults=(_of("bad_gateway", transport="rest", **_OFTEN), *_CUT_BOTH),
        lasts_s=3.0,
    ),
    Drill(
        name="hedger-cut",
        does="the hedger's connection breaks just before a fill",
        faults=(_of("close_sockets", "hedger"),),
        lasts_s=1.0,
    ),
    Drill(
        name="maker-cut",
        does="the maker's connection breaks just before a fill",
        faults=(_of("close_sockets", "maker"),),
        lasts_s=1.0,
    ),
    Drill(
        name="frames-doubled",
        does="for 3 s every frame comes twice",
        faults=(_of("duplicate_frame", **_OFTEN),),
        lasts_s=3.0,
    ),
    Drill(
        name="frames-reordered",
        does="for 3 s frames overtake each other across channels",
        faults=(_of("reorder_frame", probability=0.5, delay_ms=200, **_OFTEN),),
        lasts_s=3.0,
    ),
    Drill(
        name="frames-late",
        does="for 3 s frames come 400 ms late, those of orders later still",
        faults=(
            _of("delay_frame", delay_ms=400, **_OFTEN),
            _of("late_orders", delay_ms=600, **_OFTEN),
        ),
        lasts_s=3.0,
    ),
    Drill(
        name="frames-lost",
        does="for 3 s no runner hears of its own account's trades and orders",
        faults=tuple(
            _of("drop_frame", leg, channel=channel, **_OFTEN)
            for leg in ("maker", "hedger")
            for channel in ("account_all_trades", "account_all_orders")
        ),
        lasts_s=3.0,
    ),
    Drill(
        name="trades-replayed",
        does="for 3 s every frame of trades is followed by the channel's snapshot",
        faults=(_of("replay_trades", **_OFTEN),),
        lasts_s=3.0,
    ),
    Drill(
        name="book-gap",
        does="three times a link of the order book's nonce chain is missing",
        faults=(_of("book_gap", count=3),),
        lasts_s=2.0,
    ),
    Drill(
        name="hedge-unfilled",
        does="two hedges find nothing to trade with",
        faults=(_of("ioc_short_fill", "hedger", fill_ratio=0, count=2),),
    ),
    Drill(
        name="hedge-partly-filled",
        does="three hedges trade 40 % of their size",
        faults=(_of("ioc_short_fill", "hedger", fill_ratio="0.4", count=3),),
    ),
    Drill(
        name="engine-failure",
        does="the hedge is accepted, then fails in the engine and uses its nonce up",
        faults=(_of("engine_failure", "hedger"),),
    ),
    Drill(
        name="engine-failure-nonce-kept",
        does="the hedge is accepted, then fails in the engine and leaves its nonce unused",
        faults=(_of("engine_failure", "hedger", consumes_nonce=False),),
    ),
    Drill(
        name="execution-late",
        does="the hedge executes 2 s later than the exchange predicted",
        faults=(_of("slow_execution", "hedger", delay_ms=2_000),),
    ),
    Drill(
        name="replica-lag",
        does="the connections break, and for 4 s REST answers are up to 1.5 s old",
        faults=({"kind": "replica_lag", "low_ms": 0, "high_ms": 1_500}, *_CUT_BOTH),
        lasts_s=4.0,
    ),
    Drill(
        name="market-halted",
        does="the market is halted for 3 s right after a fill",
        faults=({"kind": "market_status", "status": "inactive"},),
        lasts_s=3.0,
        fills_first=True,
    ),
    Drill(
        name="redis-frozen",
        does="Redis answers nobody for 3 s",
        harm=Harm.REDIS_FROZEN,
        lasts_s=3.0,
    ),
    Drill(
        name="redis-flushed",
        does="Redis loses everything: leases, epochs, streams and intents",
        harm=Harm.REDIS_FLUSHED,
    ),
    Drill(
        name="hedger-killed",
        does="the hedger is killed (SIGKILL) before a fill, and started again",
        harm=Harm.HEDGER_KILLED,
    ),
    Drill(
        name="maker-killed",
        does="the maker is killed (SIGKILL), what it left is filled, and it is started again",
        harm=Harm.MAKER_KILLED,
    ),
    Drill(
        name="hedger-frozen",
        does="the hedger sleeps for 5 s, past the end of its lease, while a quote is filled",
        harm=Harm.HEDGER_FROZEN,
        lasts_s=5.0,
    ),
    Drill(
        name="maker-frozen",
        does="the maker sleeps for 5 s, past the end of its lease, while its quote is filled",
        harm=Harm.MAKER_FROZEN,
        lasts_s=5.0,
    ),
    Drill(
        name="firewall",
        does="the connections break, and for 60 s the firewall answers everything with 405",
        faults=(_of("firewall"), *_CUT_BOTH),
        lasts_s=60.0,
        is_long=True,
    ),
)
"""In the order in which they run."""


def choose(names: Sequence[str]) -> tuple[Drill, ...]:
    """The drills of these names, in the catalogue's order; without names all but the long ones.

    Raises UnknownDrill.
    """
    known = [drill.name for drill in DRILLS]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            guess = f"did you mean {near[0]}?" if near else "--list shows them all."
            raise UnknownDrill(f"there is no drill {name!r}; {guess}")
    if not names:
        return tuple(drill for drill in DRILLS if not drill.is_long)
    return tuple(drill for drill in DRILLS if drill.name in names)


def rules_of(drill: Drill, accounts: Mapping[Role, int]) -> tuple[FaultRule, ...]:
    """The faults with the pair's accounts in place of the names of its legs."""
    by_label: dict[object, int] = {role.label: index for role, index in accounts.items()}
    rules = []
    for fault in drill.faults:
        when = dict(fault.get("when", {}))
        if "account" in when:
            when["account"] = by_label[when["account"]]
        rules.append(read_fault({**fault, "when": when}))
    return tuple(rules)
