"""Carries out signature checks: before the acceptance, or of samples after it (design §11)."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import Protocol

from hedgepair_runner.venues.paper.crypto import schnorr
from hedgepair_runner.venues.paper.gateway_settings import Checking, GatewaySettings
from hedgepair_runner.venues.paper.tokens import AuthToken
from hedgepair_runner.venues.paper.verifier import VerifierUnavailable
from hedgepair_runner.venues.paper.verifying import wants_check
from hedgepair_runner.venues.paper.views import Examined

logger = logging.getLogger(__name__)

Key = tuple[int, int]
"""Account index and API key index."""

_TOKENS_REMEMBERED = 10_000
_SAMPLES_WAITING = 1_000


class Verifier(Protocol):
    """`verifier.SignatureVerifier`, or a test's own."""

    async def verify(self, tx_hash: bytes, *, signature: bytes, public_key: bytes) -> bool: ...


class SignatureChecker:
    def __init__(self, verifier: Verifier | None, settings: GatewaySettings) -> None:
        if verifier is None and settings.checking is not Checking.OFF:
            raise ValueError(f"signature checking {settings.checking} needs a verifier")
        self._verifier = verifier
        self._settings = settings
        self._seen: Counter[Key] = Counter()
        self._distrusted: set[Key] = set()
        self._tokens: set[tuple[str, bytes]] = set()
        self._samples: asyncio.Queue[Examined] = asyncio.Queue(_SAMPLES_WAITING)
        self.invalid_count = 0
        """Signatures that were found not to hold, before or after the acceptance."""

    def comes_first(self, examined: Examined) -> bool:
        """Whether the transaction may be accepted only after its signature was checked."""
        strict = self._settings.checking is Checking.STRICT
        return strict or _key(examined) in self._distrusted

    async def holds(self, examined: Examined) -> bool:
        """Also what a distrusted key proves itself with."""
        if self._verifier is None:
            raise AssertionError("nothing is checked without a verifier: the constructor asks")
        key = _key(examined)
        valid = await self._verifier.verify(
            bytes.fromhex(examined.tx_hash),
            signature=examined.tx.signature,
            public_key=bytes.fromhex(examined.public_key),
        )
        if valid:
            self._distrusted.discard(key)
        else:
            self.invalid_count += 1
            self._distrusted.add(key)
        return valid

    def note_accepted(self, examined: Examined) -> None:
        """Sets one aside for a later check, if it is the turn of one."""
        settings = self._settings
        if settings.checking is not Checking.SAMPLED:
            return
        key = _key(examined)
        earlier = self._seen[key]
        self._seen[key] += 1
        wanted = wants_check(
            settings.checking, one_in=settings.sample_one_in, earlier_of_key=earlier
        )
        # A sample more or less does not matter; a queue without bounds would.
        if wanted and not self._samples.full():
            self._samples.put_nowait(examined)

    async def check_samples(self) -> None:
        """Runs until cancelled."""
        while True:
            examined = await self._samples.get()
            try:
                valid = await self.holds(examined)
            except VerifierUnavailable:
                logger.exception("signature sample could not be checked")
                continue
            if not valid:
                logger.error(
                    "accepted transaction had an invalid signature",
                    extra={
                        "account_index": examined.account_index,
                        "api_key_index": examined.api_key_index,
                        "tx_hash": examined.tx_hash,
                    },
                )

    def trusts_token(self, token: AuthToken) -> bool:
        """Whether the token needs no check (any more)."""
        strict = self._settings.checking is Checking.STRICT
        return not strict or (token.message, token.signature) in self._tokens

    async def token_holds(self, token: AuthToken, public_key: str) -> bool:
        if self._verifier is None:
            raise AssertionError("nothing is checked without a verifier: the constructor asks")
        valid = await self._verifier.verify(
            schnorr.auth_message_hash(token.message),
            signature=token.signature,
            public_key=bytes.fromhex(public_key),
        )
        if valid:
            if len(self._tokens) >= _TOKENS_REMEMBERED:
                self._tokens.clear()
            self._tokens.add((token.message, token.signature))
        else:
            self.invalid_count += 1
        return valid


def _key(examined: Examined) -> Key:
    return examined.account_index, examined.api_key_index
