"""The steps of a probe on one account: each does one small thing and says what it saw.

Every step begins and ends with no order of the probe resting; what a step trades it trades back,
but for what `tidying` restores at the end.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from hedgepair_runner.contract.identity import NONCE_BITS
from hedgepair_runner.orders import (
    Accepted,
    AccountRead,
    AccountTrade,
    OwnOrder,
    Side,
    TimeInForce,
    VerdictState,
)
from hedgepair_runner.probe.bench import Bench, ProbeStopped
from hedgepair_runner.probing import (
    TOO_SMALL,
    BeforeSeen,
    CancelAllSeen,
    DustSeen,
    FailureSeen,
    FencingSeen,
    IndexSeen,
    NoncesSeen,
    Outcome,
    SwitchSeen,
)
from hedgepair_runner.units import BPS
from hedgepair_runner.venues.venue import OrderRequest

SOON_MS = 10 * 60_000
"""The dead man's switch is armed so far ahead (the least is five minutes) and aborted at once."""
SLIPPAGE_BPS = 50
TRIES = 3
SHORT_EXPIRY_MS = 60_000
"""Refused by every market: the least is five minutes (protocol §7.6)."""


async def try_fencing(bench: Bench) -> FencingSeen:
    """Signs one transaction at the next nonce, holds it back, fences, and sends it then."""
    market_id = bench.market.market_id
    late = bench.signer.cancel_all(market_id=market_id, nonce=bench.nonce, skip_nonce=False)
    first = ((bench.nonce >> NONCE_BITS) + 1) << NONCE_BITS
    fence = await bench.submit(
        bench.signer.cancel_all(market_id=market_id, nonce=first, skip_nonce=True)
    )
    if not fence.is_executed:
        return FencingSeen(fence=fence)
    bench.nonce = first + 1
    outcome = await bench.submit(late)
    after = await bench.cancel_all(bench.market)
    if outcome.refused and await bench.was_executed(late):
        outcome = Outcome(verdict=VerdictState.EXECUTED)
    return FencingSeen(fence=fence, late=outcome, after=after)


async def try_nonces(bench: Bench) -> NoncesSeen:
    """An order that is refused, one that is right at the same nonce, and its bytes once more."""
    nonce = bench.nonce
    index = bench.index_of(nonce)
    good = bench.far_order(bench.market, index)
    wrong = replace(good, expiry_ms=bench.clock.wall_ms() + SHORT_EXPIRY_MS)
    bad = await bench.submit(bench.signer.create(wrong, nonce=nonce))
    if bad.refused == 0:
        bench.nonce += 1
        return NoncesSeen(bad=bad, replacement=Outcome())
    signed = bench.signer.create(good, nonce=nonce)
    replacement = await bench.submit(signed)
    if replacement.refused:
        await bench.resync()
        return NoncesSeen(bad=bad, replacement=replacement)
    bench.nonce = nonce + 1
    again = await bench.submit(signed)
    await bench.cancel(bench.market, index)
    return NoncesSeen(bad=bad, replacement=replacement, again=again)


async def try_failure(bench: Bench) -> FailureSeen:
    """An order and two cancels of it at once: the second finds nothing when its turn comes.

    On an exchange without delay it is refused at the door instead, and there is nothing to see.
    """
    first = bench.nonce
    index = bench.index_of(first)
    market_id = bench.market.market_id
    order = bench.signer.create(bench.far_order(bench.market, index), nonce=first)
    cancels = [
        bench.signer.cancel(market_id=market_id, order_index=index, nonce=first + 1 + place)
        for place in range(2)
    ]
    signed = (order, *cancels)
    results = await asyncio.gather(*(bench.hand_over(each) for each in signed))
    outcomes = [
        await bench.outcome_of(each, result) for each, result in zip(signed, results, strict=True)
    ]
    bench.nonce = first + sum(isinstance(result, Accepted) for result in results)
    failed = outcomes[-1]
    if failed.verdict is not VerdictState.FAILED:
        return FailureSeen(failed=failed)
    follower = await bench.submit(
        bench.signer.cancel_all(market_id=market_id, nonce=first + 2, skip_nonce=False)
    )
    return FailureSeen(failed=failed, follower=follower)


