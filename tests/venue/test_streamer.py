"""Streams come up after every snapshot, tell their loss, and come back; in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

import pytest

from hedgepair_runner.orders import Ambiguous, Level
from hedgepair_runner.venues.lighter.client import LighterVenue, VenueParts
from hedgepair_runner.venues.lighter.limiting import UNLIMITED, Limiter
from hedgepair_runner.venues.lighter.reconnecting import pause_s
from hedgepair_runner.venues.lighter.streamer import Streamer
from hedgepair_runner.venues.venue import (
    BookSeen,
    Lane,
    OrdersSeen,
    StreamDown,
    StreamUp,
    TradesSeen,
    VenueEvent,
    VenueRefused,
)
from tests.venue.payloads import MARKET_ROW, OTHER, OWN, TRADE_ROW, book_update, market_stats
from tests.venue.scripted import (
    FakeSigner,
    LoopTimeClock,
    ScriptedConnection,
    ScriptedTransport,
    in_virtual_time,
    signed_tx,
)


class Bench:
    def __init__(self, *, wall_clock_speed: int = 1) -> None:
        self.transport = ScriptedTransport()
        self.transport.answer(
            "/api/v1/orderBookDetails", {"code": 200, "order_book_details": [MARKET_ROW]}
        )
        self.signer = FakeSigner(OWN)
        parts = VenueParts(
            transport=self.transport,
            clock=LoopTimeClock(speed=wall_clock_speed),
            rng=random.Random(1),
            limiter=Limiter(UNLIMITED),
        )
        self.venue = LighterVenue(self.signer, parts, symbols=["ETH"], watched=[OTHER])

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        await self.venue.open()
        task = asyncio.create_task(self.venue.run())
        await asyncio.sleep(0.5)
        try:
            yield task
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def of(self, prefix: str) -> ScriptedConnection:
        """The newest connection that subscribed to such a channel."""
        return next(
            connection
            for connection in reversed(self.transport.connections)
            if any(name.startswith(prefix) for name in connection.commands("subscribe"))
        )

    @property
    def account(self) -> ScriptedConnection:
        return self.of("account_all_orders")

    @property
    def market(self) -> ScriptedConnection:
        return self.of("order_book")

    def streamer(self, name: str) -> Streamer:
        return self.venue.streams[name]

    def told(self) -> list[VenueEvent]:
        events = []
        while not self.venue.events.empty():
            events.append(self.venue.events.get_nowait())
        return events


def test_a_stream_is_up_after_all_its_snapshots() -> None:
    async def scenario() -> tuple[list[VenueEvent], Bench]:
        bench = Bench()
        async with bench.running():
            assert bench.venue.stream_age_s("account") is not None
            assert bench.venue.mark_price_ticks(0) == 200_000
            assert bench.venue.user_stats is not None
            return bench.told(), bench

    events, bench = in_virtual_time(scenario())

    assert [e for e in events if isinstance(e, StreamUp)] == [
        StreamUp(stream="account"),
        StreamUp(stream="market"),
    ] or [e for e in events if isinstance(e, StreamUp)] == [
        StreamUp(stream="market"),
        StreamUp(stream="account"),
    ]
    up = events.index(StreamUp(stream="account"))
    assert any(isinstance(event, OrdersSeen) and event.is_snapshot for event in events[:up])
    assert bench.account.commands("subscribe") == [
        f"account_all_orders/{OWN}",
        f"account_all_trades/{OWN}",
        f"account_all_positions/{OWN}",
        f"account_tx/{OWN}",
        f"user_stats/{OWN}",
        f"account_all/{OTHER}",
    ]
    tokens = [frame.get("auth") for frame in bench.account.sent if frame["type"] == "subscribe"]
    assert tokens == ["token-1"] * 5 + [None]


def test_a_stream_without_all_snapshots_is_not_up_and_is_tried_again() -> None:
    async def scenario() -> Bench:
        bench = Bench()
        bench.transport.prepare = lambda: ScriptedConnection(answers_subscriptions=False)
        async with bench.running():
            assert bench.venue.stream_age_s("account") is None
            bench.transport.prepare = ScriptedConnection
            await asyncio.sleep(15)
            return bench

    bench = in_virtual_time(scenario())

    assert bench.told().count(StreamUp(stream="account")) == 1
    assert "no snapshot of" in bench.streamer("account").counts.last_loss


def test_a_cut_is_told_with_its_reason_and_mended_at_once() -> None:
    async def scenario() -> tuple[list[VenueEvent], list[float]]:
        bench = Bench()
        async with bench.running():
            await asyncio.sleep(20)
            bench.told()
            bench.account.cut()
            await asyncio.sleep(0.01)
            assert bench.venue.stream_age_s("account") is None
            await asyncio.sleep(1)
            return bench.told(), bench.transport.connected_at_s

    events, connected_at_s = in_virtual_time(scenario())

    assert events[0] == StreamDown(stream="account", reason="cut")
    assert events[-1] == StreamUp(stream="account")
    assert 0.05 <= connected_at_s[-1] - 20.5 <= 0.25


def test_trades_of_the_watched_account_are_told() -> None:
    async def scenario() -> list[VenueEvent]:
        bench = Bench()
        async with bench.running():
            bench.told()
            bench.account.play(
                {
                    "type": "update/account_all",
                    "channel": f"account_all:{OTHER}",
                    "trades": {"0": [TRADE_ROW]},
                }
            )
            await asyncio.sleep(0.1)
            return bench.told()

    (event,) = in_virtual_time(scenario())

    assert isinstance(event, TradesSeen)
    assert (event.account_index, event.trades[0].signed_lots) == (OTHER, -5)


def test_a_book_gap_is_unknown_until_the_snapshot_that_was_asked_for() -> None:
    async def scenario() -> tuple[list[VenueEvent], Bench]:
        bench = Bench()
        async with bench.running():
            bench.market.play(book_update(10, 12, asks={"2000.00": "1.0000"}))
            await asyncio.sleep(0.1)
            book = bench.venue.book(0)
            assert book is not None
            assert book.asks == (Level(200_000, 10_000),)
            bench.told()
            bench.market.answers_subscriptions = False
            bench.market.play(book_update(13, 14, asks={}))
            await asyncio.sleep(0.1)
            assert bench.venue.book(0) is None
            bench.market.play(
                {
                    "type": "subscribed/order_book",
                    "channel": "order_book:0",
                    "order_book": {"asks": [], "bids": [], "nonce": 15, "begin_nonce": 0},
                }
            )
            await asyncio.sleep(0.1)
            assert bench.venue.book(0) is not None
            return bench.told(), bench

    events, bench = in_virtual_time(scenario())

    assert events == [BookSeen(market_id=0), BookSeen(market_id=0)]
    assert bench.market.commands("unsubscribe") == ["order_book/0"]
    assert bench.market.commands("subscribe")[-1] == "order_book/0"
    assert bench.venue.book_gaps == 1
    assert bench.streamer("market").counts.losses == 0


def test_a_snapshot_that_never_comes_after_a_gap_costs_the_connection() -> None:
    async def scenario() -> Bench:
        bench = Bench()
        async with bench.running():
            bench.market.answers_subscriptions = False
            bench.market.play(book_update(13, 14, asks={}))
            await asyncio.sleep(15)
            assert bench.venue.book(0) is not None
            return bench

    bench = in_virtual_time(scenario())

    assert bench.streamer("market").counts.losses == 1


def test_both_sides_are_kept_alive() -> None:
    async def scenario() -> Bench:
        bench = Bench()
        async with bench.running():
            for _ in range(20):
                bench.market.play(market_stats("2000.00"))
                await asyncio.sleep(5)
            bench.market.play({"type": "ping"})
            await asyncio.sleep(1)
            return bench

    bench = in_virtual_time(scenario())

    kinds = [frame["type"] for frame in bench.market.sent]
    assert kinds.count("ping") == 3  # every thirty seconds, however busy the feed
    assert kinds[-1] == "pong"
    assert bench.streamer("account").counts.losses == 0  # quiet, but it answers


def test_a_silent_venue_is_left_after_twenty_seconds() -> None:
    class Deaf(ScriptedConnection):
        async def send(self, frame: str) -> None:
            if frame != '{"type":"ping"}':
                await super().send(frame)

    async def scenario() -> tuple[list[VenueEvent], float]:
        bench = Bench()
        bench.transport.prepare = Deaf
        async with bench.running():
            bench.told()
            while not (events := bench.told()):
                await asyncio.sleep(0.1)
            return events, asyncio.get_running_loop().time()

    events, now_s = in_virtual_time(scenario())

    assert isinstance(events[0], StreamDown)
    assert events[0].reason == "silent for 20 s"
    assert 20 <= now_s <= 22


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("{", "malformed frame: account: (whole): a frame that is no JSON", id="JSON"),
        pytest.param(
            f'{{"type":"update/account_all_orders","channel":"account_all_orders:{OWN}"}}',
            f"malformed frame: account_all_orders:{OWN}: orders: expected an object, found nothing",
            id="orders",
        ),
        pytest.param('{"type":"shutdown","close_in_ms":5}', "the venue announced", id="shutdown"),
        pytest.param(
            '{"error":{"code":30009,"message":"Too Many"}}', "the venue answered 30009", id="30009"
        ),
    ],
)
def test_a_stream_that_cannot_be_believed_is_replaced(text: str, reason: str) -> None:
    async def scenario() -> list[VenueEvent]:
        bench = Bench()
        async with bench.running():
            bench.told()
            bench.account.play_text(text)
            await asyncio.sleep(1)
            return bench.told()

    events = in_virtual_time(scenario())

    assert isinstance(events[0], StreamDown)
    assert events[0].reason.startswith(reason)
    assert events[-1] == StreamUp(stream="account")


def test_a_channel_that_is_refused_for_good_ends_the_run() -> None:
    async def scenario() -> None:
        bench = Bench()
        async with bench.running() as task:
            bench.account.play({"error": {"code": 21109, "message": "api key not found"}})
            await task

    with pytest.raises(VenueRefused, match="api key not found"):
        in_virtual_time(scenario())


def test_a_venue_that_drops_every_connection_is_not_stormed() -> None:
    class Flaky(ScriptedConnection):
        async def send(self, frame: str) -> None:
            self.cut()

    async def scenario() -> list[float]:
        bench = Bench()
        bench.transport.prepare = Flaky
        async with bench.running():
            await asyncio.sleep(60)
            return bench.transport.connected_at_s

    assert len(in_virtual_time(scenario())) < 2 * 15  # two streams


def test_the_first_pause_is_short_and_none_is_long() -> None:
    for chance in (0.0, 0.5, 0.999):
        assert all(0.05 <= pause_s(attempt, chance=chance) <= 0.2 for attempt in (0, 1))
        assert all(0.5 <= pause_s(attempt, chance=chance) <= 20 for attempt in range(2, 60))


def test_tokens_are_renewed_at_half_life_without_a_loss() -> None:
    async def scenario() -> tuple[Bench, list[VenueEvent]]:
        bench = Bench(wall_clock_speed=60)
        async with bench.running():
            bench.told()
            await asyncio.sleep(4 * 60)
            return bench, bench.told()

    bench, events = in_virtual_time(scenario())

    last = [frame for frame in bench.account.sent if frame["type"] == "subscribe"][-1]
    assert last["auth"] == "token-2"
    assert len(bench.account.commands("unsubscribe")) == 5
    assert not any(isinstance(event, StreamDown | StreamUp) for event in events)
    assert bench.streamer("account").counts.connects == 1


def test_transactions_go_over_the_account_stream_and_are_ambiguous_when_it_drops() -> None:
    async def scenario() -> tuple[object, object]:
        bench = Bench()
        async with bench.running():
            first = asyncio.create_task(bench.venue.send(signed_tx(1), lane=Lane.HEDGE))
            await asyncio.sleep(0.01)
            request_id = bench.account.sent[-1]["data"]["id"]
            bench.account.play(
                {"error": {"code": 21104, "message": "invalid nonce", "id": request_id}}
            )
            refused = await first
            second = asyncio.create_task(bench.venue.send(signed_tx(1), lane=Lane.HEDGE))
            await asyncio.sleep(0.01)
            bench.account.cut()
            return refused, await second

    refused, lost = in_virtual_time(scenario())

    assert getattr(refused, "code", None) == 21104
    assert lost == Ambiguous(reason="cut")


def test_a_market_that_the_venue_does_not_have_is_refused_at_once() -> None:
    bench = Bench()
    bench.transport.answers.clear()
    bench.transport.answer("/api/v1/orderBookDetails", {"code": 200, "order_book_details": []})

    with pytest.raises(VenueRefused, match="no perpetual market ETH"):
        in_virtual_time(_opened(bench))


async def _opened(bench: Bench) -> None:
    await bench.venue.open()
