"""Drills are judged by the exchange's records alone, and all of the catalogue can be armed."""

from __future__ import annotations

import io
import json

import pytest

from hedgepair_runner.contract.identity import Role
from hedgepair_runner.local.drill_reports import Drilled, print_catalogue, print_json, print_table
from hedgepair_runner.local.drilling import Course, Open, Verdict, judge, open_spans
from hedgepair_runner.local.drills import DRILLS, Drill, Harm, UnknownDrill, choose, rules_of
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
MAKER, HEDGER = 1, 2
PLAIN = Drill(name="plain", does="nothing much")
KILL = Drill(name="kill", does="kills", harm=Harm.HEDGER_KILLED)
END_MS = 60_000
Trades = list[tuple[int, int]]
"""(trade id, which is milliseconds, too; signed lots)."""


def trades(of: Trades) -> tuple[LegTrade, ...]:
    return tuple(
        LegTrade(
            trade_id=trade_id,
            at_us=trade_id * 1000,
            signed_lots=lots,
            price_ticks=235_000,
            order_index=trade_id,
            is_maker=True,
        )
        for trade_id, lots in of
    )


def leg(account: int, of: Trades, *, position: int | None = None, orders: int = 0) -> LegRecords:
    resting = LegOrder(
        order_index=9,
        is_ask=True,
        price_ticks=235_000,
        initial_lots=500,
        remaining_lots=200,
        placed_ms=1,
    )
    return LegRecords(
        account_index=account,
        position_lots=sum(lots for _, lots in of) if position is None else position,
        orders=(resting,) * orders,
        trades=trades(of),
    )


def records(maker: LegRecords, hedger: LegRecords) -> PairRecords:
    return PairRecords(market=MARKET, at_ms=END_MS, maker=maker, hedger=hedger)


def judged(
    fills: Trades,
    hedges: Trades,
    *,
    drill: Drill = PLAIN,
    fired: int | None = 1,
    ended_ms: int = 5_000,
    wrong: tuple[str, ...] = (),
) -> Verdict:
    """The fault holds from 1 s on."""
    course = Course(began_us=1_000_000, ended_us=ended_ms * 1000, fired=fired, wrong=wrong)
    return judge(drill, course, records(leg(MAKER, fills), leg(HEDGER, hedges)))


def test_a_clean_drill_tells_how_long_the_pair_was_open() -> None:
    verdict = judged([(2_000, 500), (9_000, -500)], [(2_100, -200), (6_500, -300), (9_010, 500)])

    assert verdict.is_clean
    assert (verdict.fills, verdict.hedged_fills, verdict.hedges) == (2, 2, 3)
    assert verdict.longest_unhedged_us == 4_500_000
    assert verdict.back_to_flat_us == 1_500_000


@pytest.mark.parametrize(
    ("fills", "hedges", "problems"),
    [
        pytest.param(
            [(2_000, 500)],
            [(2_010, -500), (2_020, -500)],
            [
                "hedge 2020 took the net from 0.0000 to -0.0500 ETH",
                "the trades leave -0.0500 ETH unhedged",
                "the positions add up to -0.0500 ETH",
            ],
            id="hedged twice",
        ),
        pytest.param(
            [(2_000, 500)],
            [(2_010, -700), (2_020, 200)],
            ["hedge 2010 took the net from 0.0500 to -0.0200 ETH"],
            id="too much and back",
        ),
        pytest.param(
            [(2_000, 500)],
            [(2_010, 500), (2_020, -1000)],
            ["hedge 2010 took the net from 0.0500 to 0.1000 ETH"],
            id="the wrong way and back",
        ),
        pytest.param(
            [(2_000, 500)],
            [(2_010, -200)],
            [
                "the trades leave 0.0300 ETH unhedged",
                "the positions add up to 0.0300 ETH",
            ],
            id="a part forgotten",
        ),
        pytest.param(
            [(2_000, 500)],
            [(2_000, -500)],
            ["trade 2000 is between the pair's own accounts"],
            id="with itself",
        ),
        pytest.param(
            [(2_000, 500)],
            [(13_100, -500)],
            ["it took 8.1 s to be flat again, more than 8.0 s"],
            id="late",
        ),
        pytest.param(
            [(500, 500), (6_000, -500)],
            [(501, -500), (6_001, 500)],
            ["nothing was filled during the fault, so nothing is proved"],
            id="missed",
        ),
    ],
)
def test_what_the_records_show_is_said(fills: Trades, hedges: Trades, problems: list[str]) -> None:
    assert list(judged(fills, hedges).problems) == problems


