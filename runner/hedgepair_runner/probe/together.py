"""The one step that needs both accounts: does the venue keep two of one master from trading?"""

from __future__ import annotations

from dataclasses import replace

from hedgepair_runner.orders import Side, TimeInForce
from hedgepair_runner.probe.bench import Bench, ProbeStopped
from hedgepair_runner.probing import SelfTradeSeen
from hedgepair_runner.venues.venue import OrderRequest

TRIES = 5
EXPIRE_MAKER, SAME_MASTER = 0, 1
"""Self-trade behaviour and equality (protocol §7.8), as the hedger sends them."""


async def share_a_master(bench: Bench, other_account: int | None) -> bool:
    """By the L1 addresses, which are public."""
    if other_account is None:
        return False
    own = await bench.read(lambda: bench.venue.read_account(bench.account_index))
    other = await bench.read(lambda: bench.venue.read_account(other_account))
    return bool(own.l1_address) and own.l1_address == other.l1_address


async def try_self_trade(maker: Bench, hedger: Bench) -> SelfTradeSeen:
    """Rests the smallest order of A at the touch and lets B cross it. Both are taken away."""
    seen = SelfTradeSeen(same_master=True)
    for _ in range(TRIES):
        seen = await _meet(maker, hedger)
        if seen.is_crossed or seen.traded_lots:
            break
    return seen


async def _meet(maker: Bench, hedger: Bench) -> SelfTradeSeen:
    book = maker.venue.book(maker.market.market_id)
    if book is None or not book.asks or not book.bids:
        raise ProbeStopped(f"the {maker.market.symbol} book is one-sided; try again")
    # Alone at the touch where the spread has room: then B meets nobody else first.
    price_ticks = max(book.asks[0].price_ticks - 1, book.bids[0].price_ticks + 1)
    lots = maker.market.smallest_resting_lots(price_ticks)
    index = maker.index_of(maker.nonce)
    resting = replace(
        maker.far_order(maker.market, index, lots=lots), side=Side.SELL, price_ticks=price_ticks
    )
    placed = await maker.act(lambda nonce: maker.signer.create(resting, nonce=nonce))
    await maker.until(lambda: index in maker.orders, within_s=2.0)
    if not placed.is_executed or maker.has_ended(index):
        return SelfTradeSeen(same_master=True)
    crossing = OrderRequest(
        market_id=hedger.market.market_id,
        client_order_index=hedger.index_of(hedger.nonce),
        side=Side.BUY,
        size_lots=lots,
        price_ticks=price_ticks,
        time_in_force=TimeInForce.IOC,
        self_trade_behaviour=EXPIRE_MAKER,
        self_trade_equality=SAME_MASTER,
    )
    await hedger.act(lambda nonce: hedger.signer.create(crossing, nonce=nonce))
    await hedger.until(lambda: hedger.has_ended(crossing.client_order_index), within_s=3.0)
    await maker.until(lambda: maker.has_ended(index), within_s=1.0)
    own_ids = {trade.trade_id for trade in maker.trades_of(index)}
    bought = hedger.trades_of(crossing.client_order_index)
    together = sum(trade.signed_lots for trade in bought if trade.trade_id in own_ids)
    ended = maker.orders.get(index)
    status = ended.status if ended is not None and ended.is_terminal else ""
    if not status:
        await maker.cancel(maker.market, index)
    return SelfTradeSeen(
        same_master=True,
        is_crossed=status.startswith("canceled"),
        maker_status=status,
        traded_lots=together,
    )
