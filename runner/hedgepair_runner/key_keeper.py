"""Follows a key that is rotated while the runner runs (design §4.4): reads its file again.

The old key signs until the venue refuses it. Whichever is changed first, the public key at the
venue or the mounted file, nothing is cut short before its successor can sign.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from hedgepair_runner.refusals import StartRefused

logger = logging.getLogger(__name__)


class Rekeyed(Protocol):
    def rekey(self, private_key: str) -> None: ...


class KeyKeeper:
    """`read` finds the key as at the start, or raises StartRefused; `on_rekeyed` follows a new
    one that was loaded. The key itself is kept nowhere but in the signer (law 9)."""

    def __init__(
        self, signer: Rekeyed, *, read: Callable[[], str], on_rekeyed: Callable[[], None]
    ) -> None:
        self._signer = signer
        self._read = read
        self._on_rekeyed = on_rekeyed
        self._loaded = hash(read())

    def reread(self) -> bool:
        """Loads the key that the Secret holds now. False: it is the one that was refused."""
        try:
            key = self._read()
        except StartRefused as refused:
            logger.warning("key not read again", extra={"reason": refused.sentence})
            return False
        if hash(key) == self._loaded:
            return False
        self._signer.rekey(key)
        self._loaded = hash(key)
        self._on_rekeyed()
        logger.info("rotated key loaded")
        return True
