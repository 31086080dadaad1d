"""The end of a probe: no order of it rests, the position is as it was; or what is left is said."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from hedgepair_runner.orders import AccountTrade, Side
from hedgepair_runner.probe.bench import Bench, ProbeStopped
from hedgepair_runner.probe.steps import take
from hedgepair_runner.proving import READS_APART_S

ROUNDS = 5
WIDEST_BPS = 200
FEE_MILLIONTHS = 1_000_000


async def tidy(bench: Bench, *, start_lots: int) -> str:
    """What could not be taken away, in words; empty when all is as before."""
    bench.is_interrupted = lambda: False
    try:
        await bench.resync()
        if bench.has_armed:
            await bench.act(lambda nonce: bench.signer.abort_cancel_all(nonce=nonce))
        left = [await _withdraw(bench), await _restore(bench, start_lots)]
    except ProbeStopped as stopped:
        return f"account {bench.account_index} could not be looked at any more: {stopped}"
    return "; ".join(words for words in left if words)


async def _withdraw(bench: Bench) -> str:
    """By two agreeing reads of both markets (design §4.1)."""
    markets = [market for market in (bench.market, bench.other) if market is not None]
    clean = 0
    for _ in range(ROUNDS):
        resting = [(market, await bench.resting(market)) for market in markets]
        own = [(market, orders) for market, orders in resting if orders]
        if not own:
            clean += 1
            if clean > 1:
                return ""
        else:
            clean = 0
            for market, orders in own:
                for order in orders:
                    await bench.cancel(market, order.client_order_index or order.order_index)
        await asyncio.sleep(READS_APART_S)
    return f"orders of account {bench.account_index} may still rest"


async def _restore(bench: Bench, start_lots: int) -> str:
    """Trades back what the probe left. Nothing is sent on a position that is not proved."""
    for _ in range(ROUNDS):
        first = await bench.position_lots()
        await asyncio.sleep(READS_APART_S)
        held_lots = await bench.position_lots()
        if first != held_lots:
            continue
        if held_lots == start_lots:
            return ""
        surplus = start_lots - held_lots
        lots = abs(surplus)
        taken = await take(bench, Side.of(surplus), lots, bps=WIDEST_BPS)
        wanted_lots = held_lots + taken.lots

        def shows(shown_lots: int, wanted_lots: int = wanted_lots) -> bool:
            return shown_lots == wanted_lots

        await bench.until_shown("account", bench.position_lots, shows)
    market = bench.market
    held = market.base(await bench.position_lots())
    return (
        f"account {bench.account_index} holds {held} {market.symbol}, "
        f"it was {market.base(start_lots)} before"
    )


def cost_quote(bench: Bench, trades: tuple[AccountTrade, ...]) -> Decimal:
    """What trades of the probe cost in quote currency, fees included; below zero: it earned."""
    paid_units = sum(trade.signed_lots * trade.price_ticks for trade in trades)
    fees = sum(
        (
            bench.market.quote(abs(trade.signed_lots) * trade.price_ticks)
            * trade.fee_millionths
            / FEE_MILLIONTHS
            for trade in trades
        ),
        Decimal(0),
    )
    return bench.market.quote(paid_units) + fees
