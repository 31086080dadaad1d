"""The worker processes: verdicts, many at once, and a death among them."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from multiprocessing import active_children

import pytest

from hedgepair_runner.venues.paper.crypto import schnorr
from hedgepair_runner.venues.paper.gateway_settings import Checking
from hedgepair_runner.venues.paper.verifier import SignatureVerifier, VerifierUnavailable
from hedgepair_runner.venues.paper.verifying import wants_check

MESSAGE = schnorr.auth_message_hash("1795344767:65:4")
PUBLIC_KEY = schnorr.public_key_of(5)
SIGNATURE = schnorr.sign(MESSAGE, private_key=5, k=6)


@pytest.mark.parametrize(
    ("checking", "checked"),
    [
        pytest.param(Checking.OFF, [], id="off"),
        pytest.param(Checking.SAMPLED, [0, 3, 6, 9], id="sampled, one in three"),
        pytest.param(Checking.STRICT, list(range(10)), id="strict"),
    ],
)
def test_sampling_takes_the_first_of_a_key_and_then_one_in_so_many(
    checking: Checking, checked: list[int]
) -> None:
    chosen = [n for n in range(10) if wants_check(checking, one_in=3, earlier_of_key=n)]

    assert chosen == checked


def test_workers_tell_valid_from_invalid_and_outlive_a_death() -> None:
    """One story, since a worker takes half a second to start."""

    async def story() -> None:
        async with SignatureVerifier() as verifier:
            verdicts = await asyncio.gather(
                verifier.verify(MESSAGE, signature=SIGNATURE, public_key=PUBLIC_KEY),
                verifier.verify(MESSAGE, signature=bytes(80), public_key=PUBLIC_KEY),
                verifier.verify(MESSAGE, signature=SIGNATURE, public_key=bytes(40)),
            )
            assert list(verdicts) == [True, False, False]

            (process,) = active_children()
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
            process.join(5)
            after_death = await asyncio.gather(
                verifier.verify(MESSAGE, signature=SIGNATURE, public_key=PUBLIC_KEY),
                verifier.verify(MESSAGE, signature=bytes(80), public_key=PUBLIC_KEY),
            )
            assert list(after_death) == [True, False]

        with pytest.raises(VerifierUnavailable):
            await verifier.verify(MESSAGE, signature=SIGNATURE, public_key=PUBLIC_KEY)

    asyncio.run(story())
    deadline = time.monotonic() + 5
    while active_children() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert active_children() == []
