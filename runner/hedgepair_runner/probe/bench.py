"""One account under probe: sends one transaction at a time and sees what becomes of it.

Nothing is ever sent again under another identity while its outcome is unknown (design §4.3): the
probe stops there instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from hedgepair_runner.clock import Clock
from hedgepair_runner.contract.identity import PairId, Role, client_order_index
from hedgepair_runner.orders import (
    Accepted,
    AccountTrade,
    Ambiguous,
    OwnOrder,
    Refused,
    SendResult,
    Side,
    SignedTx,
    TimeInForce,
    Verdict,
    VerdictState,
)
from hedgepair_runner.probing import INVALID_NONCE, Outcome
from hedgepair_runner.units import Market
from hedgepair_runner.venues.lighter.sender import HELD_BACK
from hedgepair_runner.venues.venue import (
    Lane,
    OrderRequest,
    OrdersSeen,
    Signer,
    StreamUp,
    TradesSeen,
    Venue,
    VenueUnavailable,
    VerdictsSeen,
)

VERDICT_WITHIN_S = 20.0
ASK_EVERY_S = 2.0
NEWS_WITHIN_S = 8.0
PATIENCE_S = 90.0
"""A Standard account's budget is one rolling minute (protocol §8)."""
TELL_EVERY_S = 20.0
QUOTE_LIFE_MS = 15 * 60_000
"""An order that the probe leaves behind by a crash dies by itself."""
FAR_PER_CENT = 3
"""How far from the touch orders rest that are not meant to fill."""
STREAMS = 2
Answer = TypeVar("Answer")


class ProbeStopped(Exception):
    """The probe cannot go on; the message says why and what to do. It tidies up all the same."""