def test_a_drill_whose_fault_never_happened_proves_nothing() -> None:
    [problem] = judged([(2_000, 500)], [(2_001, -500)], fired=0).problems

    assert problem == "the fault never happened, so nothing is proved"


def test_what_went_wrong_on_stage_comes_first() -> None:
    verdict = judged([(2_000, 500)], [], wrong=("the maker did not stop in 20 s",))

    assert verdict.problems[0] == "the maker did not stop in 20 s"
    assert verdict.back_to_flat_us is None
    assert verdict.longest_unhedged_us == END_MS * 1000 - 2_000_000


def test_a_lost_lease_is_given_its_time() -> None:
    late, too_late = [(19_000, -500)], [(19_600, -500)]

    assert judged([(2_000, 500)], late, drill=KILL).is_clean
    assert judged([(2_000, 500)], late).problems
    assert judged([(2_000, 500)], too_late, drill=KILL).problems


def test_an_order_that_still_rests_and_a_foreign_position_are_said() -> None:
    fills, hedges = [(2_000, 500)], [(2_001, -500)]
    course = Course(began_us=0, ended_us=5_000_000, fired=1)

    found = judge(
        PLAIN,
        course,
        records(leg(MAKER, fills, orders=1), leg(HEDGER, hedges, position=-400)),
    )

    assert list(found.problems) == [
        "the positions add up to 0.0100 ETH",
        "account 1 still rests sell 0.0200 ETH",
    ]


@pytest.mark.parametrize(
    ("fills", "hedges", "spans"),
    [
        ([], [], []),
        ([(1, 5)], [], [(1, None)]),
        ([(1, 5), (2, -5)], [], [(1, 2)]),
        ([(1, 5), (4, 3)], [(3, -5), (6, -3)], [(1, 3), (4, 6)]),
        ([(1, 5), (2, 3)], [(3, -5), (6, -3)], [(1, 6)]),
        ([(1, 5)], [(1, -5)], []),
    ],
    ids=["nothing", "open", "offset", "two", "together", "with itself"],
)
def test_open_spans(fills: Trades, hedges: Trades, spans: list[tuple[int, int | None]]) -> None:
    expected = tuple(
        Open(since_us=since * 1000, until_us=None if until is None else until * 1000)
        for since, until in spans
    )

    assert open_spans(trades(fills), trades(hedges)) == expected


@pytest.mark.parametrize("drill", DRILLS, ids=lambda drill: drill.name)
def test_every_drill_of_the_catalogue_can_be_armed(drill: Drill) -> None:
    rules = rules_of(drill, {Role.MAKER: 111, Role.HEDGER: 112})

    assert bool(rules) is (drill.harm is Harm.NONE)
    assert {rule.when.account for rule in rules} <= {None, 111, 112}
    # Either it lasts, or it is known when it has happened.
    assert drill.lasts_s or all(rule.count for rule in rules)


def test_drills_are_chosen_by_name_in_the_order_of_the_catalogue() -> None:
    chosen = choose(["maker-killed", "answer-lost", "maker-killed"])

    assert [drill.name for drill in chosen] == ["answer-lost", "maker-killed"]
    assert len({drill.name for drill in DRILLS}) == len(DRILLS)
    assert {drill.name for drill in DRILLS} - {drill.name for drill in choose([])} == {"firewall"}
    with pytest.raises(UnknownDrill, match="did you mean maker-killed"):
        choose(["maker-kiled"])


def test_results_for_people_and_for_programs() -> None:
    clean = Drilled(drill=PLAIN, verdict=judged([(2_000, 500)], [(2_250, -500)]))
    broken = Drilled(drill=KILL, verdict=judged([(2_000, 500)], [], drill=KILL))
    table, lines = io.StringIO(), io.StringIO()

    print_table([clean, broken], stream=table)
    print_json([clean, broken], stream=lines)

    assert "250.0 ms" in table.getvalue()
    assert table.getvalue().endswith("1 of 2 drills were not clean: kill\n")
    found = json.loads(lines.getvalue())
    assert found["clean"] is False
    assert found["drills"][0] == {
        "name": "plain",
        "does": "nothing much",
        "fills": 1,
        "hedged_fills": 1,
        "hedges": 1,
        "longest_unhedged_ms": 250.0,
        "back_to_flat_ms": 0.0,
        "clean": True,
        "problems": [],
    }
    assert found["drills"][1]["back_to_flat_ms"] is None


def test_the_list_names_every_drill() -> None:
    listed = io.StringIO()

    print_catalogue(stream=listed)

    assert [line.split()[0] for line in listed.getvalue().splitlines()] == [
        drill.name for drill in DRILLS
    ]
