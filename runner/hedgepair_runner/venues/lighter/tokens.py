"""Auth tokens, made afresh at half their life (protocol §5.6: the venue allows eight hours)."""

from __future__ import annotations

from hedgepair_runner.clock import Clock
from hedgepair_runner.venues.venue import Signer

LIFE_S = 8 * 60 * 60 - 300
"""Five minutes under the venue's cap: our clock may be ahead of its."""
HALF_LIFE_S = LIFE_S // 2


class Tokens:
    """The token of one signer. Signing one is as dear as signing an order, so it is kept."""

    def __init__(self, signer: Signer, *, clock: Clock) -> None:
        self._signer = signer
        self._clock = clock
        self._token = ""
        self._expires_at_s = 0

    def current(self) -> str:
        """A token with at least half of its life before it."""
        now_s = self._clock.wall_ms() // 1_000
        # A wall clock that was set back would leave a token beyond the venue's cap.
        if not now_s + HALF_LIFE_S <= self._expires_at_s <= now_s + LIFE_S:
            self._expires_at_s = now_s + LIFE_S
            self._token = self._signer.auth_token(expires_at_s=self._expires_at_s)
        return self._token

    def forget(self) -> None:
        """The key was rotated: the next token is the new one's."""
        self._token, self._expires_at_s = "", 0

    def __repr__(self) -> str:
        return f"Tokens(expires_at_s={self._expires_at_s})"
