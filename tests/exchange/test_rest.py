"""The REST API without a socket: every path, its parameters, and its refusals."""

from __future__ import annotations

import pytest

from hedgepair_runner.venues.paper.records import TimeInForce
from hedgepair_runner.venues.paper.settings import ExchangeSettings
from tests.exchange.booth import Booth, batch_form

TOUCH = 236_131
API = "/api/v1/"


@pytest.fixture
def booth() -> Booth:
    """Account 1 rested 0.05 ETH; account 2 took 0.03 of it."""
    booth = Booth()
    booth.send(booth.create(1, is_ask=False, price_ticks=TOUCH, client_order_index=11))
    booth.send(
        booth.create(2, is_ask=True, price_ticks=TOUCH, lots=300, time_in_force=TimeInForce.IOC)
    )
    return booth


def test_the_root_tells_the_network_and_the_time_in_seconds(booth: Booth) -> None:
    assert booth.get("/") == {"status": 200, "network_id": 300, "timestamp": 1_795_344_000}


def test_markets_carry_their_decimals_and_minimums_as_padded_strings(booth: Booth) -> None:
    [market] = booth.get(API + "orderBooks?market_id=0")["order_books"]

    assert market["min_base_amount"] == "0.0050"
    assert market["min_quote_amount"] == "10.000000"
    assert market["order_quote_limit"] == "281474976.710655"
    assert (market["supported_size_decimals"], market["supported_price_decimals"]) == (4, 2)


@pytest.mark.parametrize(
    ("query", "markets"),
    [
        pytest.param("", [0, 1], id="all by default"),
        pytest.param("?market_id=255", [0, 1], id="all by 255"),
        pytest.param("?market_id=1", [1], id="one"),
        pytest.param("?filter=perp", [0, 1], id="perpetuals"),
        pytest.param("?filter=spot", [], id="there are no spot markets"),
    ],
)
def test_details_list_the_markets_asked_for(booth: Booth, query: str, markets: list[int]) -> None:
    details = booth.get(API + "orderBookDetails" + query)["order_book_details"]

    assert [detail["market_id"] for detail in details] == markets


def test_the_book_shows_single_orders_with_prices_as_padded_strings(booth: Booth) -> None:
    book = booth.get(API + "orderBookOrders?market_id=0&limit=10")

    assert (book["total_asks"], book["asks"], book["total_bids"]) == (0, [], 1)
    [bid] = book["bids"]
    assert bid["price"] == "2361.31"
    assert bid["initial_base_amount"] == "0.0500"
    assert bid["remaining_base_amount"] == "0.0200"
    assert bid["owner_account_index"] == 1


def test_public_trades_leave_out_what_is_zero_or_false(booth: Booth) -> None:
    [trade] = booth.get(API + "recentTrades?market_id=0&limit=5")["trades"]

    assert (trade["size"], trade["price"], trade["usd_amount"]) == (
        "0.0300",
        "2361.31",
        "70.839300",
    )
    assert trade["is_maker_ask"] is False
    assert (trade["bid_account_id"], trade["ask_account_id"]) == (1, 2)
    assert (trade["bid_client_id"], trade["ask_client_id"]) == (11, 0)
    left_out = {"maker_position_size_before", "taker_fee", "maker_position_sign_changed"}
    assert not left_out & set(trade)


def test_a_position_before_is_told_where_there_was_one(booth: Booth) -> None:
    booth.send(
        booth.create(2, is_ask=True, price_ticks=TOUCH, lots=100, time_in_force=TimeInForce.IOC)
    )

    newest = booth.get(API + "recentTrades?market_id=0&limit=1")["trades"][0]

    assert newest["maker_position_size_before"] == "0.0300"
    assert newest["taker_position_size_before"] == "-0.0300"
    assert newest["maker_entry_quote_before"] == "70.839300"


