"""What is asked of a pair is newer than all before, proved by every role, and told in full."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hedgepair_runner.contract.desired import Desired, Wish
from hedgepair_runner.contract.halts import Halt, HaltReason
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.status import RestingOrder, RunnerReport, RunnerState
from hedgepair_runner.local.demanding import (
    Demand,
    as_json,
    is_proved,
    left_lines,
    leg_lines,
    next_desired,
    progress_words,
    silent_roles,
)

BOTH = (Role.MAKER, Role.HEDGER)
MAKER = RunnerReport(
    role="maker",
    holder="a",
    version="1",
    state=RunnerState.SUSPENDED,
    size_decimals=4,
    position_lots=500,
    generation=3,
    step=2,
    withdrawn_ms=1_800_000_000_000,
)
HEDGER = replace(MAKER, role="hedger", holder="b", position_lots=-500)
REPORTS = {Role.MAKER: MAKER, Role.HEDGER: HEDGER}
ORDER = RestingOrder(
    client_order_index=1, is_ask=True, price_ticks=1, remaining_lots=1, placed_ms=1
)


def demand(wish: Wish = Wish.SUSPEND, step: int = 2) -> Demand:
    return Demand(desired=Desired(generation=3, step=step, wish=wish), roles=BOTH)


def test_the_next_wish_is_newer_than_what_was_written_and_what_is_acted_on() -> None:
    nothing: dict[Role, None] = dict.fromkeys(BOTH)
    assert next_desired(Wish.RUN, nothing, nothing).version == (0, 1)
    assert next_desired(Wish.RUN, REPORTS, nothing).version == (3, 3)

    written = Desired(generation=4, step=0, wish=Wish.RUN)
    desired = next_desired(Wish.FLATTEN, REPORTS, {Role.MAKER: written, Role.HEDGER: None})
    assert (desired.version, desired.wish, desired.manifest) == ((4, 1), Wish.FLATTEN, None)


def test_a_role_that_stopped_is_as_silent_as_one_without_a_report() -> None:
    assert silent_roles(REPORTS, BOTH) == ()
    stopped = replace(HEDGER, state=RunnerState.STOPPED)
    assert silent_roles({Role.MAKER: None, Role.HEDGER: stopped}, BOTH) == BOTH
    assert silent_roles({Role.MAKER: MAKER, Role.HEDGER: None}, (Role.MAKER,)) == ()


@pytest.mark.parametrize(
    ("wish", "changes", "is_done"),
    [
        pytest.param(Wish.SUSPEND, {}, True, id="suspended and proved"),
        pytest.param(Wish.SUSPEND, {"withdrawn_ms": None}, False, id="not proved yet"),
        pytest.param(Wish.SUSPEND, {"step": 1}, False, id="proved of an older wish"),
        pytest.param(Wish.FLATTEN, {}, False, id="withdrawn but not flat"),
        pytest.param(Wish.FLATTEN, {"flat_ms": 1}, True, id="flat and proved"),
        pytest.param(Wish.FLATTEN, {"flat_ms": 1, "withdrawn_ms": None}, False, id="orders rest"),
        pytest.param(Wish.RUN, {"state": RunnerState.RUNNING}, True, id="runs"),
        pytest.param(Wish.RUN, {"state": RunnerState.READING}, False, id="comes back"),
    ],
)
def test_it_is_proved_when_every_role_has_its_own_proof(
    wish: Wish, changes: dict[str, Any], is_done: bool
) -> None:
    report = replace(MAKER, flat_ms=None)
    done = replace(report, flat_ms=1, state=RunnerState.RUNNING)
    changed = replace(report, **changes)
    assert is_proved(demand(wish), {Role.MAKER: changed, Role.HEDGER: done}) is is_done
    assert not is_proved(demand(wish), {Role.MAKER: changed, Role.HEDGER: None})


def test_what_is_left_is_told_exactly() -> None:
    resting = replace(
        MAKER, withdrawn_ms=None, resting=(ORDER,), state=RunnerState.HOLDING, reason="book stale"
    )
    late = {Role.MAKER: resting, Role.HEDGER: replace(HEDGER, gap_lots=-20, step=1)}
    halt = Halt(id="ab", reason=HaltReason.UNHEDGED, message="Open.", since_ms=1, role="hedger")

    assert leg_lines(demand(), late) == [
        "maker   position +0.0500, 1 order rests or is being placed",
        "hedger  position -0.0500, no order rests (proved at the exchange at 08:00:00 UTC)",
    ]
    assert left_lines(demand(), late, (halt,)) == [
        "the maker says: book stale",
        "unhedged: -0.0020",
        "halt ab (Unhedged): Open.",
    ]
    assert progress_words(demand(), late) == (
        "maker Holding (book stale), +0.0500; hedger Suspended, not heard it yet, -0.0500"
    )


def test_an_unknown_position_is_told_as_unknown_and_null() -> None:
    reports = {Role.MAKER: replace(MAKER, position_lots=None), Role.HEDGER: None}

    told = as_json(demand(), reports, (), proved=False)

    assert leg_lines(demand(), reports)[0].startswith("maker   position unknown")
    assert leg_lines(demand(), reports)[1] == "hedger  does not report: unknown"
    assert told["roles"]["maker"]["position"] is None
    assert told["roles"]["hedger"]["state"] is None
