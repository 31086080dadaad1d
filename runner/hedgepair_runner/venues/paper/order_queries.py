"""Orders by their owner's own numbers, live or remembered."""

from __future__ import annotations

from collections.abc import Sequence

from hedgepair_runner.venues.paper.engine import Engine
from hedgepair_runner.venues.paper.records import Order


def by_client_index(
    engine: Engine, account_index: int, client_order_indexes: Sequence[int]
) -> tuple[Order, ...]:
    """In the order asked for; of several orders with one client index, the latest."""
    found: dict[int, Order] = {}
    wanted = {index for index in client_order_indexes if 0 < index < 1 << 48}
    for index in wanted:
        order = engine.live.find(account_index, index)
        if order is not None:
            found[index] = order
    for order in engine.history.closed_orders(account_index, engine.now_us):
        if order.client_order_index in wanted:
            found.setdefault(order.client_order_index, order)
    return tuple(found[index] for index in dict.fromkeys(client_order_indexes) if index in found)
