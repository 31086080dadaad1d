"""The auditor: clean records pass, and every law that they can break is found broken."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hedgepair_runner.audit_verdicts import Audit, AuditQuestion
from hedgepair_runner.auditing import audit
from hedgepair_runner.contract.identity import PairId
from tests.decide.pair_records import FENCE, MS, PAIR, A, B, Records

QUESTION = AuditQuestion(pair=PAIR)


def judged(records: Records, question: AuditQuestion = QUESTION) -> Audit:
    return audit(records.facts(), question)


def sentences(records: Records, question: AuditQuestion = QUESTION) -> list[str]:
    return [violation.sentence for violation in judged(records, question).violations]


def round_trip() -> Records:
    records = Records()
    opening = records.quote(500)
    records.fill(A, opening, 200)
    records.hedge(-200)
    records.fill(A, opening, 300)
    records.hedge(-300)
    records.end(opening)
    closing = records.quote(-500)
    records.fill(A, closing, -500)
    records.hedge(500, traded=100)
    records.hedge(400)
    records.end(closing)
    return records


def test_a_round_trip_that_is_hedged_throughout_is_clean() -> None:
    found = judged(round_trip(), replace(QUESTION, has_ended=True))

    assert found.violations == ()
    assert (found.fills, found.hedges, found.unwinds) == (3, 4, 0)
    assert found.exposure is not None
    assert found.exposure.worst_lots == 500
    assert found.exposure.open_lots == 0
    assert [leg.fences for leg in found.legs] == [1, 1]
    assert [leg.traded_lots for leg in found.legs] == [1_000, 1_000]


def test_worst_exposure_is_of_the_worst_episode_in_lots_and_time() -> None:
    records = Records()
    quote = records.quote(500)
    records.fill(A, quote, 100)
    records.wait(3)
    records.fill(A, quote, 100)
    records.wait(1)
    records.hedge(-200)
    records.fill(A, quote, 300)
    records.hedge(-300)

    found = judged(records)

    # 100 lots for 4 ms, then 200 for 3; after that 300 for 2 ms.
    assert found.exposure is not None
    assert found.exposure.worst_lot_us == (100 * 4 + 200 * 3) * MS
    assert found.exposure.longest_us == 7 * MS
    assert found.exposure.worst_lots == 300


def test_a_fill_without_a_hedge_is_found() -> None:
    records = Records()
    records.fill(A, records.quote(500), 500)
    records.wait(9_000)

    assert sentences(records) == ["the trades leave 0.0500 ETH uncovered, for 9.0 s"]
    assert not sentences(records, replace(QUESTION, grace_us=10_000_000))


def test_what_the_network_makes_the_hedger_carry_is_no_violation() -> None:
    records = Records()
    records.fill(A, records.quote(520), 520)
    records.hedge(-500)

    assert sentences(records, replace(QUESTION, carried_lots=20)) == []
    assert len(sentences(records)) == 1


def test_an_accepted_net_is_where_the_pair_counts_from() -> None:
    records = Records()
    records.fill(A, None, 500)

    assert not sentences(records, replace(QUESTION, accepted_net_lots=500))
    assert sentences(records)


def test_a_fill_hedged_twice_is_found() -> None:
    records = Records()
    records.fill(A, records.quote(500), 500)
    records.hedge(-500)
    records.hedge(-500)

    found = judged(records)

    assert [violation.formula for violation in found.violations] == [2, 1, 9]
    assert found.violations[0].sentence == "hedge 3 took the net from 0.0000 ETH to -0.0500 ETH"
    assert found.exposure is not None
    assert found.exposure.worst_overshoot_lots == 500


def test_a_hedge_order_larger_than_the_gap_is_found_even_if_it_filled_no_more() -> None:
    records = Records()
    records.fill(A, records.quote(500), 500)
    records.hedge(-700, traded=-500)

    assert [violation.formula for violation in judged(records).violations] == [1]


def test_a_hedge_that_somebody_else_made_too_large_is_excused() -> None:
    records = Records()
    records.fill(A, records.quote(500), 500)
    records.fill(A, None, -500)
    records.hedge(-500)
    records.hedge(500)

    found = judged(records)

    assert found.violations == ()
    assert [trade.signed_lots for trade in found.foreign] == [-500]


def test_a_hedge_signed_long_after_somebody_else_traded_is_not_excused() -> None:
    records = Records()
    records.fill(A, records.quote(500), 500)
    records.fill(A, None, -500)
    records.wait(5_000)
    records.hedge(-500)

    assert {violation.formula for violation in judged(records).violations} == {1, 2, 9}


def test_a_trade_between_the_legs_is_found() -> None:
    records = Records()
    quote = records.quote(500)
    records.between_legs(quote, 500)

    assert "trade 1 is between the pair's own legs" in sentences(records)


def test_an_unwind_beyond_zero_is_found_and_one_to_zero_is_not() -> None:
    records = Records()
    records.fill(A, records.quote(500), 500)
    records.unwind(-500)
    assert judged(records).violations == ()
    assert judged(records).unwinds == 1

    records.unwind(-100)
    assert "unwind 3 took the net from 0.0000 ETH to -0.0100 ETH" in sentences(records)


def test_a_hedge_and_an_unwind_that_live_at_once_are_found() -> None:
    records = Records()
    records.fill(A, records.quote(500), 500)
    records.hedge(-200)
    records.unwind(-300, signed_ago_ms=4)

    assert [violation.formula for violation in judged(records).violations] == [6]


def test_a_quote_while_something_is_uncovered_is_found() -> None:
    records = Records()
    first = records.quote(500)
    records.fill(A, first, 500)
    records.end(first)
    records.wait(2_000)
    records.quote(-500)
    records.hedge(-500)

    assert sentences(records) == ["order 101001 was quoted while 0.0500 ETH were uncovered"]


def test_a_nonce_of_a_fenced_writer_that_executes_is_found() -> None:
    records = round_trip()
    records.tx(A, 2 * FENCE)
    records.tx(A, FENCE + 9)

    assert sentences(records) == [
        f"account {A}, key 4, executed nonce {FENCE + 9} after {2 * FENCE}"
    ]


def test_two_transactions_at_one_nonce_are_found() -> None:
    records = round_trip()
    records.tx(B, FENCE + 9)
    records.tx(B, FENCE + 9)

    assert sentences(records) == [
        f"account {B}, key 4, executed two transactions of nonce {FENCE + 9}"
    ]


def test_one_quote_may_rest_while_the_pair_runs_and_none_after() -> None:
    records = Records()
    records.quote(500)
    assert sentences(records) == []
    ended = replace(QUESTION, has_ended=True)
    assert sentences(records, ended) == [f"order 101000 of the maker's account {A} still rests"]

    records.quote(500)
    assert len(sentences(records)) == 1


def test_positions_that_are_not_the_sum_of_the_trades_are_found() -> None:
    facts = round_trip().facts(held={B: -7})

    found = audit(facts, QUESTION)

    assert [violation.sentence for violation in found.violations] == [
        f"account {B} holds -0.0007 ETH, its trades add up to 0.0000 ETH"
    ]


def test_a_trade_that_the_tape_lacks_is_found_by_the_positions_around_it() -> None:
    facts = round_trip().facts()
    without = tuple(trade for trade in facts.trades if trade.trade_id != 4)

    found = audit(replace(facts, trades=without), QUESTION)

    assert found.violations[0].sentence == (
        "trade 6 found account 102 at -0.0500 ETH, its trades add up to -0.0200 ETH"
    )
    assert found.violations[0].formula == 3


@pytest.mark.parametrize("kind", ["liquidation", "deleverage"])
def test_forced_trades_are_named_apart_from_foreign_ones(kind: str) -> None:
    records = Records()
    records.fill(A, None, 100)
    records.fill(B, None, -100, kind)

    found = judged(records)

    assert found.violations == ()
    assert [trade.kind for trade in found.forced] == [kind]
    assert [trade.account_index for trade in found.foreign] == [A]


def test_orders_of_another_pair_on_the_account_are_foreign() -> None:
    records = Records()
    records.fill(A, records.quote(500), 500)
    records.hedge(-500)
    other = AuditQuestion(pair=PairId(namespace="default", pairing="other"))

    found = judged(records, other)

    assert (found.fills, found.hedges) == (0, 0)
    assert len(found.foreign) == 2


def test_something_uncovered_for_too_long_is_a_violation_where_a_limit_is_given() -> None:
    records = Records()
    records.fill(A, records.quote(500), 500)
    records.wait(3_000)
    records.hedge(-500)

    limit = replace(QUESTION, most_unhedged_us=1_000_000)
    assert sentences(records, limit) == ["something was uncovered for 3.0 s, longer than 1 s"]
    assert sentences(records) == []


def test_one_leg_alone_is_judged_by_its_nonces_orders_and_positions() -> None:
    records = Records()
    records.fill(A, records.quote(500), 500)

    found = audit(records.facts(only=A), replace(QUESTION, has_ended=True))

    assert found.exposure is None
    assert [violation.formula for violation in found.violations] == [9]
    assert found.fills == 1


def test_a_period_ends_where_it_is_told_to() -> None:
    records = Records()
    records.fill(A, records.quote(500), 500)
    records.hedge(-500)
    end_us = records.now_us
    records.wait(10)
    records.hedge(-500)

    found = audit(replace(records.facts(), to_us=end_us), QUESTION)

    assert found.violations == ()
    assert found.hedges == 1


def test_a_vague_creation_time_is_no_ground_for_a_violation() -> None:
    records = Records()
    first = records.quote(500)
    records.fill(A, first, 500)
    records.hedge(-500)
    records.end(first)
    second = records.quote(-500)
    facts = records.facts()
    assert facts.maker is not None
    # REST tells milliseconds, and this transaction is not told at all any more.
    vague = replace(second, created_us=second.created_us // MS * MS - MS, blur_us=2 * MS - 1)
    maker = replace(facts.maker, orders=(vague,), txs=())

    assert audit(replace(facts, maker=maker), QUESTION).violations == ()
