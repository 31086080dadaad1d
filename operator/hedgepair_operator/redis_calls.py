"""Awaiting what redis-py answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

Answer = TypeVar("Answer")


async def answered(answer: Awaitable[Answer]) -> Answer:
    """The library sends within asyncio.wait_for, which before Python 3.12 swallows a cancellation
    that comes as the send ends: its task would never stop."""
    task = asyncio.current_task()
    cancels = task.cancelling() if task is not None else 0
    try:
        return await answer
    finally:
        if task is not None and task.cancelling() > cancels:
            raise asyncio.CancelledError