async def try_cancel_all(bench: Bench) -> tuple[CancelAllSeen, IndexSeen]:
    """Rests an order in this market and in another, and cancels all of this one."""
    index, placed = await bench.place_far(bench.market)
    if not placed.is_executed:
        raise ProbeStopped(f"an order far from the market was {placed}; nothing can be tried")
    _, twin = await bench.place_far(bench.market, index)
    other = bench.other
    other_index = 0
    if other is not None:
        other_index, placed = await bench.place_far(other)
    is_other_up = other is not None and placed.is_executed
    began_s = bench.clock.boot_s()
    cancel = await bench.cancel_all(bench.market)
    await bench.until(lambda: bench.has_ended(index))
    took_s = bench.clock.boot_s() - began_s
    other_lives = None
    if other is not None and is_other_up:
        await bench.until(lambda: bench.has_ended(other_index), within_s=1.0)
        other_lives = not bench.has_ended(other_index)
        if other_lives:
            await bench.cancel(other, other_index)
    _, reused = await bench.place_far(bench.market, index)
    if reused.is_executed:
        await bench.cancel_all(bench.market)
    ended = bench.orders.get(index)
    seen = CancelAllSeen(
        cancel=cancel,
        own_status=ended.status if ended is not None and ended.is_terminal else "",
        other_lives=other_lives,
        took_s=took_s,
    )
    return seen, IndexSeen(live=twin, ended=reused)


async def measure_lag(bench: Bench) -> None:
    """How long reads lag behind an order that rests, and behind its end."""
    index, placed = await bench.place_far(bench.market)
    if not placed.is_executed:
        return
    nonce = bench.nonce

    def lists(orders: tuple[OwnOrder, ...]) -> bool:
        return any(order.client_order_index == index for order in orders)

    async def ask() -> tuple[OwnOrder, ...]:
        return await bench.venue.read_active_orders(bench.market.market_id)

    await bench.until_shown("accountActiveOrders", ask, lists)
    await bench.cancel(bench.market, index)
    await bench.until_shown("accountActiveOrders", ask, lambda orders: not lists(orders))
    await bench.until_shown("nextNonce", bench.venue.read_next_nonce, lambda next_: next_ > nonce)


async def try_switch(bench: Bench) -> SwitchSeen:
    """Arms the dead man's switch, reads it back, renews it, aborts it."""
    before = await bench.read(lambda: _account(bench))
    if before.cancel_all_time_ms:
        return SwitchSeen(armed_before_ms=before.cancel_all_time_ms)
    wanted_ms = bench.clock.wall_ms() + SOON_MS
    armed = await _schedule(bench, wanted_ms)
    if not armed.is_executed:
        return SwitchSeen(armed_before_ms=0, armed=armed)
    shown = await bench.until_shown(
        "account", lambda: _account(bench), lambda account: account.cancel_all_time_ms != 0
    )
    renewal = await _schedule(bench, wanted_ms + SOON_MS)
    aborted = await bench.act(lambda nonce: bench.signer.abort_cancel_all(nonce=nonce))
    bench.has_armed = not aborted.is_executed
    after = await bench.until_shown(
        "account", lambda: _account(bench), lambda account: account.cancel_all_time_ms == 0
    )
    return SwitchSeen(
        armed_before_ms=0,
        wanted_ms=wanted_ms,
        armed=armed,
        read_ms=shown.cancel_all_time_ms,
        renewal=renewal,
        aborted=aborted,
        after_ms=after.cancel_all_time_ms,
    )


async def _schedule(bench: Bench, at_ms: int) -> Outcome:
    bench.has_armed = True
    return await bench.act(lambda nonce: bench.signer.schedule_cancel_all(at_ms=at_ms, nonce=nonce))


