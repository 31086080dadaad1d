"""What a probe saw becomes a finding: each rule, both ways and unseen."""

from __future__ import annotations

import pytest

from hedgepair_runner.orders import VerdictState
from hedgepair_runner.probing import (
    BeforeSeen,
    CancelAllSeen,
    Check,
    DustSeen,
    FailureSeen,
    FencingSeen,
    Finding,
    IndexSeen,
    NoncesSeen,
    Outcome,
    SelfTradeSeen,
    Status,
    SwitchSeen,
    judge_before,
    judge_cancel_all,
    judge_client_index,
    judge_dust,
    judge_failure,
    judge_fencing,
    judge_lag,
    judge_nonces,
    judge_self_trade,
    judge_switch,
    judge_tape,
)

DONE = Outcome(verdict=VerdictState.EXECUTED)
FAILED = Outcome(verdict=VerdictState.FAILED, error="21715")
QUEUED = Outcome()


def refused(code: int) -> Outcome:
    return Outcome(refused=code)


ARMED = SwitchSeen(
    armed_before_ms=0,
    wanted_ms=9,
    armed=DONE,
    read_ms=9,
    renewal=refused(21712),
    aborted=DONE,
    after_ms=0,
)

CASES = [
    (
        "a lower nonce bounces off the fence",
        judge_fencing(FencingSeen(fence=DONE, late=refused(21104), after=DONE)),
        Status.HOLDS,
        "refused with 21104",
    ),
    (
        "a lower nonce gets past the fence",
        judge_fencing(FencingSeen(fence=DONE, late=DONE, after=DONE)),
        Status.DIFFERS,
        "a transaction with a lower nonce was executed",
    ),
    (
        "a lower nonce is taken in behind the fence",
        judge_fencing(FencingSeen(fence=DONE, late=QUEUED, after=DONE)),
        Status.DIFFERS,
        "a lower nonce was accepted",
    ),
    (
        "skipping is refused",
        judge_fencing(FencingSeen(fence=refused(21104))),
        Status.DIFFERS,
        "refuses to skip nonces",
    ),
    (
        "the fence failed for another reason",
        judge_fencing(FencingSeen(fence=refused(23000))),
        Status.UNKNOWN,
        "the fence was refused with 23000",
    ),
    (
        "the line does not go on after the fence",
        judge_fencing(FencingSeen(fence=DONE, late=refused(21104), after=refused(21104))),
        Status.DIFFERS,
        "the nonce after the fence was refused",
    ),
    (
        "a refusal leaves the nonce free",
        judge_nonces(NoncesSeen(bad=refused(21711), replacement=DONE, again=refused(21104))),
        Status.HOLDS,
        "its replacement executed",
    ),
    (
        "a refusal uses the nonce",
        judge_nonces(NoncesSeen(bad=refused(21711), replacement=refused(21104))),
        Status.DIFFERS,
        "another transaction at the same nonce was refused with 21104",
    ),
    (
        "a second copy is accepted",
        judge_nonces(NoncesSeen(bad=refused(21711), replacement=DONE, again=DONE)),
        Status.DIFFERS,
        "sent a second time, were executed",
    ),
    (
        "the wrong order was taken",
        judge_nonces(NoncesSeen(bad=DONE, replacement=QUEUED)),
        Status.UNKNOWN,
        "was executed, not refused",
    ),
    (
        "a failure uses its nonce",
        judge_failure(FailureSeen(failed=FAILED, follower=refused(21104))),
        Status.HOLDS,
        "uses its nonce",
    ),
    (
        "a failure leaves its nonce",
        judge_failure(FailureSeen(failed=FAILED, follower=DONE)),
        Status.DIFFERS,
        "leaves the nonce unused",
    ),
    (
        "no failure came about",
        judge_failure(FailureSeen(failed=refused(21715))),
        Status.UNKNOWN,
        "no failure to look at",
    ),
    (
        "cancel-all keeps to its market",
        judge_cancel_all(CancelAllSeen(cancel=DONE, own_status="canceled", other_lives=True)),
        Status.HOLDS,
        "in its market alone",
    ),
    (
        "cancel-all reaches another market",
        judge_cancel_all(CancelAllSeen(cancel=DONE, own_status="canceled", other_lives=False)),
        Status.DIFFERS,
        "an order in another market, too",
    ),
    (
        "cancel-all cancels nothing",
        judge_cancel_all(CancelAllSeen(cancel=DONE, own_status="", other_lives=True)),
        Status.DIFFERS,
        "still rests",
    ),
    (
        "there is no other market",
        judge_cancel_all(CancelAllSeen(cancel=DONE, own_status="canceled", other_lives=None)),
        Status.UNKNOWN,
        "could not be seen",
    ),
    (
        "an index is free again",
        judge_client_index(IndexSeen(live=refused(21728), ended=DONE)),
        Status.HOLDS,
        "free again",
    ),
    (
        "an index is used up",
        judge_client_index(IndexSeen(live=refused(21728), ended=refused(21728))),
        Status.DIFFERS,
        "used up",
    ),
    (
        "an index names two orders",
        judge_client_index(IndexSeen(live=DONE, ended=DONE)),
        Status.DIFFERS,
        "the index of a live one was executed",
    ),
    ("the switch is armed and aborted", judge_switch(ARMED), Status.HOLDS, "21712"),
    (
        "the switch is armed by somebody else",
        judge_switch(SwitchSeen(armed_before_ms=5)),
        Status.UNKNOWN,
        "left alone",
    ),
    (
        "the switch arms nothing",
        judge_switch(SwitchSeen(armed_before_ms=0, wanted_ms=9, armed=DONE, read_ms=0)),
        Status.DIFFERS,
        "the account shows none",
    ),
    (
        "the switch cannot be armed",
        judge_switch(SwitchSeen(armed_before_ms=0, wanted_ms=9, armed=refused(21714))),
        Status.DIFFERS,
        "refused with 21714",
    ),
    (
        "one lot trades",
        judge_dust(DustSeen(lots=1, least_lots=50, order=DONE, traded_lots=1)),
        Status.HOLDS,
        "an IOC order of 1 lot traded",
    ),
    (
        "one lot is refused",
        judge_dust(DustSeen(lots=1, least_lots=50, order=refused(21706), traded_lots=0)),
        Status.DIFFERS,
        "is carried, not hedged",
    ),
    (
        "nobody was there to trade with",
        judge_dust(DustSeen(lots=1, least_lots=50, order=DONE, traded_lots=0)),
        Status.UNKNOWN,
        "traded 0",
    ),
    (
        "all sources tell the position before",
        judge_before(BeforeSeen(expected_lots=1, by_stream=1, by_rest=1, by_tape=1)),
        Status.HOLDS,
        "stream, trades, public tape",
    ),
    (
        "a source lacks the position before",
        judge_before(BeforeSeen(expected_lots=1, by_stream=1, by_rest=0, by_tape=1)),
        Status.DIFFERS,
        "it should be 1 lots, but trades says 0",
    ),
    ("no trade came about", judge_before(BeforeSeen(expected_lots=None)), Status.UNKNOWN, "no"),
    (
        "the tape names accounts",
        judge_tape(BeforeSeen(expected_lots=1, on_tape=True)),
        Status.HOLDS,
        "with the accounts",
    ),
    (
        "the tape is anonymous",
        judge_tape(BeforeSeen(expected_lots=1, on_tape=False)),
        Status.DIFFERS,
        "not to be found",
    ),
    ("no lag", judge_lag([("account", 0.0), ("trades", 0.0)]), Status.HOLDS, "none seen"),
    ("a short lag", judge_lag([("account", 0.4)]), Status.HOLDS, "up to 0.40 s on account"),
    ("a long lag", judge_lag([("account", 0.4), ("trades", 1.2)]), Status.DIFFERS, "trades"),
    (
        "two of one master do not trade",
        judge_self_trade(
            SelfTradeSeen(same_master=True, is_crossed=True, maker_status="canceled-self-trade")
        ),
        Status.HOLDS,
        "nothing was traded",
    ),
    (
        "two of one master trade",
        judge_self_trade(SelfTradeSeen(same_master=True, is_crossed=True, traded_lots=5)),
        Status.DIFFERS,
        "traded 5 lots with each other",
    ),
    (
        "the orders did not meet",
        judge_self_trade(SelfTradeSeen(same_master=True)),
        Status.UNKNOWN,
        "the market moved",
    ),
    (
        "two masters",
        judge_self_trade(SelfTradeSeen(same_master=False)),
        Status.NOT_NEEDED,
        "different masters",
    ),
    (
        "one master, one role probed",
        judge_self_trade(SelfTradeSeen(same_master=True, both_here=False)),
        Status.UNKNOWN,
        "probe both roles",
    ),
]


@pytest.mark.parametrize(
    ("finding", "status", "words"), [pytest.param(*case[1:], id=case[0]) for case in CASES]
)
def test_what_was_seen_becomes_a_finding(finding: Finding, status: Status, words: str) -> None:
    assert finding.status is status
    assert words in finding.saw


def test_what_a_pair_copes_with_never_blocks_and_all_else_does_unless_it_holds() -> None:
    for check in Check:
        for status in Status:
            finding = Finding(check=check, status=status, saw="")
            copes = check in (Check.FAILURES, Check.CLIENT_INDEX, Check.IOC_DUST)
            fine = status in (Status.HOLDS, Status.NOT_NEEDED)
            assert finding.blocks is not (copes or fine)