class Bench:
    def __init__(
        self,
        venue: Venue,
        *,
        role: Role,
        pair: PairId,
        market: Market,
        other: Market | None,
        clock: Clock,
    ) -> None:
        """`other` is a second market of the venue, whose orders must be left alone."""
        self.venue = venue
        self.role = role
        self.market = market
        self.other = other
        self.clock = clock
        self.nonce = 0
        self.orders: dict[int, OwnOrder] = {}
        self.trades: dict[int, AccountTrade] = {}
        self.stale_s: list[tuple[str, float]] = []
        self.holds_lease: Callable[[], bool] = lambda: True
        self.is_interrupted: Callable[[], bool] = lambda: False
        """Asked before each transaction; whoever tidies up asks only for the lease."""
        self.tell: Callable[[str], None] = lambda words: None
        """Given a line when a step has to wait for long."""
        self.has_armed = False
        """The dead man's switch, and not disarmed it yet."""
        self._told_s = float("-inf")
        self._indexes: set[int] = set()
        self._pair = pair
        self._verdicts: dict[str, Verdict] = {}
        self._up: set[str] = set()
        self._news = asyncio.Event()

    @property
    def account_index(self) -> int:
        return self.venue.account_index

    @property
    def signer(self) -> Signer:
        return self.venue.signer

    def index_of(self, nonce: int) -> int:
        """Client order indexes that a runner of this pair knows as its own, should one be left."""
        index = client_order_index(self.role, self._pair, nonce)
        self._indexes.add(index)
        return index

    # -- what the venue tells --

    async def listen(self) -> None:
        """Until cancelled."""
        while True:
            event = await self.venue.events.get()
            if isinstance(event, VerdictsSeen):
                self._verdicts.update((each.tx_hash, each) for each in event.verdicts)
            elif isinstance(event, OrdersSeen):
                self.orders.update((order.client_order_index, order) for order in event.orders)
            elif isinstance(event, TradesSeen) and event.account_index == self.account_index:
                self.trades.update((trade.trade_id, trade) for trade in event.trades)
            elif isinstance(event, StreamUp):
                self._up.add(event.stream)
            self._news.set()

    async def ready(self) -> None:
        """Both streams are up and the next nonce is known. Raises ProbeStopped."""
        if not await self.until(lambda: len(self._up) == STREAMS, within_s=PATIENCE_S):
            raise ProbeStopped("the exchange's streams did not come up; try again")
        self.nonce = await self.read(self.venue.read_next_nonce)

    async def until(self, holds: Callable[[], object], *, within_s: float = NEWS_WITHIN_S) -> bool:
        """Waits for news until it holds; False when it did not in time."""
        try:
            async with asyncio.timeout(within_s):
                while not holds():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return bool(holds())
        return True

    # -- reads --

    async def read(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """Asks until the venue answers. Raises ProbeStopped when it does not for long."""
        deadline_s = self.clock.boot_s() + PATIENCE_S
        while True:
            try:
                return await ask()
            except VenueUnavailable as gone:
                if self.clock.boot_s() > deadline_s:
                    raise ProbeStopped(f"the exchange does not answer: {gone}") from gone
                self._tell_waiting(str(gone))
                await asyncio.sleep(ASK_EVERY_S)

    async def until_shown(
        self,
        endpoint: str,
        ask: Callable[[], Awaitable[Answer]],
        shows: Callable[[Answer], bool],
        *,
        times: int = 2,
    ) -> Answer:
        """Reads until the answer shows what is known to have happened, so often running, and notes
        for how long it did not. The last answer, also when it never came to show it."""
        since_s = self.clock.boot_s()
        stale_s, fresh = 0.0, 0
        while True:
            sent_s = self.clock.boot_s()
            answer = await self.read(ask)
            if shows(answer):
                fresh += 1
            else:
                stale_s, fresh = sent_s - since_s, 0
            if fresh == times or sent_s - since_s > NEWS_WITHIN_S:
                self.stale_s.append((endpoint, stale_s))
                return answer
            await asyncio.sleep(0.2)

    async def position_lots(self) -> int:
        account = await self.read(lambda: self.venue.read_account(self.account_index))
        return account.positions_lots.get(self.market.market_id, 0)

    async def resting(self, market: Market) -> tuple[OwnOrder, ...]:
        return await self.read(lambda: self.venue.read_active_orders(market.market_id))

    def _tell_waiting(self, why: str) -> None:
        now_s = self.clock.boot_s()
        if now_s - self._told_s >= TELL_EVERY_S:
            self._told_s = now_s
            self.tell(f"      … waiting: {why}")

    # -- transactions --

    async def act(self, sign: Callable[[int], SignedTx]) -> Outcome:
        """Signs at the next nonce and sends; a refusal leaves the nonce to the next one."""
        outcome = await self.submit(sign(self.nonce))
        if outcome.refused == 0:
            self.nonce += 1
        elif outcome.refused == INVALID_NONCE:
            await self.resync()
        return outcome

    async def submit(self, signed: SignedTx) -> Outcome:
        """Sends these bytes and waits for their verdict. Raises ProbeStopped when none comes."""
        return await self.outcome_of(signed, await self.hand_over(signed))

    async def hand_over(self, signed: SignedTx) -> SendResult:
        """Waits while our own rate limiter holds it back: nothing left this process then.

        Raises ProbeStopped instead of sending without the lease, or against a person's wish."""
        if not self.holds_lease():
            raise ProbeStopped("another process holds this account's lease now, or Redis is gone")
        if self.is_interrupted():
            raise ProbeStopped("interrupted")
        deadline_s = self.clock.boot_s() + PATIENCE_S
        while True:
            result = await self.venue.send(signed, lane=Lane.CANCEL)
            held_back = isinstance(result, Refused) and result.code == HELD_BACK
            if not held_back or self.clock.boot_s() > deadline_s:
                return result
            self._tell_waiting("the request budget of the account is spent for this minute")
            await asyncio.sleep(ASK_EVERY_S)

    async def outcome_of(self, signed: SignedTx, result: SendResult) -> Outcome:
        if isinstance(result, Refused):
            return Outcome(refused=result.code, error=result.message)
        verdict = await self._verdict(signed, within_s=VERDICT_WITHIN_S)
        if verdict is not None:
            return Outcome(verdict=verdict.state, error=verdict.error)
        if isinstance(result, Accepted):
            return Outcome()
        reason = result.reason if isinstance(result, Ambiguous) else "no answer"
        raise ProbeStopped(
            f"the exchange's answer to a transaction was lost ({reason}) and it is not known by "
            "its hash; nothing more is sent on top of it. Run the probe again in ten minutes."
        )

    async def was_executed(self, signed: SignedTx) -> bool:
        """By the transaction's own hash, now."""
        verdict = await self.read(lambda: self.venue.read_verdict(signed.tx_hash))
        return verdict is not None and verdict.state is VerdictState.EXECUTED

    async def _verdict(self, signed: SignedTx, *, within_s: float) -> Verdict | None:
        deadline_s = self.clock.boot_s() + within_s
        while True:
            if await self.until(lambda: self._is_judged(signed), within_s=ASK_EVERY_S):
                return self._verdicts[signed.tx_hash]
            found = await self.read(lambda: self.venue.read_verdict(signed.tx_hash))
            if found is not None and found.state is not VerdictState.PENDING:
                return found
            if self.clock.boot_s() > deadline_s:
                return None

    def _is_judged(self, signed: SignedTx) -> bool:
        verdict = self._verdicts.get(signed.tx_hash)
        return verdict is not None and verdict.state is not VerdictState.PENDING

    async def resync(self) -> None:
        """After a 21104: what the venue expects, by two agreeing reads a second apart."""
        first = await self.read(self.venue.read_next_nonce)
        while True:
            await asyncio.sleep(1.0)
            second = await self.read(self.venue.read_next_nonce)
            if first == second:
                self.nonce = second
                return
            first = second

    # -- orders --

    def far_order(self, market: Market, index: int, *, lots: int | None = None) -> OrderRequest:
        """The smallest post-only buy, too far from the touch to fill. Raises ProbeStopped."""
        book = self.venue.book(market.market_id)
        if book is None or not book.bids:
            raise ProbeStopped(f"the {market.symbol} book is empty or unknown; try again")
        price_ticks = max(1, book.bids[0].price_ticks * (100 - FAR_PER_CENT) // 100)
        return OrderRequest(
            market_id=market.market_id,
            client_order_index=index,
            side=Side.BUY,
            size_lots=lots or market.smallest_resting_lots(price_ticks),
            price_ticks=price_ticks,
            time_in_force=TimeInForce.POST_ONLY,
            expiry_ms=self.clock.wall_ms() + QUOTE_LIFE_MS,
        )

    async def place_far(self, market: Market, index: int | None = None) -> tuple[int, Outcome]:
        """Rests such an order; its client order index, and what became of it."""
        wanted = self.index_of(self.nonce) if index is None else index
        order = self.far_order(market, wanted)
        outcome = await self.act(lambda nonce: self.signer.create(order, nonce=nonce))
        if outcome.is_executed:
            await self.until(lambda: wanted in self.orders)
        return wanted, outcome

    async def cancel(self, market: Market, index: int) -> Outcome:
        outcome = await self.act(
            lambda nonce: self.signer.cancel(
                market_id=market.market_id, order_index=index, nonce=nonce
            )
        )
        await self.until(lambda: self.has_ended(index), within_s=NEWS_WITHIN_S)
        return outcome

    async def cancel_all(self, market: Market) -> Outcome:
        return await self.act(
            lambda nonce: self.signer.cancel_all(
                market_id=market.market_id, nonce=nonce, skip_nonce=False
            )
        )

    def has_ended(self, index: int) -> bool:
        order = self.orders.get(index)
        return order is not None and order.is_terminal

    @property
    def made(self) -> dict[int, AccountTrade]:
        """The probe's own trades, by id; channels replay older ones, too (protocol §6.5)."""
        return {
            trade_id: trade
            for trade_id, trade in self.trades.items()
            if trade.client_order_index in self._indexes
        }

    def trades_of(self, index: int) -> tuple[AccountTrade, ...]:
        return tuple(trade for trade in self.trades.values() if trade.client_order_index == index)
