"""The client against the paper exchange: in one process and virtual time, and over sockets."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

from hedgepair_runner.clock import Clock, SystemClock
from hedgepair_runner.orders import (
    Accepted,
    Ambiguous,
    Refused,
    Side,
    TimeInForce,
    VerdictState,
)
from hedgepair_runner.venues.lighter.aiohttp_transport import AiohttpTransport, Endpoints
from hedgepair_runner.venues.lighter.client import LighterVenue, VenueParts
from hedgepair_runner.venues.lighter.limiting import UNLIMITED, Limiter
from hedgepair_runner.venues.lighter.signer import NativeSigner
from hedgepair_runner.venues.lighter.transport import Transport
from hedgepair_runner.venues.paper import keys
from hedgepair_runner.venues.paper.assembly import ExchangeOptions, assemble, serve
from hedgepair_runner.venues.paper.faults import Fate, Faults, Outcome, RestFate
from hedgepair_runner.venues.paper.gateway import Gateway
from hedgepair_runner.venues.paper.gateway_settings import Checking, GatewaySettings
from hedgepair_runner.venues.paper.inprocess import InProcessTransport, LoopClock, drive
from hedgepair_runner.venues.paper.paper_signer import PaperSigner
from hedgepair_runner.venues.venue import (
    Lane,
    OrderRequest,
    OrdersSeen,
    PositionsSeen,
    Signer,
    StreamDown,
    StreamUp,
    TradesSeen,
    Venue,
    VenueEvent,
    VerdictsSeen,
)
from tests.venue.scripted import in_virtual_time

A, B, KEY, CHAIN, SEED = 1001, 1002, 4, 300, "7"
_Event = TypeVar("_Event", bound=VenueEvent)
Scenario = Callable[["Pair"], Coroutine[Any, Any, None]]


class Pair:
    """A maker on A and a hedger on B that watches A, each with all events it was told."""

    def __init__(self, maker: LighterVenue, hedger: LighterVenue, *, clock: Clock) -> None:
        self.maker = maker
        self.hedger = hedger
        self.clock = clock
        self.gateway: Gateway | None = None
        self.transport: InProcessTransport | None = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        await self.maker.open()
        await self.hedger.open()
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(venue.run()) for venue in (self.maker, self.hedger)]
            try:
                for venue in (self.maker, self.hedger):
                    for _ in range(2):
                        await told(venue, StreamUp)
                yield
            finally:
                for task in running:
                    task.cancel()

    def order(self, client_index: int, side: Side, size_lots: int, price: int) -> OrderRequest:
        return OrderRequest(
            market_id=0,
            client_order_index=client_index,
            side=side,
            size_lots=size_lots,
            price_ticks=price,
            time_in_force=TimeInForce.POST_ONLY,
            expiry_ms=self.clock.wall_ms() + 3_600_000,
        )


async def told(
    venue: LighterVenue, kind: type[_Event], when: Callable[[_Event], bool] | None = None
) -> _Event:
    """The next event of this kind, and of this sort, that the venue tells."""
    async with asyncio.timeout(10):
        while True:
            event = await venue.events.get()
            if isinstance(event, kind) and (when is None or when(event)):
                return event


def is_news(event: OrdersSeen | TradesSeen) -> bool:
    return not event.is_snapshot


def _venue(signer: Signer, transport: Transport, clock: Clock, *watched: int) -> LighterVenue:
    parts = VenueParts(
        transport=transport, clock=clock, rng=random.Random(1), limiter=Limiter(UNLIMITED)
    )
    return LighterVenue(signer, parts, symbols=["ETH"], watched=watched)


def virtually(
    scenario: Scenario, *, latency_s: float = 0.001, faults: Faults | None = None
) -> None:
    async def main() -> None:
        clock = LoopClock()
        settings = GatewaySettings(checking=Checking.OFF)
        gateway = assemble(ExchangeOptions(seed=SEED, gateway=settings), clock=clock)
        transport = InProcessTransport(gateway, latency_s=latency_s, faults=faults)
        signers = [
            PaperSigner(account_index=account, api_key_index=KEY, chain_id=CHAIN, clock=clock)
            for account in (A, B)
        ]
        pair = Pair(
            _venue(signers[0], transport, clock),
            _venue(signers[1], transport, clock, A),
            clock=clock,
        )
        pair.gateway, pair.transport = gateway, transport
        time_task = asyncio.create_task(drive(gateway))
        try:
            async with pair.running():
                await scenario(pair)
        finally:
            time_task.cancel()
            await transport.close()

    in_virtual_time(main())


def over_sockets(scenario: Scenario) -> None:
    async def main() -> None:
        settings = GatewaySettings(checking=Checking.OFF)
        async with serve(ExchangeOptions(seed=SEED, gateway=settings)) as server:
            endpoints = Endpoints(rest_url=server.url, ws_url=server.ws_url, chain_id=CHAIN)
            signers = [
                NativeSigner(
                    account_index=account,
                    api_key_index=KEY,
                    private_key=keys.private_hex(keys.private_key(SEED, account, KEY)),
                    chain_id=CHAIN,
                )
                for account in (A, B)
            ]
            transports = [AiohttpTransport(endpoints) for _ in signers]
            clock = SystemClock()
            pair = Pair(
                _venue(signers[0], transports[0], clock),
                _venue(signers[1], transports[1], clock, A),
                clock=clock,
            )
            try:
                async with pair.running():
                    await scenario(pair)
            finally:
                await pair.maker.close()
                await pair.hedger.close()

    asyncio.run(main())


async def quote_fill_and_cancel(pair: Pair) -> None:
    """A rests two orders, B takes part of one, A cancels the other; then everything is read."""
    maker, hedger = pair.maker, pair.hedger
    price = 230_000
    nonce = await maker.read_next_nonce()
    fence = maker.signer.cancel_all(market_id=0, nonce=(1 << 20) + nonce, skip_nonce=True)
    assert isinstance(await maker.send(fence, lane=Lane.CANCEL), Accepted)
    verdict = await told(maker, VerdictsSeen, lambda e: e.verdicts[0].tx_hash == fence.tx_hash)
    assert verdict.verdicts[0].state is not VerdictState.FAILED
    nonce = await maker.read_next_nonce()
    assert nonce == fence.nonce + 1

    for step, side_price in enumerate((price, price - 100)):
        quote = maker.signer.create(
            pair.order(11 + step, Side.BUY, 100, side_price), nonce=nonce + step
        )
        assert isinstance(await maker.send(quote, lane=Lane.QUOTE), Accepted)
    resting = await told(maker, OrdersSeen, lambda e: is_news(e) and e.orders[0].status == "open")
    assert resting.orders[0].client_order_index == 11
    while (book := hedger.book(0)) is None or len(book.bids) < 2:
        await asyncio.sleep(0.01)
    assert [level.price_ticks for level in book.bids] == [price, price - 100]

    taker = OrderRequest(
        market_id=0,
        client_order_index=21,
        side=Side.SELL,
        size_lots=60,
        price_ticks=price,
        time_in_force=TimeInForce.IOC,
    )
    hedge = hedger.signer.create(taker, nonce=await hedger.read_next_nonce())
    assert isinstance(await hedger.send(hedge, lane=Lane.HEDGE), Accepted)

    fill = (await told(maker, TradesSeen, is_news)).trades[0]
    assert (fill.account_index, fill.signed_lots, fill.is_maker) == (A, 60, True)
    assert (fill.before_lots, fill.client_order_index, fill.price_ticks) == (0, 11, price)
    assert A in {
        (await told(hedger, TradesSeen, is_news)).account_index,
        (await told(hedger, TradesSeen, is_news)).account_index,
    }
    await told(maker, PositionsSeen, lambda e: e.positions_lots.get(0) == 60)

    cancel = maker.signer.cancel(market_id=0, order_index=12, nonce=nonce + 2)
    assert isinstance(await maker.send(cancel, lane=Lane.CANCEL), Accepted)
    gone = await told(maker, OrdersSeen, lambda e: is_news(e) and e.orders[0].is_terminal)
    assert gone.orders[0].client_order_index == 12

    await _read_everything(pair, fill_id=fill.trade_id, tx_hash=cancel.tx_hash)


async def _read_everything(pair: Pair, *, fill_id: int, tx_hash: str) -> None:
    maker, hedger = pair.maker, pair.hedger
    assert (await maker.read_account(A)).positions_lots[0] == 60
    assert (await maker.read_account(B)).positions_lots[0] == -60
    (active,) = await maker.read_active_orders(0)
    assert (active.client_order_index, active.remaining_lots) == (11, 40)
    found = await maker.read_orders([11, 12, 13])
    assert {order.client_order_index: order.is_terminal for order in found} == {11: False, 12: True}
    verdict = await maker.read_verdict(tx_hash)
    assert verdict is not None
    assert verdict.state is VerdictState.EXECUTED
    assert await maker.read_verdict("ab" * 40) is None
    (own,) = await hedger.read_own_trades(0, after_trade_id=0)
    assert (own.account_index, own.signed_lots, own.trade_id) == (B, -60, fill_id)
    assert await hedger.read_own_trades(0, after_trade_id=fill_id) == ()
    (public,) = await hedger.read_public_trades(0, A)
    assert (public.account_index, public.signed_lots) == (A, 60)
    assert await hedger.read_tape_id(0) == fill_id
    assert abs(await maker.read_wall_clock_ms() - pair.clock.wall_ms()) < 1_500
    assert maker.mark_price_ticks(0) is not None
    assert maker.user_stats is not None
    assert maker.headroom(Lane.QUOTE) > 0


def test_quotes_fills_and_reads_in_virtual_time() -> None:
    began_s = time.monotonic()

    virtually(quote_fill_and_cancel, latency_s=0.05)

    assert time.monotonic() - began_s < 60  # virtual latencies are not waited for


def test_quotes_fills_and_reads_over_real_sockets_with_the_native_signer() -> None:
    over_sockets(quote_fill_and_cancel)


def test_a_refusal_of_the_door_is_refused_with_its_code() -> None:
    async def scenario(pair: Pair) -> None:
        signed = pair.maker.signer.create(pair.order(11, Side.BUY, 100, 230_000), nonce=99)
        assert await pair.maker.send(signed, lane=Lane.QUOTE) == Refused(
            code=21104, message="invalid nonce"
        )

    virtually(scenario)


def test_after_a_cut_both_streams_come_back_with_fresh_snapshots() -> None:
    async def scenario(pair: Pair) -> None:
        quote = pair.maker.signer.create(pair.order(11, Side.BUY, 100, 230_000), nonce=1)
        assert isinstance(await pair.maker.send(quote, lane=Lane.QUOTE), Accepted)
        assert pair.transport is not None
        pair.transport.cut()
        await told(pair.maker, StreamDown)
        snapshot = await told(pair.maker, OrdersSeen, lambda e: e.is_snapshot)
        assert [order.client_order_index for order in snapshot.orders] == [11]

    virtually(scenario)


class LosesAnswers(Faults):
    """The exchange takes every transaction; no answer to one comes back."""

    def to_client(self, frame: bytes) -> Fate:
        is_answer = b'"jsonapi/sendtx"' in frame
        return Fate(outcome=Outcome.LOST if is_answer else Outcome.ARRIVES)

    def request(self, method: str, path: str) -> RestFate:
        return RestFate(is_answer_lost=path.endswith("/sendTx"))


def test_a_lost_answer_is_ambiguous_and_the_verdict_is_found_by_hash() -> None:
    async def scenario(pair: Pair) -> None:
        quote = pair.maker.signer.create(pair.order(11, Side.BUY, 100, 230_000), nonce=1)
        assert isinstance(await pair.maker.send(quote, lane=Lane.QUOTE), Ambiguous)
        verdict = await pair.maker.read_verdict(quote.tx_hash)
        assert verdict is not None
        assert verdict.state is VerdictState.EXECUTED

    virtually(scenario, faults=LosesAnswers())


class Doubles(Faults):
    def to_venue(self, frame: str) -> Fate:
        return Fate(outcome=Outcome.TWICE if "sendtx" in frame else Outcome.ARRIVES)


def test_a_doubled_transaction_is_executed_once_and_answered_by_the_first() -> None:
    async def scenario(pair: Pair) -> None:
        quote = pair.maker.signer.create(pair.order(11, Side.BUY, 100, 230_000), nonce=1)
        assert isinstance(await pair.maker.send(quote, lane=Lane.QUOTE), Accepted)
        assert len(await pair.maker.read_active_orders(0)) == 1

    virtually(scenario, faults=Doubles())


class DropsABookFrame(Faults):
    def __init__(self) -> None:
        self.lost = 0

    def to_client(self, frame: bytes) -> Fate:
        if b"update/order_book" in frame and self.lost < 2:
            self.lost += 1
            return Fate(outcome=Outcome.LOST)
        return Fate()


def test_a_lost_book_frame_is_noticed_and_the_book_made_whole() -> None:
    async def scenario(pair: Pair) -> None:
        for nonce, price in enumerate((230_000, 229_900), start=1):
            quote = pair.maker.signer.create(
                pair.order(11 + nonce, Side.BUY, 100, price), nonce=nonce
            )
            assert isinstance(await pair.maker.send(quote, lane=Lane.QUOTE), Accepted)
            await asyncio.sleep(1)
        for venue in (pair.maker, pair.hedger):
            book = venue.book(0)
            assert book is not None
            assert [level.price_ticks for level in book.bids] == [230_000, 229_900]
            assert venue.book_gaps == 1

    virtually(scenario, faults=DropsABookFrame())


def test_the_client_is_a_venue_and_the_signers_are_signers() -> None:
    async def scenario(pair: Pair) -> None:
        venue: Venue = pair.maker
        signer: Signer = venue.signer
        assert (venue.account_index, signer.api_key_index) == (A, KEY)
        # Ten quiet minutes in virtual time: pings of both sides, the exchange's idle limit.
        await asyncio.sleep(600)
        assert pair.maker.streams["account"].counts.losses == 0
        assert pair.hedger.streams["market"].counts.losses == 0

    virtually(scenario)
