"""Mainnet quotes on a good record of this account, this SDK, this network, of late; on no other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hedgepair_runner.probe_records import (
    ProbeRecord,
    Wanted,
    objection,
    read_record,
    write_record,
)
from hedgepair_runner.probing import NOT_REACHED, Check, Finding, Status

DAY_MS = 86_400_000
NOW_MS = 1_800_000_000_000
GOOD = ProbeRecord(
    made_ms=NOW_MS - 3 * DAY_MS,
    made_at="2027-01-12T08:00:00+00:00",
    hedgepair_version="0.1.0",
    sdk_version="1.1.8",
    network="Mainnet",
    chain_id=304,
    account_index=7,
    api_key_index=4,
    market="ETH",
    findings=tuple(Finding(check=check, status=Status.HOLDS, saw="so") for check in Check),
    cost_quote="0.01",
)
WANTED = Wanted(sdk_version="1.1.8", network="Mainnet", chain_id=304, account_index=7)


def with_finding(check: Check, status: Status) -> ProbeRecord:
    others = tuple(finding for finding in GOOD.findings if finding.check is not check)
    return replace(GOOD, findings=(*others, Finding(check=check, status=status, saw="it leaks")))


REFUSED = [
    pytest.param([], "has no probe record for Mainnet", id="none"),
    pytest.param([replace(GOOD, account_index=8)], "has no probe record", id="other account"),
    pytest.param([replace(GOOD, network="Testnet")], "has no probe record", id="testnet's"),
    pytest.param([replace(GOOD, chain_id=300)], "has no probe record", id="other chain"),
    pytest.param([replace(GOOD, sdk_version="1.1.7")], "lighter-sdk 1.1.7", id="older SDK"),
    pytest.param(
        [replace(GOOD, made_ms=NOW_MS - 31 * DAY_MS)], "31 days old", id="older than 30 days"
    ),
    pytest.param([replace(GOOD, made_ms=NOW_MS + 9 * DAY_MS)], "yet to come", id="of the future"),
    pytest.param(
        [replace(GOOD, findings=GOOD.findings[1:])], "did not check fencing", id="not checked"
    ),
    pytest.param(
        [with_finding(Check.NONCES, Status.DIFFERS)], "says of nonces: it leaks", id="differs"
    ),
    pytest.param(
        [with_finding(Check.CANCEL_ALL, Status.UNKNOWN)], "says of cancel-all", id="unknown"
    ),
    pytest.param(
        [GOOD, replace(with_finding(Check.NONCES, Status.DIFFERS), made_ms=NOW_MS)],
        "says of nonces",
        id="a newer one is worse",
    ),
]


@pytest.mark.parametrize(("records", "words"), REFUSED)
def test_mainnet_is_refused_with_the_reason(records: list[ProbeRecord], words: str) -> None:
    against = objection(records, WANTED, now_ms=NOW_MS)

    assert against is not None
    assert words in against


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(GOOD, id="all holds"),
        pytest.param(with_finding(Check.IOC_DUST, Status.DIFFERS), id="small orders are carried"),
        pytest.param(with_finding(Check.FAILURES, Status.UNKNOWN), id="no failure was seen"),
        pytest.param(with_finding(Check.SELF_TRADE, Status.NOT_NEEDED), id="two masters"),
    ],
)
def test_mainnet_is_open_on_a_good_record(record: ProbeRecord) -> None:
    assert objection([record], WANTED, now_ms=NOW_MS) is None


def test_a_pair_that_does_without_fencing_may_do_so_on_mainnet() -> None:
    leaking = with_finding(Check.FENCING, Status.DIFFERS)

    assert objection([leaking], WANTED, now_ms=NOW_MS) is not None
    unfenced = replace(WANTED, requires_fencing=False)
    assert objection([leaking], unfenced, now_ms=NOW_MS) is None


def test_a_record_reads_back_as_it_was_written() -> None:
    assert read_record(write_record(GOOD)) == GOOD
    for text in ("", "[]", "{}", '{"made_ms": "x"}'):
        with pytest.raises(ValueError, match=r"\w"):
            read_record(text)


def test_a_record_with_something_left_is_not_all_well() -> None:
    assert GOOD.all_hold
    assert with_finding(Check.FAILURES, Status.UNKNOWN).all_hold
    assert not with_finding(Check.IOC_DUST, Status.DIFFERS).all_hold
    assert not with_finding(Check.NONCES, Status.UNKNOWN).all_hold
    assert not replace(GOOD, left="an order").all_hold


def test_a_probe_that_broke_off_is_no_whole_record() -> None:
    unseen = Finding(check=Check.NONCES, status=Status.UNKNOWN, saw=NOT_REACHED)

    assert GOOD.is_whole
    assert not replace(GOOD, findings=(*GOOD.findings[1:], unseen)).is_whole
