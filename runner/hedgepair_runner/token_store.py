"""Where the right to act on a pair's gap is on record, as a port (design §6).

The record may be lost or rolled back: the rules of `acting` believe their own memory first (law 8).
A failed call raises BusUnavailable and says nothing about whether it took effect.
"""

from __future__ import annotations

from typing import Protocol

from hedgepair_runner.acting import Token


class TokenStore(Protocol):
    """The token of one pair."""

    async def read_token(self) -> Token | None: ...

    async def replace_token(self, token: Token, *, instead_of: Token | None) -> bool:
        """False: what is stored is not of that version (any more), and stays as it is."""
        ...
