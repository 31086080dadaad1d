"""What people, spreadsheets and scripts are shown of receipts and alarms."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from decimal import Decimal

from hedgepair_runner.contract.alarms import Alarm, Severity, read_alarm, severity_of
from hedgepair_runner.contract.receipts import Cover, Purpose
from hedgepair_runner.local.receipt_reports import (
    alarms_csv,
    alarms_table,
    receipts_csv,
    receipts_json,
    receipts_table,
    summary_csv,
    summary_json,
    summary_words,
)
from hedgepair_runner.local.receipt_summaries import summarise_receipts
from tests.flow.test_receipt_conformance import FIRST

# Sold 0.05 at 2,000.00 against a fill at 2,000.10; a fee of 0.028 and one of 0.004.
LATER = replace(
    FIRST,
    client_order_index=FIRST.client_order_index + 1,
    signed_lots=200,
    quote_units=40_010_000,
    covers=(Cover(trade_id=15, signed_lots=-200, price_ticks=200_000),),
    slippage_bps="2.5",
    filled_ms=FIRST.executed_ms - 7,
    rebuilt=True,
)
UNMATCHED = replace(LATER, covers=(), slippage_bps=None, filled_ms=None, rebuilt=False)


def test_the_table_has_a_line_a_receipt_and_says_what_is_unknown() -> None:
    lines = receipts_table([FIRST, LATER, UNMATCHED]).splitlines()

    names = "executed (UTC) purpose size price against slip bps fee after fill epoch order"
    assert lines[0].split() == names.split()
    assert "-0.0500  2000.00  2000.10      0.50  0.028           ?      3" in lines[1]
    assert "hedge (rebuilt)  +0.0200  2000.50  2000.00      2.50" in lines[2]
    assert "7 ms" in lines[2]
    assert lines[3].split()[4:6] == ["?", "0.028"]
    assert len({len(line) for line in lines[1:]}) == 1


def test_the_summary_adds_up_volume_fees_slippage_and_result() -> None:
    summary = summarise_receipts([FIRST, LATER, UNMATCHED])

    assert summary.volume_quote == Decimal("100.0") + Decimal("100.005") + 40 + Decimal("80.02")
    assert summary.slippage_quote == Decimal("0.005") + Decimal("0.01")
    assert summary.hedger_fee_quote == Decimal("0.084")
    assert summary.maker_fee_quote == Decimal("0.012")
    assert summary.result_quote == Decimal("-0.096")
    assert summary.cost_quote == Decimal("0.111")
    assert summary.cost_per_million is not None
    assert summary.cost_per_million == Decimal("0.111") * 1_000_000 / summary.volume_quote
    assert (summary.unmatched, summary.rebuilt) == (1, 1)
    told = summary_words(summary)
    assert "slippage          0.015000 (1.07 bps)\n" in told
    assert summary_json(summary)["by_purpose"] == {"hedge": 3}
    assert len(summary_csv(summary).splitlines()) == 2


def test_nothing_is_summed_up_as_nothing() -> None:
    summary = summarise_receipts([])

    assert summary.cost_per_million is None
    assert "cost per million  ?" in summary_words(summary)
    assert receipts_table([]) == "no receipts in this period\n"


def test_what_closes_on_the_makers_account_is_volume_once() -> None:
    close = replace(FIRST, purpose=Purpose.CLOSE, covers=(), slippage_bps=None)

    assert summarise_receipts([close, FIRST]).volume_quote == Decimal("200.005")


def test_csv_and_json_tell_the_same() -> None:
    (row,) = csv.DictReader(io.StringIO(receipts_csv([LATER])))
    (told,) = receipts_json([LATER])

    assert row["size"] == told["size"] == "0.02"
    assert row["price"] == told["price"] == "2000.5"
    assert row["covered_trade_ids"] == "15"
    assert row["seen"] == ""
    assert told["seen"] is None
    assert told["executed"] == "2027-01-15T08:00:00.000Z"
    assert told["covers"] == [{"trade_id": 15, "signed_lots": -200, "price_ticks": 200_000}]


def test_alarms_are_shown_with_who_told_them() -> None:
    alarm = Alarm(
        id="1800000000000-0",
        kind="Halted/Unhedged",
        message="the gap, 0.05 ETH, stays open",
        at_ms=1_800_000_000_000,
        role="hedger",
        epoch=3,
        severity=Severity.CRITICAL,
    )

    lines = alarms_table([alarm]).splitlines()

    assert lines[1].startswith("2027-01-15T08:00:00.000Z  critical  Halted/Unhedged  hedger 3")
    (row,) = csv.DictReader(io.StringIO(alarms_csv([alarm])))
    assert row["message"] == alarm.message
    assert alarms_table([]) == "no alarms in this period\n"


def test_an_alarm_of_an_older_writer_is_read() -> None:
    alarm = read_alarm(b"1800000000000-4", {b"kind": b"Halted/Unhedged", b"message": b"x"})

    assert alarm.severity is Severity.CRITICAL
    assert (alarm.role, alarm.epoch, alarm.at_ms) == ("", 0, 1_800_000_000_000)
    assert severity_of("ForeignTrade") is Severity.WARNING
