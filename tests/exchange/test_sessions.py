"""WebSocket sessions without a socket: subscriptions, transactions, errors, limits, liveness."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hedgepair_runner.venues.paper.gateway import TooManyConnections
from hedgepair_runner.venues.paper.server import frame_header
from tests.exchange.booth import Booth, tx_frame

TOUCH = 236_131


def code(frames: list[dict[str, Any]]) -> int:
    [frame] = frames
    number: int = frame["error"]["code"]
    return number


def test_a_subscription_is_answered_with_a_snapshot_and_ended_with_a_word() -> None:
    line = Booth().line()

    snapshot = line.subscribe("order_book/0")
    ended = line.say({"type": "unsubscribe", "channel": "order_book/0"})

    assert snapshot["type"] == "subscribed/order_book"
    assert snapshot["channel"] == "order_book:0"
    assert snapshot["order_book"]["asks"] == snapshot["order_book"]["bids"] == []
    assert (snapshot["order_book"]["nonce"], snapshot["order_book"]["begin_nonce"]) == (0, 0)
    assert ended == [{"type": "unsubscribed", "channel": "order_book:0"}]


def test_a_second_subscription_gets_an_error_and_no_snapshot() -> None:
    line = Booth().line()
    line.subscribe("ticker/1")

    answer = line.say({"type": "subscribe", "channel": "ticker:1"})

    assert answer == [{"error": {"code": 30_003, "message": "Already Subscribed to : ticker:1"}}]


PUBLIC = [
    "order_book/0", "ticker/0", "trade/0", "market_stats/0", "market_stats/all", "candle/0/1m",
    "height", "account_all/1", "user_stats/1",
]  # fmt: skip
PRIVATE = [
    "account_market/0/1", "account_orders/0/1", "account_all_orders/1", "account_all_trades/1",
    "account_all_positions/1", "account_all_assets/1", "account_tx/1", "notification/1",
]  # fmt: skip


@pytest.mark.parametrize("channel", PUBLIC)
def test_a_public_channel_wants_no_token(channel: str) -> None:
    answer = Booth().line().subscribe(channel)

    assert answer["type"] == f"subscribed/{channel.split('/')[0]}"
    assert answer["channel"] == channel.replace("/", ":")


@pytest.mark.parametrize("channel", PRIVATE)
def test_a_private_channel_wants_the_accounts_own_token(channel: str) -> None:
    booth = Booth()
    line = booth.line()

    missing = line.subscribe(channel)
    foreign = line.subscribe(channel, booth.token(2))
    own = line.subscribe(channel, booth.token(1))

    name = channel.replace("/", ":")
    message = f"invalid param: auth field is required: {name}"
    assert missing == {"error": {"code": 20_001, "message": message}}
    assert foreign["error"]["code"] == 20_001
    assert (own["type"], own["channel"]) == (f"subscribed/{name.split(':')[0]}", name)


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        pytest.param("{", 30_000, id="no JSON"),
        pytest.param("[]", 30_000, id="no object"),
        pytest.param('{"type":"dance"}', 30_001, id="unknown type"),
        pytest.param('{"type":"subscribe","channel":"order_book/9"}', 30_005, id="no such market"),
        pytest.param('{"type":"subscribe","channel":"gossip/0"}', 30_005, id="no such channel"),
        pytest.param('{"type":"subscribe","channel":"order_book"}', 30_005, id="market missing"),
        pytest.param('{"type":"subscribe","channel":"candle/0/2m"}', 30_005, id="no such candle"),
        pytest.param('{"type":"subscribe","channel":7}', 30_005, id="channel is no text"),
        pytest.param('{"type":"unsubscribe","channel":"trade/0"}', 30_002, id="not subscribed"),
        pytest.param('{"type":"jsonapi/sendtx"}', 30_007, id="transaction missing"),
        pytest.param('{"type":"jsonapi/sendtx","data":{"tx_type":"14"}}', 30_007, id="bad type"),
    ],
)
def test_what_is_not_understood_is_named_by_a_code(frame: str, expected: int) -> None:
    line = Booth().line()

    assert line.session.begin(frame) is None

    assert code(line.take()) == expected


def test_a_transaction_is_answered_before_its_effects_with_the_clients_id() -> None:
    booth = Booth()
    line = booth.line()
    line.subscribe("account_all_orders/1", booth.token(1))
    line.subscribe("account_tx/1", booth.token(1))
    sent = booth.create(1, is_ask=False, price_ticks=TOUCH)

    answer, *effects = line.say(tx_frame(sent, "my-1"))

    assert (answer["type"], answer["code"], answer["id"]) == ("jsonapi/sendtx", 200, "my-1")
    assert answer["tx_hash"] == sent.tx_hash
    kinds = [effect["type"] for effect in effects]
    assert kinds[-2:] == ["update/account_all_orders", "update/account_tx"]
    assert effects[-1]["txs"][0]["status"] == 2


def test_a_refused_transaction_carries_the_clients_id() -> None:
    booth = Booth()
    line = booth.line()

    [answer] = line.say(tx_frame(booth.create(1, is_ask=False, price_ticks=TOUCH, lots=1), "x"))

    assert answer == {
        "error": {"code": 21_706, "message": "invalid order base or quote amount", "id": "x"}
    }


def batch(booth: Booth, count: int) -> dict[str, Any]:
    txs = [booth.create(1, is_ask=False, price_ticks=TOUCH - step) for step in range(count)]
    data = {
        "id": "b",
        "tx_types": json.dumps([tx.tx_type for tx in txs]),
        "tx_infos": json.dumps([tx.tx_info for tx in txs]),
    }
    return {"type": "jsonapi/sendtxbatch", "data": data}


def test_a_batch_over_the_socket_is_answered_with_all_hashes() -> None:
    booth = Booth()

    [answer] = booth.line().say(batch(booth, 15))

    assert (answer["type"], answer["id"]) == ("jsonapi/sendtxbatch", "b")
    assert len(answer["tx_hash"]) == 15


def test_a_batch_over_the_socket_may_hold_fifteen() -> None:
    booth = Booth()

    assert code(booth.line().say(batch(booth, 16))) == 21_514


def test_ping_is_answered_with_pong() -> None:
    line = Booth().line()

    assert line.say({"type": "ping"}) == [{"type": "pong"}]
    assert line.say({"type": "pong"}) == []


def test_the_server_pings_every_minute_and_closes_who_stays_silent_for_two() -> None:
    booth = Booth()
    silent, alive = booth.line(), booth.line()

    for _ in range(3):
        booth.pass_ms(59_000)
        alive.say({"type": "pong"})

    assert silent.closed == (1_008, "idle")
    assert silent.types() == ["ping"]
    assert alive.closed is None


def test_pings_can_be_switched_off() -> None:
    booth = Booth(ping_every_us=None)
    line = booth.line()

    booth.pass_ms(119_000)

    assert line.take() == []


def test_after_the_close_nothing_is_sent_and_nothing_is_kept() -> None:
    booth = Booth(book_batch_us=0)
    line = booth.line()
    line.subscribe("order_book/0")

    line.session.close()
    booth.rest_order(9, is_ask=False, price_ticks=TOUCH)

    assert line.take() == []
    assert line.session.begin('{"type":"ping"}') is None
    assert line.take() == []


def test_messages_are_limited_by_the_minute_but_transactions_are_not() -> None:
    booth = Booth(messages_per_minute=3)
    line = booth.line()
    for _ in range(3):
        line.say({"type": "ping"})

    assert code(line.say({"type": "ping"})) == 30_009
    [receipt] = line.say(tx_frame(booth.create(1, is_ask=False, price_ticks=TOUCH)))
    assert receipt["code"] == 200
    booth.pass_ms(60_000)
    line.take()
    assert line.say({"type": "ping"}) == [{"type": "pong"}]


def test_subscriptions_accounts_and_connections_are_limited() -> None:
    booth = Booth(subscriptions_per_connection=3, accounts_per_connection=1, connections=2)
    line = booth.line()
    line.subscribe("account_all/1")

    assert line.subscribe("account_all/2")["error"]["code"] == 23_002
    line.subscribe("user_stats/1")
    line.subscribe("height")
    assert line.subscribe("trade/0")["error"]["code"] == 23_001
    booth.line()
    with pytest.raises(TooManyConnections):
        booth.line()


def test_the_shutdown_is_announced_and_every_socket_closed() -> None:
    booth = Booth()
    line = booth.line()

    booth.gateway.announce_shutdown(500)
    booth.gateway.hang_up(1_001, "shutdown")

    assert line.take() == [{"type": "shutdown", "close_in_ms": 500}]
    assert line.closed == (1_001, "shutdown")


@pytest.mark.parametrize(
    ("length", "header"),
    [
        pytest.param(5, "8105", id="short"),
        pytest.param(125, "817d", id="longest short one"),
        pytest.param(126, "817e007e", id="two bytes of length"),
        pytest.param(65_536, "817f0000000000010000", id="eight bytes of length"),
    ],
)
def test_a_frame_header_is_as_the_standard_says(length: int, header: str) -> None:
    assert frame_header(length).hex() == header