def test_own_trades_show_own_profit_only(booth: Booth) -> None:
    booth.send(booth.create(2, is_ask=False, price_ticks=TOUCH - 100, lots=200))
    booth.send(
        booth.create(
            1, is_ask=True, price_ticks=TOUCH - 100, lots=100, time_in_force=TimeInForce.IOC
        )
    )
    query = API + "trades?sort_by=trade_id&limit=1&account_index=1&role=taker"

    body = booth.get(query, auth=booth.token(1))

    # The seller's own bid at the touch is in the way and expires; 0.01 goes a dollar lower.
    [trade] = body["trades"]
    assert trade["ask_account_pnl"] == "-0.010000"
    assert "bid_account_pnl" not in trade


def test_orders_are_listed_by_state_and_by_client_index(booth: Booth) -> None:
    token = booth.token(1)
    [active] = booth.get(API + "accountActiveOrders?account_index=1&market_id=0", auth=token)[
        "orders"
    ]
    by_client = booth.get(API + "accountOrders?client_order_indexes=11,12", auth=token)["orders"]

    assert active["status"] == "open"
    assert active["filled_base_amount"] == "0.0300"
    assert active["filled_quote_amount"] == "70.839300"
    assert by_client == [active]

    booth.send(booth.cancel(1, 11))

    assert booth.get(API + "accountActiveOrders?account_index=1", auth=token)["orders"] == []
    [inactive] = booth.get(
        API + "accountInactiveOrders?account_index=1&limit=10&ask_filter=0", auth=token
    )["orders"]
    assert inactive["status"] == "canceled"


def test_the_account_is_public_and_has_unsigned_positions(booth: Booth) -> None:
    [account] = booth.get(API + "account?by=index&value=2")["accounts"]

    [position] = account["positions"]
    assert (position["sign"], position["position"]) == (-1, "0.0300")
    assert position["avg_entry_price"] == "2361.31"
    assert position["initial_margin_fraction"] == "5.00"
    by_address = booth.get(API + f"account?by=l1_address&value={account['l1_address']}")
    assert by_address["accounts"] == [account]


def test_nonce_and_keys_agree(booth: Booth) -> None:
    keys = booth.get(API + "apikeys?account_index=1&api_key_index=255")["api_keys"]
    nonce = booth.get(API + "nextNonce?account_index=1&api_key_index=4")["nonce"]

    assert keys[0]["api_key_index"] == 4
    assert keys[0]["nonce"] == nonce
    assert len(keys[0]["public_key"]) == 80


def test_a_transaction_is_found_by_its_hash_and_in_its_accounts_list(booth: Booth) -> None:
    sent = booth.create(1, is_ask=False, price_ticks=TOUCH - 10)
    receipt = booth.send(sent)

    found = booth.get(API + f"tx?by=hash&value={sent.tx_hash}")
    listed = booth.get(API + "accountTxs?by=account_index&value=1&limit=1")["txs"][0]

    assert receipt["tx_hash"] == sent.tx_hash
    assert (found["status"], found["type"], found["info"]) == (2, 14, sent.tx_info)
    assert {**listed, "code": 200, "committed_at": 0, "verified_at": 0} == found


def test_the_receipt_has_no_quota_where_there_is_none() -> None:
    booth = Booth()

    receipt = booth.send(booth.create(1, is_ask=False, price_ticks=TOUCH))

    assert "volume_quota_remaining" not in receipt


def test_a_delayed_transaction_waits_but_its_nonce_is_taken() -> None:
    booth = Booth(exchange=ExchangeSettings(default_tier="standard"))
    nonce_path = API + "nextNonce?account_index=1&api_key_index=4"
    before = booth.get(nonce_path)["nonce"]

    receipt = booth.send(booth.create(1, is_ask=False, price_ticks=TOUCH, client_order_index=5))

    book_path = API + "orderBookOrders?market_id=0&limit=1"
    assert receipt["predicted_execution_time_ms"] == booth.now_ms + 200
    assert booth.get(nonce_path)["nonce"] == before + 1
    assert booth.get(book_path)["total_bids"] == 0
    booth.pass_ms(200)
    assert booth.get(book_path)["total_bids"] == 1


