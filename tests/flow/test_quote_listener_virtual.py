"""What the hedger knows of quotes, while Redis is read more than once at a time."""

from __future__ import annotations

import asyncio

import pytest

from hedgepair_runner.contract.identity import PairId
from hedgepair_runner.ledger import Chain
from hedgepair_runner.orders import Side
from hedgepair_runner.quote_listener import QuoteListener
from hedgepair_runner.quotes import QuoteTold
from tests.flow.memory_bus import MemoryBus, MemoryStore
from tests.flow.pausing_loop import in_virtual_time

PAIR = PairId(namespace="default", pairing="eth")
QUOTE = QuoteTold(
    client_order_index=1 << 46,
    side=int(Side.BUY),
    price_ticks=236_000,
    lots=500,
    is_gone=False,
    epoch=1,
    told_ms=0,
)


@pytest.mark.parametrize("second_after_s", [0.0, 0.05, 0.15, 0.25])
def test_a_quote_told_during_overlapping_reads_is_not_forgotten(second_after_s: float) -> None:
    """Two reads, of which the second was asked before the quote and answered after it."""

    async def main() -> None:
        bus = MemoryBus(MemoryStore(latency_s=0.1), pair=PAIR)
        listener = QuoteListener(bus, pair=PAIR)

        async def tell() -> None:
            await asyncio.sleep(0.12)
            await bus.tell_quote(QUOTE)

        async def hear() -> None:
            await asyncio.sleep(0.23)
            listener.tell(QUOTE)

        async def read(after_s: float) -> None:
            await asyncio.sleep(after_s)
            await listener.reread(lambda: None)

        async with asyncio.TaskGroup() as tasks:
            for part in (tell(), hear(), read(0.0), read(second_after_s)):
                tasks.create_task(part)

        chain = Chain(account_index=111, market_id=0)
        assert listener.known.nearest_ticks(Side.BUY, chain) == QUOTE.price_ticks

    in_virtual_time(main())
