"""The venue's own words, recorded or from its document, become our facts or MalformedFrame."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgepair_runner.orders import (
    Accepted,
    AccountTrade,
    Ambiguous,
    OwnOrder,
    Refused,
    SendResult,
    Side,
    Verdict,
    VerdictState,
)
from hedgepair_runner.venues.lighter.account_parsing import (
    account_of,
    orders_of,
    own_trades_of,
    positions_of,
    trades_of,
)
from hedgepair_runner.venues.lighter.answer_parsing import (
    error_frame,
    error_of,
    rest_send_result,
    send_answer,
    send_result,
    verdict_of,
    verdicts_of,
)
from hedgepair_runner.venues.lighter.fields import MalformedFrame, scaled
from hedgepair_runner.venues.lighter.market_parsing import book_frame, mark_price, markets_of
from hedgepair_runner.venues.lighter.streams import account_events, user_stats
from hedgepair_runner.venues.venue import OrdersSeen, PositionsSeen, TradesSeen, VerdictsSeen
from tests.venue.payloads import (
    ACCOUNT_BODY,
    BOOK_SNAPSHOT,
    BTC,
    ETH,
    MARKET_ROW,
    MARKETS,
    ORDER_ROW,
    OTHER,
    OWN,
    POSITION_ROW,
    TRADE_ROW,
    TX_ROW,
    market_stats,
)

HASH = "aa" * 40


@given(st.integers(-(10**15), 10**15), st.integers(0, 8))
def test_a_decimal_text_becomes_the_whole_number_it_was_made_of(number: int, decimals: int) -> None:
    text = f"{Decimal(number).scaleb(-decimals):f}"

    assert scaled(text, decimals) == number
    assert scaled(text, decimals + 2) == number * 100


@pytest.mark.parametrize(
    ("text", "expected"),
    [("12", 1200), ("12.5", 1250), ("-0.05", -5), ("0.00", 0), ("1.2300", 123)],
)
def test_texts_of_other_lengths_are_read_exactly(text: str, expected: int) -> None:
    assert scaled(text, 2) == expected


@pytest.mark.parametrize(
    "text", ["", ".", "-", "1.234", "1e5", "1_0", " 1", "1.-5", "+1", "NaN", "١", "1.2.3", "--1"]
)
def test_what_is_no_number_of_these_decimals_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="decimal"):
        scaled(text, 2)


def test_a_market_is_read_with_its_grid_and_minimums() -> None:
    markets = markets_of({"code": 200, "order_book_details": [MARKET_ROW]})

    assert markets == {"ETH": ETH}


def test_a_minimum_between_two_lots_is_rounded_up_and_a_closed_market_is_inactive() -> None:
    row = {**MARKET_ROW, "min_base_amount": "0.00501", "status": "inactive"}

    (market,) = markets_of({"order_book_details": [row]}).values()

    assert market == replace(ETH, min_base_lots=51, is_active=False)


def test_an_order_is_read_in_lots_and_ticks() -> None:
    (order,) = orders_of([ORDER_ROW], MARKETS, channel="accountOrders")

    assert order == OwnOrder(
        account_index=OWN,
        market_id=0,
        order_index=281476929510110,
        client_order_index=42,
        side=Side.SELL,
        price_ticks=235274,
        initial_lots=50,
        filled_lots=0,
        filled_quote_units=0,
        status="open",
        reduce_only=False,
        updated_us=1777941383576735,
        engine_nonce=9182390020,
    )


def test_a_trade_is_ours_by_account_and_its_role_follows_the_maker_side() -> None:
    (trade,) = own_trades_of([TRADE_ROW], MARKETS, account_index=OWN, channel="trades")

    assert trade == AccountTrade(
        account_index=OWN,
        trade_id=19211490282,
        market_id=0,
        signed_lots=5,
        price_ticks=236131,
        before_lots=-760264,
        is_maker=True,
        order_index=562947905454831,
        client_order_index=410940644,
        fee_millionths=28,
        trade_type="trade",
        timestamp_ms=1777945103092,
    )


def test_a_trade_between_two_watched_accounts_gives_both_sides_under_one_id() -> None:
    seller, buyer = trades_of([TRADE_ROW], MARKETS, accounts={OWN, OTHER}, channel="trade")

    assert (seller.account_index, seller.signed_lots, seller.is_maker) == (OTHER, -5, False)
    assert (buyer.account_index, buyer.signed_lots, buyer.is_maker) == (OWN, 5, True)
    assert seller.trade_id == buyer.trade_id
    assert seller.before_lots == 6611
    assert seller.fee_millionths == 0  # the venue leaves zeros out


def test_zero_and_false_fields_that_the_venue_left_out_are_zero_and_false() -> None:
    dropped = ("maker_position_size_before", "maker_fee", "bid_client_id", "is_maker_ask")
    row = {key: value for key, value in TRADE_ROW.items() if key not in dropped}

    (trade,) = own_trades_of([row], MARKETS, account_index=OWN, channel="trades")

    assert (trade.before_lots, trade.fee_millionths, trade.client_order_index) == (0, 0, 0)
    assert trade.is_maker


def test_a_liquidation_is_marked_as_forced() -> None:
    row = {**TRADE_ROW, "type": "liquidation"}

    (trade,) = own_trades_of([row], MARKETS, account_index=OWN, channel="trades")

    assert trade.is_forced


def test_strangers_trades_are_nobodys_on_the_public_tape() -> None:
    assert trades_of([TRADE_ROW], MARKETS, accounts={1}, channel="recentTrades") == ()


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param(POSITION_ROW, {0: -5000}, id="short"),
        pytest.param({**POSITION_ROW, "sign": 1}, {0: 5000}, id="long"),
        pytest.param({**POSITION_ROW, "sign": 1, "position": "0.0000"}, {0: 0}, id="flat"),
        pytest.param({**POSITION_ROW, "market_id": 99}, {}, id="a market that is not traded here"),
    ],
)
def test_a_position_is_sign_times_size(row: dict[str, Any], expected: dict[int, int]) -> None:
    assert positions_of([row], MARKETS, channel="positions") == expected


def test_an_account_is_read_with_its_texts_as_they_came() -> None:
    account = account_of(ACCOUNT_BODY, MARKETS, account_index=OWN)

    assert account.positions_lots == {0: -5000, 1: 0}
    assert account.entry_prices == {0: "2361.31", 1: "0.0"}
    assert account.available_balance == "39.168314"


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        pytest.param(TX_ROW, (VerdictState.EXECUTED, ""), id="executed"),
        pytest.param({**TX_ROW, "status": 3}, (VerdictState.EXECUTED, ""), id="executed, final"),
        pytest.param({**TX_ROW, "status": 1}, (VerdictState.PENDING, ""), id="pending"),
        pytest.param(
            {**TX_ROW, "status": 0, "event_info": '{"ae":"{\\"code\\":21739}"}'},
            (VerdictState.FAILED, '{"code":21739}'),
            id="failed, with the engine's reason",
        ),
        pytest.param(
            {**TX_ROW, "status": 0, "event_info": "not json"},
            (VerdictState.FAILED, ""),
            id="failed, without a readable reason",
        ),
    ],
)
def test_a_verdict_is_found_in_status_and_event(
    row: dict[str, Any], verdict: tuple[VerdictState, str]
) -> None:
    state, error = verdict

    assert verdict_of({"code": 200, **row}) == Verdict(
        tx_hash=TX_ROW["hash"], nonce=459, state=state, error=error
    )


def test_what_the_engine_did_by_itself_is_no_verdict_of_ours() -> None:
    assert verdicts_of([{**TX_ROW, "type": 25}], channel="account_tx") == ()


ANSWERS = [
    pytest.param(
        {"type": "jsonapi/sendtx", "code": 200, "tx_hash": HASH, "predicted_execution_time_ms": 7},
        ("", HASH, Accepted(tx_hash=HASH, predicted_execution_ms=7)),
        id="accepted, at the top level",
    ),
    pytest.param(
        {"type": "jsonapi/sendtx", "data": {"id": "my-1", "code": 200, "tx_hash": HASH}},
        ("my-1", HASH, Accepted(tx_hash=HASH)),
        id="accepted, under data",
    ),
    pytest.param(
        {"type": "jsonapi/sendtx", "code": 21727, "message": "invalid client order index"},
        ("", "", Refused(code=21727, message="invalid client order index")),
        id="refused, typed",
    ),
    pytest.param(
        {"error": {"code": 21104, "message": "invalid nonce", "id": "my-1"}},
        ("my-1", "", Refused(code=21104, message="invalid nonce")),
        id="refused, bare",
    ),
    pytest.param(
        {"error": {"code": 23000, "message": "Too Many Requests!", "id": "my-1"}},
        ("my-1", "", Ambiguous(reason="rate limited")),
        id="rate limited",
    ),
    pytest.param(
        {"error": {"code": 29500, "message": "internal server error", "id": "my-1"}},
        ("my-1", "", Ambiguous(reason="the venue answered 29500: internal server error")),
        id="failed inside",
    ),
    pytest.param(
        {"type": "jsonapi/sendtx", "code": 200, "tx_hash": "bb" * 40},
        ("", "bb" * 40, Ambiguous(reason="the venue accepted under another hash")),
        id="accepted under another hash",
    ),
]


@pytest.mark.parametrize(("frame", "expected"), ANSWERS)
def test_an_answer_to_a_transaction_is_read_in_all_its_shapes(
    frame: dict[str, Any], expected: tuple[str, str, SendResult]
) -> None:
    answer = send_answer(frame)

    assert answer is not None
    found = (answer.request_id or "", answer.tx_hash or "", send_result(answer, tx_hash=HASH))
    assert found == expected


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param({"type": "pong"}, id="no answer at all"),
        pytest.param({"error": {"code": 30003, "message": "Already Subscribed"}}, id="socket"),
        pytest.param({"error": {"code": 20001, "message": "auth field is required"}}, id="auth"),
        pytest.param(
            {"type": "error", "code": 30012, "channel": "order_book:0", "message": "failed"},
            id="of a channel",
        ),
    ],
)
def test_errors_of_the_socket_are_not_taken_for_answers(frame: dict[str, Any]) -> None:
    assert send_answer(frame) is None


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        pytest.param({"error": {"code": 30003, "message": "Already"}}, 30003, id="bare"),
        pytest.param({"type": "error", "code": 30012, "message": "failed"}, 30012, id="typed"),
    ],
)
def test_both_shapes_of_error_frames_are_read(frame: dict[str, Any], code: int) -> None:
    error = error_frame(frame)

    assert error is not None
    assert error.code == code


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        pytest.param(200, {"code": 200, "tx_hash": HASH}, Accepted(tx_hash=HASH), id="accepted"),
        pytest.param(
            400,
            {"code": 21104, "message": "invalid nonce"},
            Refused(code=21104, message="invalid nonce"),
            id="refused",
        ),
        pytest.param(429, {"code": 23000}, Ambiguous(reason="rate limited"), id="429"),
        pytest.param(
            405, "<html>", Ambiguous(reason="the venue answered with HTTP 405"), id="firewall"
        ),
        pytest.param(
            502, "<html>", Ambiguous(reason="the venue answered with HTTP 502"), id="HTML 502"
        ),
        pytest.param(
            200,
            {"code": 21120, "message": "invalid signature"},
            Refused(code=21120, message="invalid signature"),
            id="200 with a refusal inside",
        ),
        pytest.param(200, [], Ambiguous(reason="an answer that is no JSON object"), id="a list"),
    ],
)
def test_a_rest_answer_is_accepted_refused_or_ambiguous(
    status: int, body: object, expected: SendResult
) -> None:
    assert rest_send_result(status, orjson.dumps(body), tx_hash=HASH) == expected


def test_an_html_page_is_an_error_without_a_code() -> None:
    assert error_of(b"<html>502</html>").code == 0


def test_a_book_frame_is_read_in_ticks_and_lots() -> None:
    frame = book_frame(BOOK_SNAPSHOT, MARKETS)

    assert list(frame.asks) == [(232500, 990000), (234125, 3401028)]
    assert list(frame.bids) == [(200000, 200)]
    assert (frame.begin_nonce, frame.nonce, frame.is_snapshot) == (0, 904845, True)


@pytest.mark.parametrize(
    ("text", "expected"), [("2356.3", (0, 235630)), ("2356.309", (0, 235630)), ("", None)]
)
def test_a_mark_price_may_be_finer_than_a_tick_or_missing(
    text: str, expected: tuple[int, int] | None
) -> None:
    assert mark_price(market_stats(text), MARKETS) == expected


def _frame(kind: str, **content: object) -> dict[str, Any]:
    return {"type": f"update/{kind}", "channel": f"{kind}:{OWN}", **content}


def test_each_account_channel_tells_its_facts() -> None:
    frames = [
        _frame("account_all_orders", orders={"0": [ORDER_ROW]}),
        _frame("account_all_trades", trades={"0": [TRADE_ROW]}),
        _frame("account_all_positions", positions={"0": POSITION_ROW}),
        _frame("account_tx", txs=[TX_ROW]),
    ]

    orders, trades, positions, verdicts = [
        event for frame in frames for event in account_events(frame, MARKETS)
    ]

    assert isinstance(orders, OrdersSeen)
    assert (orders.account_index, orders.is_snapshot, len(orders.orders)) == (OWN, False, 1)
    assert isinstance(trades, TradesSeen)
    assert trades.trades[0].signed_lots == 5
    # Every frame of this channel is whole: a market that is missing is flat.
    assert positions == PositionsSeen(
        account_index=OWN, positions_lots={0: -5000}, is_snapshot=True
    )
    assert isinstance(verdicts, VerdictsSeen)


def test_an_empty_snapshot_of_orders_says_that_there_are_none() -> None:
    frame = {**_frame("account_all_orders", orders=None), "type": "subscribed/account_all_orders"}

    assert account_events(frame, MARKETS) == [
        OrdersSeen(account_index=OWN, orders=(), is_snapshot=True)
    ]


def test_an_update_of_a_watched_account_tells_only_what_changed() -> None:
    frame = {
        "type": "update/account_all",
        "channel": f"account_all:{OTHER}",
        "positions": {"0": POSITION_ROW},
        "trades": {"0": [TRADE_ROW], "1": []},
    }

    trades, positions = account_events(frame, MARKETS)

    assert isinstance(trades, TradesSeen)
    assert [each.account_index for each in trades.trades] == [OTHER]
    assert positions == PositionsSeen(
        account_index=OTHER, positions_lots={0: -5000}, is_snapshot=False
    )


def test_a_frame_of_several_trades_is_told_oldest_first() -> None:
    rows = [{**TRADE_ROW, "trade_id": number} for number in (9, 7, 8)]

    (event,) = account_events(_frame("account_all_trades", trades={"0": rows}), MARKETS)

    assert isinstance(event, TradesSeen)
    assert [trade.trade_id for trade in event.trades] == [7, 8, 9]


def test_margin_figures_are_texts_as_they_came() -> None:
    stats = {"available_balance": "39.1", "collateral": "40", "portfolio_value": "41"}

    found = user_stats({"type": "subscribed/user_stats", "channel": "user_stats:1", "stats": stats})

    assert found is not None
    assert found.available_balance == "39.1"


def _without(row: dict[str, Any], *fields: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in fields}


@pytest.mark.parametrize(
    ("frame", "named"),
    [
        pytest.param(
            _frame("account_all_orders", orders={"0": [_without(ORDER_ROW, "is_ask")]}),
            "is_ask",
            id="an order without a side",
        ),
        pytest.param(
            _frame("account_all_orders", orders={"0": [{**ORDER_ROW, "price": 2352.74}]}),
            "price",
            id="a price as a float",
        ),
        pytest.param(
            _frame("account_all_orders", orders={"0": [{**ORDER_ROW, "price": "2352.745"}]}),
            "price",
            id="a price between two ticks",
        ),
        pytest.param(_frame("account_all_orders"), "orders", id="no orders at all"),
        pytest.param(
            _frame("account_all_trades", trades={"0": [{**TRADE_ROW, "bid_account_id": 5}]}),
            "ask_account_id",
            id="somebody else's trade on the own channel",
        ),
        pytest.param(
            _frame("account_all_trades", trades={"0": [{**TRADE_ROW, "size": "0.0000"}]}),
            "size",
            id="a trade of nothing",
        ),
        pytest.param(
            _frame("account_all_trades", trades={"0": [_without(TRADE_ROW, "trade_id")]}),
            "trade_id",
            id="a trade without an id",
        ),
        pytest.param(
            _frame("account_all_positions", positions={"0": {**POSITION_ROW, "sign": 0}}),
            "sign",
            id="a position without a sign",
        ),
        pytest.param(
            {"type": "subscribed/account_all", "channel": f"account_all:{OWN}", "trades": {}},
            "positions",
            id="a whole account without positions is not a flat one",
        ),
        pytest.param(
            _frame("account_tx", txs=[_without(TX_ROW, "status")]),
            "status",
            id="a verdict without a status is not a failed one",
        ),
    ],
)
def test_a_frame_that_cannot_be_read_in_full_is_malformed(
    frame: dict[str, Any], named: str
) -> None:
    with pytest.raises(MalformedFrame) as caught:
        account_events(frame, MARKETS)

    assert caught.value.field == named
    assert frame["channel"] in str(caught.value)


def test_a_book_level_of_an_unknown_market_or_without_a_price_is_malformed() -> None:
    book = {**BOOK_SNAPSHOT["order_book"], "asks": [{"size": "1"}]}
    for frame in (
        {**BOOK_SNAPSHOT, "channel": "order_book:7"},
        {**BOOK_SNAPSHOT, "order_book": book},
    ):
        with pytest.raises(MalformedFrame):
            book_frame(frame, {0: ETH, 1: BTC})


def test_another_accounts_answer_is_not_believed() -> None:
    with pytest.raises(MalformedFrame, match="another account"):
        account_of(ACCOUNT_BODY, MARKETS, account_index=OTHER)
