"""Signs an order before it is wanted, so that the signature is not on the way of a hedge (§4.7).

Nothing is sent by it, and nothing of it reaches a slot before it is asked for: an order that was
foreseen and did not come leaves no trace.
"""

from __future__ import annotations

from hedgepair_runner.clock import Clock
from hedgepair_runner.orders import SignedTx
from hedgepair_runner.venues.venue import OrderRequest, Signer, SigningFailed

LEAST_LIFE_MS = 300_000
"""What was signed ahead is used only with so much of its ten minutes left (protocol §5.4)."""


class AheadSigner:
    """Remembers one signature, and gives it out at most once."""

    def __init__(self, signer: Signer, *, clock: Clock) -> None:
        self._signer = signer
        self._clock = clock
        self._foreseen: tuple[OrderRequest, SignedTx] | None = None

    def foresee(self, request: OrderRequest, *, nonce: int) -> None:
        """What the signer refuses is left for `create` to fail with, if it is ever wanted."""
        self._foreseen = None
        try:
            self._foreseen = request, self._signer.create(request, nonce=nonce)
        except SigningFailed:
            return

    def create(self, request: OrderRequest, *, nonce: int) -> SignedTx:
        """The signature made ahead, if it is of exactly this; else a fresh one."""
        foreseen, self._foreseen = self._foreseen, None
        if foreseen is not None:
            wanted, signed = foreseen
            lives_ms = signed.expired_at_ms - self._clock.wall_ms()
            if wanted == request and signed.nonce == nonce and lives_ms >= LEAST_LIFE_MS:
                return signed
        return self._signer.create(request, nonce=nonce)