def test_a_batch_is_answered_with_all_hashes() -> None:
    booth = Booth()
    txs = [booth.create(1, is_ask=False, price_ticks=TOUCH - step) for step in (1, 2, 3)]

    status, body = booth.request(API + "sendTxBatch", method="POST", form=batch_form(txs))

    assert (status, body["tx_hash"]) == (200, [tx.tx_hash for tx in txs])
    assert booth.get(API + "orderBookOrders?market_id=0&limit=5")["total_bids"] == 3


def test_a_refused_transaction_takes_its_whole_batch_along() -> None:
    booth = Booth()
    nonce_path = API + "nextNonce?account_index=1&api_key_index=4"
    before = booth.get(nonce_path)
    txs = [booth.create(1, is_ask=False, price_ticks=TOUCH, lots=lots) for lots in (500, 1)]

    status, body = booth.request(API + "sendTxBatch", method="POST", form=batch_form(txs))

    assert (status, body["code"]) == (400, 21_706)
    assert booth.get(nonce_path) == before
    assert booth.get(API + "orderBookOrders?market_id=0&limit=5")["total_bids"] == 0


def test_a_wrong_nonce_is_answered_with_the_words_the_sdk_greps_for() -> None:
    booth = Booth()
    booth.next_nonce(1)

    sent = booth.create(1, is_ask=False, price_ticks=TOUCH)
    status, body = booth.request(
        API + "sendTx",
        method="POST",
        form={"tx_type": str(sent.tx_type), "tx_info": sent.tx_info},
    )

    assert (status, body) == (400, {"code": 21_104, "message": "invalid nonce"})


@pytest.mark.parametrize(
    ("protection", "status"),
    [
        pytest.param("true", 400, id="guarded"),
        pytest.param("True", 400, id="guarded in the SDK's spelling"),
        pytest.param(None, 400, id="guarded by default"),
        pytest.param("False", 200, id="unguarded"),
    ],
)
def test_price_protection_refuses_an_accidental_price(protection: str | None, status: int) -> None:
    booth = Booth()
    booth.rest_order(9, is_ask=True, price_ticks=TOUCH)
    sent = booth.create(1, is_ask=False, price_ticks=TOUCH * 106 // 100)
    form = {"tx_type": "14", "tx_info": sent.tx_info}

    answer, body = booth.request(
        API + "sendTx",
        method="POST",
        form=form | ({"price_protection": protection} if protection else {}),
    )

    assert answer == status
    assert body["code"] == (200 if status == 200 else 21_733)


def test_candles_are_made_of_the_trades(booth: Booth) -> None:
    start, end = booth.now_ms - 3_600_000, booth.now_ms + 60_000
    span = f"start_timestamp={start}&end_timestamp={end}&count_back=10"

    body = booth.get(API + f"candles?market_id=0&resolution=1m&{span}")

    [candle] = body["c"]
    assert (candle["o"], candle["c"], candle["v"]) == (2361.31, 2361.31, 0.03)
    assert candle["V"] == 70.8393


PRIVATE = [
    pytest.param("accountActiveOrders?account_index=1&market_id=0", id="active orders"),
    pytest.param("accountInactiveOrders?account_index=1&limit=5", id="inactive orders"),
    pytest.param("accountOrders?account_index=1&client_order_indexes=11", id="by client index"),
    pytest.param("accountLimits?account_index=1", id="limits"),
    pytest.param("trades?account_index=1&sort_by=trade_id&limit=5", id="own trades"),
]


@pytest.mark.parametrize("path", PRIVATE)
def test_a_private_read_needs_the_accounts_own_token(booth: Booth, path: str) -> None:
    missing = booth.request(API + path)
    foreign = booth.request(API + path, auth=booth.token(2))
    expired = booth.request(API + path, auth=booth.token(1, lifetime_s=-1))
    by_header = booth.request(API + path, auth=booth.token(1))
    by_query = booth.request(API + path + f"&auth={booth.token(1)}")

    for refused in (missing, foreign, expired):
        assert (refused[0], refused[1]["code"]) == (400, 20_001)
    assert "auth" in missing[1]["message"]
    assert by_header[0] == 200
    assert by_query == by_header


@pytest.mark.parametrize(
    ("path", "field"),
    [
        pytest.param("orderBookOrders?limit=5", "market_id", id="missing market"),
        pytest.param("orderBookOrders?market_id=7&limit=5", "market_id", id="unknown market"),
        pytest.param("orderBookOrders?market_id=x&limit=5", "market_id", id="no number"),
        pytest.param("orderBookOrders?market_id=0", "limit", id="missing limit"),
        pytest.param("orderBookOrders?market_id=0&limit=251", "limit", id="limit too large"),
        pytest.param("recentTrades?market_id=0&limit=0", "limit", id="limit too small"),
        pytest.param("trades?limit=5", "sort_by", id="missing sort"),
        pytest.param("trades?limit=5&sort_by=trade_id&role=x", "role", id="unknown role"),
        pytest.param("account?by=name&value=1", "by", id="unknown key"),
        pytest.param("account?by=index", "value", id="missing value"),
        pytest.param("nextNonce?account_index=1", "api_key_index", id="missing key index"),
        pytest.param("tx?by=hash", "value", id="missing hash"),
    ],
)
def test_a_bad_parameter_is_named(booth: Booth, path: str, field: str) -> None:
    status, body = booth.request(API + path)

    assert (status, body["code"]) == (400, 20_001)
    assert body["message"].endswith(field)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        pytest.param("tx?by=hash&value=00", 21_500, id="transaction"),
        pytest.param("account?by=l1_address&value=0x1", 21_100, id="address"),
        pytest.param("candles?market_id=0&resolution=2m", 22_402, id="resolution"),
        pytest.param(
            "candles?market_id=0&resolution=1m&start_timestamp=5&end_timestamp=5",
            22_400,
            id="empty span",
        ),
    ],
)
def test_what_is_unknown_has_its_own_code(booth: Booth, path: str, code: int) -> None:
    status, body = booth.request(API + path)

    assert (status, body["code"]) == (400, code)


