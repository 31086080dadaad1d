"""Which fills an order covered, and when it gets its receipt."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from hedgepair_runner.contract.identity import (
    PairId,
    Role,
    client_order_index,
    unwinding_order_index,
)
from hedgepair_runner.contract.receipts import (
    Cover,
    LegMark,
    Purpose,
    Receipt,
    read_receipt,
    write_receipt,
)
from hedgepair_runner.covering import Uncovered, slippage_bps
from hedgepair_runner.orders import AccountTrade
from hedgepair_runner.receipting import Issuer, ReceiptBook, is_whole
from tests.decide.pair_records import MARKET, PAIR

A, B = 101, 102
EPOCH = 3


class Tape:
    """Trades of both legs, one after the other."""

    def __init__(self) -> None:
        self._id = 0
        self._lots = {A: 0, B: 0}

    def trade(
        self,
        account: int,
        lots: int,
        *,
        index: int = 0,
        ticks: int = 200_000,
        is_maker: bool = False,
    ) -> AccountTrade:
        self._id += 1
        before = self._lots[account]
        self._lots[account] += lots
        return AccountTrade(
            account_index=account,
            trade_id=self._id,
            market_id=0,
            signed_lots=lots,
            price_ticks=ticks,
            before_lots=before,
            is_maker=is_maker,
            order_index=index & 0xFFFF,
            client_order_index=index,
            fee_millionths=100,
            trade_type="trade",
            timestamp_ms=1_000 + self._id,
            entry_before_units=abs(before) * 200_000,
        )

    def fill(self, lots: int, ticks: int = 200_000) -> AccountTrade:
        index = client_order_index(Role.MAKER, PAIR, nonce(1))
        return self.trade(A, lots, index=index, ticks=ticks, is_maker=True)

    def hedge(self, lots: int, number: int, ticks: int = 200_000) -> AccountTrade:
        return self.trade(
            B, lots, index=client_order_index(Role.HEDGER, PAIR, nonce(number)), ticks=ticks
        )

    def unwind(self, lots: int, number: int) -> AccountTrade:
        return self.trade(A, lots, index=unwinding_order_index(PAIR, nonce(number)))


def nonce(number: int) -> int:
    return (EPOCH << 20) + number


def book(role: Role = Role.HEDGER, pair: PairId = PAIR) -> ReceiptBook:
    issuer = Issuer(
        role=role,
        pair=pair,
        holder="host/1/a",
        market=MARKET,
        maker_account=A,
        own_account=B if role is Role.HEDGER else A,
    )
    made = ReceiptBook(issuer)
    made.begin(epoch=EPOCH, now_ms=0, after_id=0)
    return made


def receipts(
    trades: list[AccountTrade],
    *,
    role: Role = Role.HEDGER,
    still_open: frozenset[int] = frozenset(),
) -> tuple[Receipt, ...]:
    made = book(role)
    for trade in trades:
        made.note(trade, now_ms=trade.trade_id)
    return made.due(is_open=still_open.__contains__, wall_ms=lambda boot_s: 0)


def covers(receipt: Receipt) -> list[tuple[int, int]]:
    return [(cover.trade_id, cover.signed_lots) for cover in receipt.covers]


def test_a_hedge_covers_the_oldest_fills_first_and_none_twice() -> None:
    tape = Tape()

    first, second = receipts(
        [tape.fill(100), tape.fill(50), tape.hedge(-120, 2), tape.hedge(-30, 3)]
    )

    assert covers(first) == [(1, 100), (2, 20)]
    assert covers(second) == [(2, 30)]
    assert (first.nonce, second.nonce) == (nonce(2), nonce(3))
    assert first.epoch == EPOCH
    assert first.purpose is Purpose.HEDGE
    assert first.seen_ms == 1
    assert first.filled_ms == 1_001


def test_trades_of_one_order_are_one_receipt() -> None:
    tape = Tape()
    trades = [tape.fill(100), tape.hedge(-60, 2), tape.hedge(-40, 2, ticks=199_990)]

    (receipt,) = receipts(trades)

    assert receipt.signed_lots == -100
    assert [trade.trade_id for trade in receipt.trades] == [2, 3]
    assert covers(receipt) == [(1, 100)]
    # 40 of 100 lots were sold 10 ticks lower than bought: 0.2 basis points of 200,000.
    assert receipt.slippage_bps == "0.2"


@pytest.mark.parametrize(
    ("lots", "ticks", "bps"),
    [
        pytest.param(-100, 199_980, "1.0000", id="sold lower: a cost"),
        pytest.param(-100, 200_020, "-1.0000", id="sold higher: a gain"),
        pytest.param(100, 200_020, "1.0000", id="bought higher: a cost"),
        pytest.param(100, 199_980, "-1.0000", id="bought lower: a gain"),
    ],
)
def test_slippage_is_positive_where_it_costs(lots: int, ticks: int, bps: str) -> None:
    fill = Cover(trade_id=1, signed_lots=-lots, price_ticks=200_000)

    assert slippage_bps(lots, abs(lots) * ticks, [fill]) == Decimal(bps)


def test_slippage_against_fills_that_are_not_all_known_is_unknown() -> None:
    fill = Cover(trade_id=1, signed_lots=60, price_ticks=200_000)

    assert slippage_bps(-100, 100 * 200_000, [fill]) is None
    assert slippage_bps(-100, 100 * 200_000, []) is None


def test_an_order_that_is_still_open_holds_back_its_receipt_and_all_after_it() -> None:
    tape = Tape()
    trades = [tape.fill(100), tape.hedge(-60, 2), tape.hedge(-40, 3)]
    first = client_order_index(Role.HEDGER, PAIR, nonce(2))

    assert receipts(trades, still_open=frozenset({first})) == ()
    assert len(receipts(trades)) == 2


def test_a_book_that_was_not_resumed_makes_no_receipt_and_knows_no_total() -> None:
    tape = Tape()
    made = ReceiptBook(
        Issuer(
            role=Role.HEDGER, pair=PAIR, holder="h", market=MARKET, maker_account=A, own_account=B
        )
    )
    for trade in (tape.fill(100), tape.hedge(-100, 2)):
        made.note(trade, now_ms=0)

    assert made.due(is_open=lambda index: False, wall_ms=lambda boot_s: 0) == ()
    assert made.total() is None


def test_orders_of_others_get_no_receipt_but_count_in_the_books() -> None:
    tape = Tape()
    by_hand = tape.trade(B, -100)
    other = replace(
        tape.hedge(-7, 9),
        client_order_index=client_order_index(
            Role.HEDGER, PairId(namespace="default", pairing="other"), nonce(9)
        ),
    )

    (receipt,) = receipts([tape.fill(150), by_hand, other, tape.hedge(-43, 2)])

    assert receipt.signed_lots == -43
    assert receipt.carry is not None
    assert receipt.carry.own == LegMark(trade_id=4, lots=-150)


def test_what_an_unwind_undoes_is_the_newest_and_is_no_longer_to_be_covered() -> None:
    tape = Tape()
    trades = [tape.fill(100), tape.fill(50, ticks=200_100), tape.unwind(-70, 4)]
    by_maker = receipts(trades, role=Role.MAKER)
    later = tape.hedge(-80, 2)

    (by_hedger,) = receipts([*trades, later])

    assert [receipt.purpose for receipt in by_maker] == [Purpose.UNWIND]
    assert covers(by_maker[0]) == [(2, 50), (1, 20)]
    assert by_maker[0].carry is None
    assert covers(by_hedger) == [(1, 80)]


def test_the_cost_of_an_unwind_is_in_its_own_receipt_alone() -> None:
    tape = Tape()
    trades = [tape.fill(100), tape.unwind(-100, 4), tape.fill(50), tape.hedge(-50, 2)]

    (unwind,) = receipts(trades, role=Role.MAKER)
    (hedge,) = receipts(trades)

    # 0.01 % of 100 lots at 200,000 ticks, a lot and a tick being a millionth together.
    assert unwind.fee_quote == "0.002"
    assert hedge.fee_quote == "0.001"
    assert hedge.maker_fee_quote == "0.003"
    assert hedge.carry is not None
    assert hedge.carry.total_quote == "-0.006"


def test_a_closing_order_of_the_maker_has_a_receipt_and_a_quote_has_none() -> None:
    tape = Tape()
    index = client_order_index(Role.MAKER, PAIR, nonce(7))
    trades = [tape.fill(100), tape.trade(A, -100, index=index)]

    (receipt,) = receipts(trades, role=Role.MAKER)

    assert receipt.purpose is Purpose.CLOSE
    assert receipt.covers == ()


def test_a_receipt_is_read_as_it_was_written() -> None:
    tape = Tape()
    (receipt,) = receipts([tape.fill(100), tape.hedge(-100, 2)])

    assert read_receipt(write_receipt(receipt)) == receipt


def test_the_epoch_of_an_old_order_is_the_newest_that_ends_as_its_index_says() -> None:
    tape = Tape()
    made = book()
    made.begin(epoch=(1 << 14) + 2, now_ms=0, after_id=0)
    for trade in (tape.fill(10), tape.hedge(-10, 2)):
        made.note(trade, now_ms=0)

    (receipt,) = made.due(is_open=lambda index: False, wall_ms=lambda boot_s: 0)

    assert receipt.epoch == EPOCH


def test_a_trade_that_is_missing_in_the_books_makes_the_total_begin_anew() -> None:
    tape = Tape()
    trades = [
        tape.fill(100),
        tape.hedge(-100, 2),
        tape.fill(-100),
        tape.fill(50),
        tape.hedge(-50, 3),
    ]
    del trades[2]

    *_, last = receipts(trades)

    assert last.carry is not None
    assert last.carry.since_ms == 1_004


@pytest.mark.parametrize(
    ("mark", "trades", "anchored", "whole"),
    [
        pytest.param(None, [], 70, True, id="nothing known, nothing traded"),
        pytest.param(LegMark(trade_id=1, lots=70), [], 70, True, id="nothing since the mark"),
        pytest.param(LegMark(trade_id=1, lots=0), [], 70, False, id="what led there is missing"),
        pytest.param(LegMark(trade_id=0, lots=0), [30, 40], 70, True, id="all of it"),
        pytest.param(LegMark(trade_id=0, lots=10), [30, 40], 70, False, id="the first is missing"),
        pytest.param(None, [30, 40], 90, False, id="the last is missing"),
    ],
)
def test_own_trades_are_whole_when_they_lead_to_the_proved_position(
    mark: LegMark | None, trades: list[int], anchored: int, whole: bool
) -> None:
    tape = Tape()
    told = [tape.hedge(lots, number) for number, lots in enumerate(trades, start=2)]

    assert is_whole(told, mark=mark, anchor_id=99, anchored_lots=anchored) is whole


def test_a_fill_of_the_other_sign_takes_back_what_is_open() -> None:
    tape = Tape()
    uncovered = Uncovered()
    for lots in (100, 50, -120, -60):
        uncovered.fill(tape.fill(lots))

    assert [(part.trade_id, part.signed_lots) for part in uncovered.now()] == [(4, -30)]
