"""Tells people of what goes wrong: once an episode, in the log and in the journal of alarms."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from hedgepair_runner.bus import Bus, BusUnavailable
from hedgepair_runner.clock import Clock
from hedgepair_runner.orders import AccountTrade
from hedgepair_runner.units import Market

logger = logging.getLogger(__name__)

AGAIN_AFTER_S = 300.0
"""What goes on for so long is said again."""


class Pager:
    """`page` returns at once. What Redis does not take stays in the log."""

    def __init__(self, bus: Bus, *, clock: Clock, tasks: asyncio.TaskGroup) -> None:
        self._bus = bus
        self._clock = clock
        self._tasks = tasks
        self._paged_s: dict[str, float] = {}

    def page(self, kind: str, message: str) -> None:
        """`kind` is a word of the resource's conditions; `message` a sentence with the remedy."""
        now_s = self._clock.boot_s()
        paged_s = self._paged_s.get(kind)
        if paged_s is not None and now_s - paged_s < AGAIN_AFTER_S:
            return
        self._paged_s[kind] = now_s
        logger.error("alarm", extra={"alarm": kind, "why": message})
        self._tasks.create_task(self._raise(kind, message), name=f"alarm-{kind}")

    def calm(self, *kinds: str) -> None:
        """These are over: the next time is a new episode."""
        for kind in kinds:
            self._paged_s.pop(kind, None)

    async def _raise(self, kind: str, message: str) -> None:
        with suppress(BusUnavailable):
            await self._bus.raise_alarm(kind, message)


def foreign_trade(trade: AccountTrade, market: Market) -> str:
    """Somebody traded an account of the pair past its runner (design §4.1)."""
    return (
        f"account {trade.account_index} traded {market.base(trade.signed_lots)} {market.symbol} by "
        "an order that is not this pair's; the difference is hedged where risk.maxNetExposure "
        "allows it. Use accounts that nobody else trades"
    )


def liquidated(trade: AccountTrade, market: Market) -> str:
    """The venue closed a position by itself."""
    return (
        f"the exchange closed {market.base(abs(trade.signed_lots))} {market.symbol} of account "
        f"{trade.account_index} by itself ({trade.trade_type}); the other leg follows, and nothing "
        "is quoted. Check the margin of both accounts, then acknowledge this halt"
    )


def reanchored(account: int) -> str:
    """A gap in an account's trades was bridged by what the venue says it holds (design §4.1)."""
    return (
        f"trades of account {account} could not be had from the exchange for seconds; its position "
        "was read twice and goes on from there. Receipts of that time may be incomplete"
    )