@pytest.mark.parametrize(
    "path",
    [
        "info",
        "/api/v1/systemConfig",
        "/api/v1/currentHeight",
        "/api/v1/exchangeStats",
        "/api/v1/funding-rates",
    ],
)
def test_every_other_public_path_answers(booth: Booth, path: str) -> None:
    assert booth.get("/" + path.removeprefix("/"))


def test_an_unknown_path_is_not_found(booth: Booth) -> None:
    assert booth.request("/api/v1/nothing") == (404, {"code": 29_404, "message": "not found"})
    assert booth.request("/api/v1/sendTx")[0] == 404


@pytest.mark.parametrize(
    ("form", "code"),
    [
        pytest.param({}, 20_001, id="empty form"),
        pytest.param({"tx_type": "14"}, 20_001, id="no info"),
        pytest.param({"tx_type": "14", "tx_info": "{"}, 21_501, id="broken JSON"),
        pytest.param({"tx_type": "99", "tx_info": "{}"}, 21_505, id="unknown type"),
    ],
)
def test_a_malformed_transaction_is_refused(booth: Booth, form: dict[str, str], code: int) -> None:
    status, body = booth.request(API + "sendTx", method="POST", form=form)

    assert (status, body["code"]) == (400, code)


@pytest.mark.parametrize(
    ("form", "code"),
    [
        pytest.param({"tx_types": "[14]", "tx_infos": "[]"}, 21_513, id="lengths differ"),
        pytest.param({"tx_types": "[]", "tx_infos": "[]"}, 21_501, id="nothing in it"),
        pytest.param({"tx_types": "14", "tx_infos": "[]"}, 20_001, id="no array"),
        pytest.param(
            {"tx_types": str([14] * 51), "tx_infos": str(["{}"] * 51).replace("'", '"')},
            21_514,
            id="too many",
        ),
    ],
)
def test_a_malformed_batch_is_refused(booth: Booth, form: dict[str, str], code: int) -> None:
    status, body = booth.request(API + "sendTxBatch", method="POST", form=form)

    assert (status, body["code"]) == (400, code)