async def _account(bench: Bench) -> AccountRead:
    return await bench.venue.read_account(bench.account_index)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One IOC order and the trades that it made."""

    request: OrderRequest
    outcome: Outcome
    trades: tuple[AccountTrade, ...]

    @property
    def lots(self) -> int:
        return sum(trade.signed_lots for trade in self.trades)


async def take(bench: Bench, side: Side, lots: int, *, bps: int = SLIPPAGE_BPS) -> Taken:
    """Takes `lots` at the touch, or within `bps` of it. Raises ProbeStopped without a book."""
    book = bench.venue.book(bench.market.market_id)
    levels = book.side(side.opposite) if book is not None else ()
    if not levels:
        raise ProbeStopped(f"nobody offers {bench.market.symbol} now; try again")
    touch = levels[0].price_ticks
    request = OrderRequest(
        market_id=bench.market.market_id,
        client_order_index=bench.index_of(bench.nonce),
        side=side,
        size_lots=lots,
        # Down from a whole number of basis points: never farther than said.
        price_ticks=max(1, touch + side * (touch * bps // BPS)),
        time_in_force=TimeInForce.IOC,
    )
    outcome = await bench.act(lambda nonce: bench.signer.create(request, nonce=nonce))
    index = request.client_order_index
    if outcome.is_executed:
        await bench.until(lambda: _adds_up(bench, index))
    return Taken(request=request, outcome=outcome, trades=bench.trades_of(index))


def _adds_up(bench: Bench, index: int) -> bool:
    order = bench.orders.get(index)
    if order is None or not order.is_terminal:
        return False
    return sum(abs(trade.signed_lots) for trade in bench.trades_of(index)) == order.filled_lots


async def try_trades(bench: Bench) -> tuple[DustSeen, BeforeSeen]:
    """Takes one lot and gives it back; the second trade has a position before it."""
    start_lots = await bench.position_lots()
    # Away from zero first, so that the position between the two trades is never zero.
    side = Side.SELL if start_lots < 0 else Side.BUY
    lots = 1
    opened = await take(bench, side, lots)
    price_ticks = opened.request.price_ticks
    least_lots = bench.market.smallest_resting_lots(price_ticks)
    dust = DustSeen(
        lots=lots, least_lots=least_lots, order=opened.outcome, traded_lots=abs(opened.lots)
    )
    if opened.outcome.refused in TOO_SMALL:
        # A little more than the least: the price may have moved when it is given back.
        lots = least_lots + -(-least_lots // 20)
    for _ in range(TRIES):
        if opened.trades:
            break
        opened = await take(bench, side, lots)
        if opened.request.size_lots == 1:
            dust = replace(dust, order=opened.outcome, traded_lots=abs(opened.lots))
    if not opened.trades:
        return dust, BeforeSeen(expected_lots=None)
    held_lots = start_lots + opened.lots
    await bench.until_shown(
        "account",
        lambda: _account(bench),
        lambda account: account.positions_lots.get(bench.market.market_id, 0) == held_lots,
    )
    closed = await take(bench, side.opposite, abs(opened.lots))
    if not closed.trades:
        return dust, BeforeSeen(expected_lots=None)
    return dust, await _before_of(bench, closed.trades[0], held_lots)


async def _before_of(bench: Bench, trade: AccountTrade, held_lots: int) -> BeforeSeen:
    """What each source tells of the position before a trade."""
    market_id = bench.market.market_id

    def befores(trades: tuple[AccountTrade, ...]) -> list[int]:
        return [each.before_lots for each in trades if each.trade_id == trade.trade_id]

    # The tape first, and once: on a busy market it scrolls.
    tape = await bench.until_shown(
        "recentTrades",
        lambda: bench.venue.read_public_trades(market_id, bench.account_index),
        lambda trades: bool(befores(trades)),
        times=1,
    )
    own = await bench.until_shown(
        "trades",
        lambda: bench.venue.read_own_trades(market_id, after_trade_id=trade.trade_id - 1),
        lambda trades: bool(befores(trades)),
        times=1,
    )
    by_rest, by_tape = befores(own), befores(tape)
    return BeforeSeen(
        expected_lots=held_lots,
        by_stream=trade.before_lots,
        by_rest=by_rest[0] if by_rest else None,
        by_tape=by_tape[0] if by_tape else None,
        on_tape=bool(by_tape),
    )
