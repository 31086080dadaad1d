"""What goes out when: causal order, batches with their chain of nonces, what only changed."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hedgepair_runner.venues.paper.records import TimeInForce
from tests.exchange.booth import Booth, Line, tx_frame

TOUCH = 236_131
IOC = TimeInForce.IOC
PRIVATE = (
    "account_all_orders", "account_all_trades", "account_all", "account_all_positions",
    "account_all_assets", "user_stats", "account_tx",
)  # fmt: skip


def watching(booth: Booth, *channels: str) -> Line:
    line = booth.line()
    for channel in channels:
        account_index = int(channel.rpartition("/")[2])
        line.subscribe(channel, booth.token(account_index) if account_index else None)
    return line


def test_a_fill_is_told_as_order_trade_position_and_last_the_verdict() -> None:
    booth = Booth()
    booth.rest_order(9, is_ask=False, price_ticks=TOUCH)
    line = watching(booth, *(f"{name}/1" for name in PRIVATE))

    booth.send(booth.create(1, is_ask=True, price_ticks=TOUCH, lots=200, time_in_force=IOC))

    kinds = [kind.removeprefix("update/") for kind in line.types()]
    *effects, verdict = kinds
    assert verdict == "account_tx"
    order = [PRIVATE.index(kind) for kind in effects]
    assert order == sorted(order)
    assert set(effects) >= {
        "account_all_orders", "account_all_trades", "account_all", "account_all_positions",
    }  # fmt: skip


def test_a_makers_fill_is_on_its_public_channel_at_once_with_the_position_before() -> None:
    booth = Booth()
    booth.send(booth.create(1, is_ask=False, price_ticks=TOUCH, client_order_index=77))
    taken = {"is_ask": True, "price_ticks": TOUCH, "time_in_force": IOC}
    booth.send(booth.create(2, lots=100, **taken))  # type: ignore[arg-type]  # three kinds of value
    line = watching(booth, "account_all/1")

    booth.send(booth.create(2, lots=200, **taken))  # type: ignore[arg-type]  # three kinds of value

    [frame] = line.take()
    assert (frame["type"], frame["channel"]) == ("update/account_all", "account_all:1")
    [trade] = frame["trades"]["0"]
    assert trade["maker_position_size_before"] == "0.0100"
    assert (trade["bid_client_id"], trade["size"]) == (77, "0.0200")
    assert frame["positions"]["0"]["position"] == "0.0300"
    assert "bid_account_pnl" not in trade


def test_an_update_of_the_account_holds_only_what_changed() -> None:
    booth = Booth()
    booth.send(booth.create(1, is_ask=False, price_ticks=643_515, lots=100, market_id=1))
    booth.send(
        booth.create(2, is_ask=True, price_ticks=643_515, lots=100, market_id=1, time_in_force=IOC)
    )
    booth.rest_order(9, is_ask=True, price_ticks=TOUCH)
    line = watching(booth, "account_all/1")

    booth.send(booth.create(1, is_ask=False, price_ticks=TOUCH, lots=100))

    [update] = line.take()
    assert set(update["positions"]) == {"0"}
    whole = booth.line().subscribe("account_all/1")
    assert set(whole["positions"]) == {"0", "1"}


def test_the_positions_channel_is_whole_and_a_flat_market_is_missing() -> None:
    booth = Booth()
    booth.send(booth.create(1, is_ask=False, price_ticks=TOUCH))
    line = watching(booth, "account_all_positions/1")
    booth.send(booth.create(2, is_ask=True, price_ticks=TOUCH, time_in_force=IOC))
    [opened] = line.take()
    booth.rest_order(9, is_ask=False, price_ticks=TOUCH)

    booth.send(booth.create(1, is_ask=True, price_ticks=TOUCH, time_in_force=IOC))

    [closed] = line.take()
    assert opened["positions"]["0"]["position"] == "0.0500"
    assert closed["positions"] == {}


def test_orders_of_one_market_go_to_that_markets_channels_only() -> None:
    booth = Booth()
    token = booth.token(1)
    line = booth.line()
    for channel in ("account_orders/0/1", "account_orders/1/1", "account_market/0/1"):
        line.subscribe(channel, token)

    booth.send(booth.create(1, is_ask=False, price_ticks=TOUCH))

    frames = {frame["channel"]: frame for frame in line.take()}
    assert set(frames) == {"account_orders:0:1", "account_market:0:1"}
    [order] = frames["account_orders:0:1"]["orders"]["0"]
    assert frames["account_market:0:1"]["orders"] == [order]
    assert frames["account_orders:0:1"]["nonce"] == order["nonce"]


def test_a_snapshot_of_orders_lists_the_open_ones_and_updates_tell_the_end() -> None:
    booth = Booth()
    booth.send(booth.create(1, is_ask=False, price_ticks=TOUCH, client_order_index=5))
    line = booth.line()
    snapshot = line.subscribe("account_all_orders/1", booth.token(1))

    booth.send(booth.cancel(1, 5))

    [update] = line.take()
    assert snapshot["orders"]["0"][0]["status"] == "open"
    assert update["orders"]["0"][0]["status"] == "canceled"


def test_the_trades_channel_replays_history_first() -> None:
    booth = Booth()
    booth.send(booth.create(1, is_ask=False, price_ticks=TOUCH))
    booth.send(booth.create(2, is_ask=True, price_ticks=TOUCH, time_in_force=IOC))

    snapshot = booth.line().subscribe("account_all_trades/1", booth.token(1))

    [trade] = snapshot["trades"]["0"]
    assert (trade["bid_account_id"], trade["size"]) == (1, "0.0500")
    assert snapshot["total_volume"] == 118.0655


def test_public_trades_go_out_at_once() -> None:
    booth = Booth()
    booth.rest_order(9, is_ask=False, price_ticks=TOUCH)
    line = booth.line()
    line.subscribe("trade/0")

    booth.send(booth.create(1, is_ask=True, price_ticks=TOUCH, time_in_force=IOC))

    [frame] = line.take()
    assert frame["type"] == "update/trade"
    assert [trade["size"] for trade in frame["trades"]] == ["0.0500"]


def test_the_book_is_gathered_for_fifty_milliseconds() -> None:
    booth = Booth()
    line = booth.line()
    line.subscribe("order_book/0")
    line.subscribe("ticker/0")

    booth.rest_order(9, is_ask=False, price_ticks=TOUCH)
    booth.pass_ms(20)
    booth.rest_order(9, is_ask=False, price_ticks=TOUCH - 1)
    booth.pass_ms(29)
    early = line.take()
    booth.pass_ms(1)

    book, ticker = line.take()
    assert early == []
    assert [level["price"] for level in book["order_book"]["bids"]] == ["2361.31", "2361.30"]
    assert ticker["ticker"]["b"] == {"price": "2361.31", "size": "0.0500"}
    assert ticker["ticker"]["a"] == {"price": "", "size": ""}


def test_a_level_that_is_gone_is_told_with_a_size_of_zero() -> None:
    booth = Booth(book_batch_us=0)
    index = booth.rest_order(9, is_ask=True, price_ticks=TOUCH)
    line = booth.line()
    line.subscribe("order_book/0")

    booth.gateway.publish(booth.exchange.cancel_direct(9, index, now_us=booth.clock.us))

    [update] = line.take()
    assert update["order_book"]["asks"] == [{"price": "2361.31", "size": "0.0000"}]


def test_the_ticker_is_silent_while_the_best_prices_stay() -> None:
    booth = Booth(book_batch_us=0)
    booth.rest_order(9, is_ask=False, price_ticks=TOUCH)
    line = booth.line()
    line.subscribe("ticker/0")
    booth.rest_order(9, is_ask=False, price_ticks=TOUCH + 1)
    assert len(line.take()) == 1

    booth.rest_order(9, is_ask=False, price_ticks=TOUCH - 9)

    assert line.take() == []


@settings(max_examples=30, deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.booleans(),
            st.integers(TOUCH - 8, TOUCH + 8),
            st.integers(50, 300),
            st.sampled_from([0, 10, 60]),
            st.booleans(),
        ),
        max_size=25,
    )
)
def test_whoever_follows_the_chain_holds_the_same_book(
    steps: list[tuple[bool, int, int, int, bool]],
) -> None:
    booth = Booth()
    followers = [Follower(booth)]
    for is_ask, price_ticks, lots, wait_ms, joins in steps:
        booth.rest_order(9, is_ask=is_ask, price_ticks=price_ticks, lots=lots)
        booth.pass_ms(wait_ms)
        if joins:
            followers.append(Follower(booth))
    booth.pass_ms(60)

    fresh = Follower(booth)
    for follower in followers:
        follower.follow()
        assert follower.sides == fresh.sides
        assert follower.nonce == fresh.nonce


class Follower:
    """Keeps a book as a client does: a snapshot, then updates whose nonces link."""

    def __init__(self, booth: Booth) -> None:
        self.line = booth.line()
        snapshot = self.line.subscribe("order_book/0")["order_book"]
        self.nonce = snapshot["nonce"]
        self.sides: dict[str, dict[str, str]] = {"asks": {}, "bids": {}}
        self._apply(snapshot)

    def follow(self) -> None:
        for frame in self.line.take():
            update = frame["order_book"]
            assert update["begin_nonce"] == self.nonce, "a gap in the chain"
            self.nonce = update["nonce"]
            self._apply(update)

    def _apply(self, book: dict[str, Any]) -> None:
        for side, levels in self.sides.items():
            for level in book[side]:
                if float(level["size"]) == 0:
                    levels.pop(level["price"], None)
                else:
                    levels[level["price"]] = level["size"]


def test_market_statistics_come_once_a_second_if_they_changed() -> None:
    booth = Booth()
    line = booth.line()
    line.subscribe("market_stats/0")
    line.subscribe("market_stats/all")
    booth.pass_ms(1_000)
    line.take()

    booth.pass_ms(3_000)
    quiet = line.take()
    booth.exchange.set_index_price(0, TOUCH + 100, now_us=booth.clock.us)
    booth.pass_ms(1_000)

    one, every = line.take()
    assert quiet == []
    assert one["market_stats"]["index_price"] == "2362.31"
    assert every["channel"] == "market_stats:all"
    assert every["market_stats"]["0"] == one["market_stats"]


def test_a_frame_is_encoded_once_for_all_its_listeners() -> None:
    booth = Booth()
    heard: list[list[bytes]] = [[], [], []]
    for frames in heard:
        session = booth.gateway.open_session(frames.append, lambda code, reason: None)
        session.begin('{"type":"subscribe","channel":"trade/0"}')
    booth.rest_order(9, is_ask=False, price_ticks=TOUCH)

    booth.rest_order(8, is_ask=True, price_ticks=TOUCH)

    first, second, third = (frames[-1] for frames in heard)
    assert json.loads(first)["type"] == "update/trade"
    assert first is second is third


def test_an_account_that_trades_with_another_of_the_same_session_is_told_in_order() -> None:
    booth = Booth()
    token = {1: booth.token(1), 2: booth.token(2)}
    line = booth.line()
    for account_index in (1, 2):
        for name in ("account_all_orders", "account_all_trades", "account_all_positions"):
            line.subscribe(f"{name}/{account_index}", token[account_index])
    line.say(tx_frame(booth.create(1, is_ask=False, price_ticks=TOUCH)))

    line.say(tx_frame(booth.create(2, is_ask=True, price_ticks=TOUCH, time_in_force=IOC)))
    booth.send(booth.create(1, is_ask=False, price_ticks=TOUCH))
    line.take()
    booth.send(booth.create(2, is_ask=True, price_ticks=TOUCH, time_in_force=IOC))

    kinds = [kind.removeprefix("update/account_all_") for kind in line.types()]
    assert kinds == ["orders"] * 2 + ["trades"] * 2 + ["positions"] * 2


def test_a_profit_is_told_to_its_owner_only() -> None:
    booth = Booth()
    booth.send(booth.create(1, is_ask=False, price_ticks=TOUCH))
    booth.send(booth.create(2, is_ask=True, price_ticks=TOUCH, time_in_force=IOC))
    booth.rest_order(9, is_ask=False, price_ticks=TOUCH + 100)
    line = watching(booth, "account_all_trades/1", "account_all/1")

    booth.send(booth.create(1, is_ask=True, price_ticks=TOUCH, time_in_force=IOC))

    own, public = line.take()
    assert own["trades"]["0"][0]["ask_account_pnl"] == "0.050000"
    assert "ask_account_pnl" not in public["trades"]["0"][0]
