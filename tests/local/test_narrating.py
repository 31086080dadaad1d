"""The story of a pair: what changed between two looks, in words, once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.status import RunnerReport, RunnerState
from hedgepair_runner.local.narrating import Narrator
from hedgepair_runner.local.observations import LegOrder, LegRecords, LegTrade, PairRecords
from hedgepair_runner.units import Market

MARKET = Market(
    market_id=0,
    symbol="ETH",
    size_decimals=4,
    price_decimals=2,
    min_base_lots=50,
    min_quote_units=10_000_000,
    order_quote_limit_units=10**15,
)
ORDER = LegOrder(
    order_index=5,
    is_ask=False,
    price_ticks=235_010,
    initial_lots=500,
    remaining_lots=500,
    placed_ms=1_000,
)
FILL = LegTrade(
    trade_id=10,
    at_us=2_000_000,
    signed_lots=312,
    price_ticks=235_010,
    order_index=5,
    is_maker=True,
)
HEDGE = LegTrade(
    trade_id=11,
    at_us=2_001_400,
    signed_lots=-312,
    price_ticks=235_000,
    order_index=6,
    is_maker=False,
)


def look(
    *,
    at_ms: int = 3_000,
    orders: tuple[LegOrder, ...] = (),
    fills: tuple[LegTrade, ...] = (),
    hedges: tuple[LegTrade, ...] = (),
) -> PairRecords:
    return PairRecords(
        market=MARKET,
        at_ms=at_ms,
        maker=LegRecords(account_index=1, position_lots=0, orders=orders, trades=fills),
        hedger=LegRecords(account_index=2, position_lots=0, trades=hedges),
    )


def words_of(*looks: PairRecords) -> list[str]:
    """What was told at the last look."""
    narrator = Narrator(timeout_s=10)
    told = [narrator.tell(records, {}) for records in looks]
    return [line.words for line in told[-1]]


RESTING = look(orders=(ORDER,))


@pytest.mark.parametrize(
    ("looks", "words"),
    [
        pytest.param([RESTING], ["maker rests buy 0.0500 at 2350.10"], id="an order appears"),
        pytest.param([RESTING, RESTING], [], id="nothing is told twice"),
        pytest.param(
            [RESTING, look(orders=(ORDER,), fills=(FILL,))],
            ["maker bought 0.0312 at 2350.10 (partly)"],
            id="a part of it fills",
        ),
        pytest.param(
            [RESTING, look(fills=(replace(FILL, signed_lots=500),))],
            ["maker bought 0.0500 at 2350.10"],
            id="the whole of it fills",
        ),
        pytest.param(
            [look(fills=(FILL,)), look(fills=(FILL,), hedges=(HEDGE,))],
            ["hedger sold 0.0312 at 2350.00, 1.4 ms later"],
            id="the hedge says how much later",
        ),
        pytest.param(
            [
                look(fills=(FILL,)),
                look(
                    fills=(FILL,),
                    hedges=(
                        replace(HEDGE, signed_lots=-100),
                        replace(HEDGE, signed_lots=-212, price_ticks=234_900, trade_id=12),
                    ),
                ),
            ],
            ["hedger sold 0.0312 at 2349.32, 1.4 ms later"],
            id="an order over two levels is one hedge at its average",
        ),
        pytest.param(
            [look(hedges=(HEDGE,))],
            ["hedger sold 0.0312 at 2350.00"],
            id="a hedge that covers nothing is not late",
        ),
        pytest.param(
            [RESTING, look(at_ms=11_000)], ["order timed out, re-quoting"], id="it times out"
        ),
        pytest.param(
            [RESTING, look(at_ms=4_000)], ["order at 2350.10 withdrawn"], id="it is withdrawn"
        ),
    ],
)
def test_tells(looks: list[PairRecords], words: list[str]) -> None:
    assert words_of(*looks) == words


def report(state: RunnerState, reason: str = "") -> RunnerReport:
    return RunnerReport(role="maker", holder="h", version="0", state=state, reason=reason)


@pytest.mark.parametrize(
    ("reports", "words"),
    [
        pytest.param([RunnerState.FENCING], [], id="a step that passes is no news"),
        pytest.param(
            [RunnerState.WAITING_FOR_LEASE] * 3, ["maker is waiting for lease"], id="told once"
        ),
        pytest.param([RunnerState.STOPPED], ["maker is stopped"], id="the end is told at once"),
        pytest.param([None, None], [], id="no report is no news"),
    ],
)
def test_tells_a_state_that_lasts(reports: list[RunnerState | None], words: list[str]) -> None:
    narrator = Narrator(timeout_s=10)

    told = [
        line.words
        for state in reports
        for line in narrator.tell(look(), {Role.MAKER: report(state) if state else None})
    ]

    assert told == words


def test_says_why_a_runner_holds() -> None:
    narrator = Narrator(timeout_s=10)
    holding = {Role.MAKER: report(RunnerState.HOLDING, "the book is stale")}

    lines = [*narrator.tell(look(), holding), *narrator.tell(look(), holding)]

    assert [(line.words, line.tone) for line in lines] == [
        ("maker is holding: the book is stale", "alarm")
    ]
