"""Where the maker rests and when it may: never with an unknown, never uncovered (law 4)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgepair_runner.closing import ClosingOrder
from hedgepair_runner.orders import OwnOrder, Side
from hedgepair_runner.quoting import (
    Cancel,
    Cover,
    Cycling,
    Keep,
    Place,
    QuotePolicy,
    QuoteQuestion,
    Wait,
    decide_quotes,
    first_obstacle,
    level_ticks,
)
from tests.decide.facts import BRIEFLY, MARKET, book, order

MARK = 100_000
BOOK = book(
    [(99_990, 500), (99_980, 500), (99_970, 500)], [(100_010, 500), (100_020, 500), (100_030, 500)]
)
COVER = Cover(
    maker_chain_lots=0,
    maker_chain_trade_id=100,
    gap_lots=0,
    in_flight=0,
    carried_lots=0,
    is_running=True,
    is_hedging=True,
)
QUESTION = QuoteQuestion(
    position_lots=0,
    last_trade_id=100,
    book=BOOK,
    mark_ticks=MARK,
    forbidden=(),
    needs_cover=True,
    cover=COVER,
    live=None,
    resting_since_s=0.0,
)
POLICY = QuotePolicy(
    cycle=Cycling.ROUND_TRIP,
    open_side=Side.BUY,
    quantity_lots=500,
    depth=1,
    timeout_s=60.0,
    requote_ticks=0,
    max_distance_bps=200,
    max_position_lots=1_200,
    closing_bps=50,
)


def at(position: int, **changes: object) -> QuoteQuestion:
    """All is well at this position, the hedger included."""
    cover = replace(COVER, maker_chain_lots=position)
    return replace(QUESTION, **{"position_lots": position, "cover": cover, **changes})  # type: ignore[arg-type]  # replace() takes any field


def resting(lots: int = 500, *, price: int = 99_990, filled: int = 0, seen: int = 5) -> OwnOrder:
    return order(77, lots, price=price, filled=filled, engine_nonce=seen)


# -- unknown, forbidden, uncovered ----------------------------------------------------------------

OBSTACLES = [
    pytest.param({"forbidden": ("Redis takes no writes",)}, "Redis", id="forbidden"),
    pytest.param({"position_lots": None}, "position unknown", id="own position unknown"),
    pytest.param({"book": None}, "book unknown", id="book unknown"),
    pytest.param({"mark_ticks": None}, "mark price unknown", id="mark unknown"),
    pytest.param({"cover": None}, "no fresh report", id="the hedger is silent"),
    pytest.param(
        {"cover": replace(COVER, is_running=False)}, "not running", id="the hedger is halted"
    ),
    pytest.param(
        {"cover": replace(COVER, gap_lots=None)}, "does not know its gap", id="gap unknown"
    ),
    pytest.param(
        {"cover": replace(COVER, maker_chain_trade_id=None)}, "not know", id="chain of A unknown"
    ),
    pytest.param(
        {"cover": replace(COVER, maker_chain_trade_id=99)}, "not seen", id="a fill behind"
    ),
    pytest.param(
        {"cover": replace(COVER, maker_chain_lots=1)}, "another position", id="positions differ"
    ),
    pytest.param({"cover": replace(COVER, maker_chain_lots=None)}, "another", id="no position"),
    pytest.param({"cover": replace(COVER, in_flight=1)}, "in flight", id="hedge in flight"),
    pytest.param({"cover": replace(COVER, gap_lots=3)}, "not hedged", id="gap open"),
    pytest.param(
        {"cover": replace(COVER, gap_lots=3, carried_lots=-3)}, "not hedged", id="wrong residue"
    ),
]


@pytest.mark.parametrize(("changes", "reason"), OBSTACLES)
def test_an_obstacle_keeps_quotes_away(changes: dict[str, object], reason: str) -> None:
    decision = decide_quotes(at(0, **changes), policy=POLICY, market=MARKET)

    assert isinstance(decision, Wait)
    assert reason in decision.reason


@pytest.mark.parametrize(("changes", "reason"), OBSTACLES)
def test_an_obstacle_withdraws_what_rests(changes: dict[str, object], reason: str) -> None:
    decision = decide_quotes(at(0, live=resting(), **changes), policy=POLICY, market=MARKET)

    assert isinstance(decision, Cancel)
    assert reason in decision.reason


def test_the_carried_residue_is_no_obstacle() -> None:
    cover = replace(COVER, gap_lots=-4, carried_lots=-4)

    assert isinstance(decide_quotes(at(0, cover=cover), policy=POLICY, market=MARKET), Place)


def test_a_maker_without_a_partner_needs_no_cover() -> None:
    alone = at(0, needs_cover=False, cover=None)

    assert isinstance(decide_quotes(alone, policy=POLICY, market=MARKET), Place)


maybe_lots = st.none() | st.integers(-1_500, 1_500)
small = st.sampled_from([None, 0, 0, 3, 500])
covers = st.none() | st.builds(
    Cover,
    maker_chain_lots=small,
    maker_chain_trade_id=st.sampled_from([None, 99, 100, 101]),
    gap_lots=st.sampled_from([None, 0, 0, 0, 3]),
    in_flight=st.sampled_from([0, 0, 1]),
    carried_lots=st.sampled_from([0, 3]),
    is_running=st.booleans(),
)
levels = st.lists(st.tuples(st.integers(1, 30), st.integers(1, 600)), max_size=4)


@st.composite
def books(draw: st.DrawFn, mark: int = MARK) -> object:
    """An uncrossed book anywhere about the mark; a side may be empty."""
    middle = mark + draw(st.integers(-3_000, 3_000))
    bids, asks = draw(levels), draw(levels)
    return book(
        [(middle - sum(step for step, _ in bids[: n + 1]), bids[n][1]) for n in range(len(bids))],
        [(middle + sum(step for step, _ in asks[: n + 1]), asks[n][1]) for n in range(len(asks))],
    )


live_orders = st.none() | st.builds(
    resting,
    st.sampled_from([-500, 500, 3]),
    price=st.integers(99_000, 101_000),
    filled=st.sampled_from([0, 0, 2]),
)
questions = st.builds(
    QuoteQuestion,
    position_lots=small | maybe_lots,
    last_trade_id=st.just(100),
    book=st.none() | books(),
    mark_ticks=st.sampled_from([None, MARK, MARK, MARK]),
    forbidden=st.sampled_from([(), (), (), ("stopping",)]),
    needs_cover=st.booleans(),
    cover=covers,
    live=live_orders,
    resting_since_s=st.floats(0, 100),
    ticks_back=st.integers(0, 10),
)
policies = st.builds(
    QuotePolicy,
    cycle=st.sampled_from(Cycling),
    open_side=st.sampled_from(Side),
    quantity_lots=st.integers(1, 600),
    depth=st.integers(1, 5),
    timeout_s=st.just(60.0),
    requote_ticks=st.integers(0, 5),
    max_distance_bps=st.integers(1, 300),
    max_position_lots=st.integers(600, 1_200),
)


@BRIEFLY
@given(question=questions, policy=policies)
def test_nothing_rests_with_anything_unknown_forbidden_or_uncovered(
    question: QuoteQuestion, policy: QuotePolicy
) -> None:
    decision = decide_quotes(question, policy=policy, market=MARKET)

    if isinstance(decision, Place | Keep):
        assert not question.forbidden
        assert None not in (question.position_lots, question.book, question.mark_ticks)
        cover = question.cover
        if question.needs_cover:
            assert cover is not None
            assert cover.is_running
            assert cover.maker_chain_trade_id is not None
            assert cover.maker_chain_trade_id >= question.last_trade_id
            assert cover.maker_chain_lots == question.position_lots
            assert cover.in_flight == 0
            assert cover.gap_lots in (0, cover.carried_lots)


@BRIEFLY
@given(question=questions, policy=policies)
def test_there_is_at_most_one_order_and_a_decision_fits_what_rests(
    question: QuoteQuestion, policy: QuotePolicy
) -> None:
    decision = decide_quotes(question, policy=policy, market=MARKET)

    assert isinstance(decision, Place | Wait if question.live is None else Keep | Cancel)


@BRIEFLY
@given(question=questions.map(lambda asked: replace(asked, live=None)), policy=policies)
def test_what_is_placed_holds_every_limit(question: QuoteQuestion, policy: QuotePolicy) -> None:
    decision = decide_quotes(question, policy=policy, market=MARKET)

    if not isinstance(decision, Place):
        return
    position, mark = question.position_lots, question.mark_ticks
    assert position is not None
    assert mark is not None
    assert question.book is not None
    after = position + decision.signed_lots
    assert abs(after) <= max(abs(position), policy.max_position_lots)
    if decision.reduce_only:
        assert after == 0
    else:
        assert decision.side is policy.open_side
        assert decision.lots <= policy.quantity_lots
        assert after * policy.open_side <= policy.max_position_lots
    bound_bps = policy.closing_bps if decision.is_ioc else policy.max_distance_bps
    assert abs(decision.price_ticks - mark) * 10_000 <= mark * bound_bps
    smallest = MARKET.smallest_resting_lots(decision.price_ticks)
    if decision.is_ioc:
        assert decision.reduce_only
        assert decision.lots < max(smallest, MARKET.min_base_lots + 1)
        return
    assert decision.lots >= smallest
    opposite = question.book.side(decision.side.opposite)
    if opposite:
        assert (opposite[0].price_ticks - decision.price_ticks) * decision.side > 0, "crosses"


@BRIEFLY
@given(question=questions, policy=policies)
def test_what_was_just_placed_is_kept_in_an_unchanged_world(
    question: QuoteQuestion, policy: QuotePolicy
) -> None:
    placed = decide_quotes(replace(question, live=None), policy=policy, market=MARKET)
    if not isinstance(placed, Place) or placed.is_ioc:
        return
    live = order(77, placed.signed_lots, price=placed.price_ticks, engine_nonce=99)

    again = decide_quotes(
        replace(question, live=live, resting_since_s=30.0), policy=policy, market=MARKET
    )

    assert again == Keep(), "the book does not show it yet, so its level cannot have moved"


# -- sizes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cycle", "open_side", "position", "signed_lots"),
    [
        pytest.param(Cycling.ROUND_TRIP, Side.BUY, 0, 500, id="flat: open"),
        pytest.param(Cycling.ROUND_TRIP, Side.SELL, 0, -500, id="flat: open short"),
        pytest.param(Cycling.ROUND_TRIP, Side.BUY, 500, -500, id="holding: close"),
        pytest.param(Cycling.ROUND_TRIP, Side.BUY, 320, -320, id="holding a part: close that"),
        pytest.param(Cycling.ROUND_TRIP, Side.BUY, -320, 320, id="holding the other side: close"),
        pytest.param(Cycling.ROUND_TRIP, Side.BUY, 9_000, -9_000, id="holding more than allowed"),
        pytest.param(Cycling.ACCUMULATE, Side.BUY, 0, 500, id="accumulate: open"),
        pytest.param(Cycling.ACCUMULATE, Side.BUY, 500, 500, id="accumulate: keep opening"),
        pytest.param(Cycling.ACCUMULATE, Side.BUY, 1_000, 200, id="accumulate: up to maxPosition"),
        pytest.param(Cycling.ACCUMULATE, Side.BUY, 1_200, None, id="accumulate: at maxPosition"),
        pytest.param(Cycling.ACCUMULATE, Side.BUY, 1_300, None, id="accumulate: beyond it"),
        pytest.param(Cycling.ACCUMULATE, Side.BUY, 1_195, None, id="accumulate: dust of room"),
        pytest.param(Cycling.ACCUMULATE, Side.SELL, -1_000, -200, id="accumulate short"),
        pytest.param(Cycling.ACCUMULATE, Side.BUY, 5, 500, id="accumulate from dust"),
    ],
)
def test_sizes_of_a_cycle(
    cycle: Cycling, open_side: Side, position: int, signed_lots: int | None
) -> None:
    policy = replace(POLICY, cycle=cycle, open_side=open_side)

    decision = decide_quotes(at(position), policy=policy, market=MARKET)

    assert (decision.signed_lots if isinstance(decision, Place) else None) == signed_lots
    if isinstance(decision, Place):
        assert decision.reduce_only is (cycle is Cycling.ROUND_TRIP and position != 0)
        assert not decision.is_ioc


@pytest.mark.parametrize(
    ("position", "place"),
    [
        pytest.param(
            9,
            Place(side=Side.SELL, lots=9, price_ticks=99_500, reduce_only=True, is_ioc=True),
            id="long dust is sold",
        ),
        pytest.param(
            -9,
            Place(side=Side.BUY, lots=9, price_ticks=100_500, reduce_only=True, is_ioc=True),
            id="short dust is bought",
        ),
    ],
)
def test_a_remainder_too_small_to_rest_is_closed_at_once(position: int, place: Place) -> None:
    assert decide_quotes(at(position), policy=POLICY, market=MARKET) == place


def test_a_quantity_too_small_to_rest_waits() -> None:
    policy = replace(POLICY, quantity_lots=9)

    assert decide_quotes(at(0), policy=policy, market=MARKET) == Wait(
        reason="too small to rest in this market"
    )


# -- prices ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "depth", "ticks_back", "price"),
    [
        pytest.param(Side.BUY, 1, 0, 99_990, id="best bid"),
        pytest.param(Side.BUY, 3, 0, 99_970, id="third bid"),
        pytest.param(Side.BUY, 9, 0, 99_970, id="a book with fewer levels gives its last"),
        pytest.param(Side.BUY, 1, 2, 99_988, id="two ticks back after rejections"),
        pytest.param(Side.SELL, 2, 0, 100_020, id="second ask"),
        pytest.param(Side.SELL, 1, 3, 100_013, id="asks go back upwards"),
    ],
)
def test_the_price_is_the_depth_th_level(
    side: Side, depth: int, ticks_back: int, price: int
) -> None:
    policy = replace(POLICY, open_side=side, depth=depth)

    decision = decide_quotes(at(0, ticks_back=ticks_back), policy=policy, market=MARKET)

    assert isinstance(decision, Place)
    assert decision.price_ticks == price


@pytest.mark.parametrize(
    ("own", "price"),
    [
        pytest.param(None, 99_990, id="nothing of ours there"),
        pytest.param(resting(500), 99_980, id="a level that is ours alone does not count"),
        pytest.param(resting(700, filled=200), 99_980, id="nor what is left of ours"),
        pytest.param(resting(300), 99_990, id="others stand with us"),
        pytest.param(resting(500, price=99_985), 99_990, id="ours is elsewhere"),
        pytest.param(resting(500, seen=11), 99_990, id="the book does not show ours yet"),
    ],
)
def test_one_s_own_order_does_not_count_as_a_level(own: OwnOrder | None, price: int) -> None:
    assert level_ticks(at(0), Side.BUY, depth=1, own=own) == price


@pytest.mark.parametrize(
    ("side", "level", "price"),
    [
        pytest.param(Side.BUY, 98_900, 99_000, id="a bid too far below the mark moves up"),
        pytest.param(Side.BUY, 101_100, 101_000, id="a bid too far above it moves down"),
        pytest.param(Side.SELL, 101_100, 101_000, id="an ask too far above the mark moves down"),
        pytest.param(Side.SELL, 98_900, 99_000, id="an ask too far below it moves up"),
        pytest.param(Side.BUY, 99_000, 99_000, id="a bid as far as may be stays"),
    ],
)
def test_a_thin_book_does_not_lead_a_quote_away_from_the_mark(
    side: Side, level: int, price: int
) -> None:
    policy = replace(POLICY, open_side=side, max_distance_bps=100)
    bids, asks = ([(level, 500)], []) if side is Side.BUY else ([], [(level, 500)])

    decision = decide_quotes(at(0, book=book(bids, asks)), policy=policy, market=MARKET)

    assert isinstance(decision, Place)
    assert decision.price_ticks == price


def test_a_price_that_would_cross_is_not_placed() -> None:
    far = at(0, mark_ticks=110_000)

    assert isinstance(decide_quotes(far, policy=POLICY, market=MARKET), Wait)


def test_an_empty_side_gives_no_level_to_join() -> None:
    lonely = at(0, book=book([], [(100_010, 500)]))

    assert decide_quotes(lonely, policy=POLICY, market=MARKET) == Wait(reason="no level to join")


# -- keep, time out, requote ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rested_s", "requote_ticks", "price", "kept"),
    [
        pytest.param(0.0, 0, 99_000, True, id="requoting is off"),
        pytest.param(59.9, 0, 99_000, True, id="not yet timed out"),
        pytest.param(60.0, 0, 99_990, False, id="timed out"),
        pytest.param(30.0, 5, 99_986, True, id="moved by four ticks of five"),
        pytest.param(30.0, 5, 99_985, False, id="moved by five"),
        pytest.param(30.0, 5, 99_995, False, id="moved back by five"),
        pytest.param(0.9, 5, 99_000, True, id="followed no sooner than after a second"),
    ],
)
def test_reviews_of_what_rests(rested_s: float, requote_ticks: int, price: int, kept: bool) -> None:
    policy = replace(POLICY, requote_ticks=requote_ticks)
    live = resting(400, price=price)

    decision = decide_quotes(
        at(0, live=live, resting_since_s=rested_s), policy=policy, market=MARKET
    )

    assert isinstance(decision, Keep if kept else Cancel)


def test_a_quote_that_is_alone_on_its_side_is_not_chased_by_itself() -> None:
    alone = at(0, live=resting(500), book=book([(99_990, 500)], []), resting_since_s=30.0)

    decision = decide_quotes(alone, policy=replace(POLICY, requote_ticks=1), market=MARKET)

    assert decision == Keep()


def test_a_partly_filled_quote_is_withdrawn_at_once() -> None:
    decision = decide_quotes(at(0, live=resting(filled=1)), policy=POLICY, market=MARKET)

    assert isinstance(decision, Cancel)
    assert "filled in part" in decision.reason


@pytest.mark.parametrize(
    ("cycle", "position", "live_lots", "kept"),
    [
        pytest.param(Cycling.ROUND_TRIP, 0, 500, True, id="opening from flat"),
        pytest.param(Cycling.ROUND_TRIP, 500, 500, False, id="opening, but now there is one"),
        pytest.param(Cycling.ROUND_TRIP, 500, -500, True, id="closing what is held"),
        pytest.param(Cycling.ROUND_TRIP, 200, -500, False, id="closing more than is held"),
        pytest.param(Cycling.ACCUMULATE, 700, 500, True, id="room for all of it"),
        pytest.param(Cycling.ACCUMULATE, 800, 500, False, id="it would pass maxPosition"),
    ],
)
def test_a_quote_does_not_outlive_the_position_it_was_placed_for(
    cycle: Cycling, position: int, live_lots: int, kept: bool
) -> None:
    """A hand or a liquidation moved it, and the hedger has covered that before we looked."""
    price = 99_990 if live_lots > 0 else 100_010
    live = resting(live_lots, price=price)

    decision = decide_quotes(
        at(position, live=live), policy=replace(POLICY, cycle=cycle), market=MARKET
    )

    assert isinstance(decision, Keep if kept else Cancel)


def test_with_several_obstacles_the_first_forbidden_one_is_told() -> None:
    question = at(0, forbidden=("stopping", "Redis takes no writes"), book=None)

    assert first_obstacle(question) == "stopping"


# -- closing --------------------------------------------------------------------------------------

FLATTEN = ClosingOrder(target_lots=0, reason="flattening")


def closing(position: int, **changes: object) -> QuoteQuestion:
    return at(position, **{"closing": FLATTEN, "proved_lots": position, **changes})


def test_closing_takes_a_quantity_at_a_time_reduce_only_and_bounded_from_the_mark() -> None:
    decision = decide_quotes(closing(1_100), policy=POLICY, market=MARKET)

    assert decision == Place(
        side=Side.SELL, lots=500, price_ticks=99_500, reduce_only=True, is_ioc=True
    )


def test_closing_takes_away_what_rests_before_anything_else() -> None:
    question = closing(0, live=resting())
    assert decide_quotes(question, policy=POLICY, market=MARKET) == Cancel(reason="flattening")


def test_what_was_closed_is_covered_before_the_next_step() -> None:
    cover = replace(COVER, maker_chain_lots=600, gap_lots=-500)
    question = closing(600, cover=cover)
    assert decide_quotes(question, policy=POLICY, market=MARKET) == Wait(
        reason="flattening: a fill is not hedged yet"
    )


def test_a_suspended_hedger_is_enough_to_close_on_and_not_to_quote_on() -> None:
    cover = replace(COVER, maker_chain_lots=300, is_running=False)

    assert isinstance(decide_quotes(closing(300, cover=cover), policy=POLICY, market=MARKET), Place)
    assert decide_quotes(at(300, cover=cover), policy=POLICY, market=MARKET) == Wait(
        reason="the hedger is not running"
    )


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"proved_lots": None}, id="no second source"),
        pytest.param({"proved_lots": 200}, id="the second source says less"),
        pytest.param({"proved_lots": -300}, id="the second source says the opposite"),
        pytest.param({"position_lots": None}, id="the chain is broken"),
        pytest.param({"mark_ticks": None}, id="no mark"),
        pytest.param({"forbidden": ("Redis takes no writes",)}, id="forbidden"),
        pytest.param({"cover": None}, id="no word of the hedger"),
        pytest.param({"cover": replace(COVER, is_hedging=False)}, id="the hedger does not hedge"),
    ],
)
def test_an_unknown_closes_nothing(changes: dict[str, object]) -> None:
    """Laws 3 and 7."""
    assert isinstance(decide_quotes(closing(300, **changes), policy=POLICY, market=MARKET), Wait)


@pytest.mark.parametrize(
    "withheld", [pytest.param((), id="alone"), pytest.param(("halted",), id="under a halt")]
)
def test_what_is_withheld_rests_nothing_and_closes_all_the_same(
    withheld: tuple[str, ...],
) -> None:
    assert isinstance(
        decide_quotes(closing(300, withheld=withheld), policy=POLICY, market=MARKET), Place
    )
    assert decide_quotes(at(0, withheld=("halted",)), policy=POLICY, market=MARKET) == Wait(
        reason="halted"
    )
