"""Signatures: the recorded ones of protocol §5.7, our own, and what must not pass."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedgepair_runner.venues.paper.crypto import schnorr
from hedgepair_runner.venues.paper.crypto.ecgfp5 import ORDER

PUBLIC_KEY = bytes.fromhex(
    "fe74df1150fef5bc3e58a01f2dde6f69764d701429f4dfbd1f8e636915174eb66fa5915becd8b5e9"
)
CREATE_HASH = bytes.fromhex(
    "aa295f47d20119f70f48d4014d549ceea47de47fbf21b72a17fcd658d08637d4967467bfe206e223"
)
CREATE_SIGNATURE = base64.b64decode(
    "9CUE1/YrPQRwvJFKum3FvZQEaXPOUFk35gJ7vh2sUVy6Yipgnd38ZvAUZg5ZhR3wfShxkqCV02o1WLwlZWcHaAOiE39h"
    "5UQvS4qH1DziREk="
)
CANCEL_ALL_HASH = bytes.fromhex(
    "350ed5f2aef4ae7a235c62b0f4ba8e4716372cb364ecae5ad7ca35cd269da06597610eaa84cc74de"
)
CANCEL_ALL_SIGNATURE = base64.b64decode(
    "i4Z0zm9dMu3q780/LBLJe2Nwki1SzYeAAcrRJRNcxtFMtRpXKSnUGX3ouJXwygUekEYKCz3AHOBJnIOkHZyzKbfb8ZBC"
    "AqAEpA9IztRm3zo="
)
SCALAR = st.integers(1, ORDER - 1)


@pytest.mark.parametrize(
    ("message_hash", "signature"),
    [
        pytest.param(CREATE_HASH, CREATE_SIGNATURE, id="create order"),
        pytest.param(CANCEL_ALL_HASH, CANCEL_ALL_SIGNATURE, id="cancel all with attributes"),
    ],
)
def test_a_recorded_signature_holds(message_hash: bytes, signature: bytes) -> None:
    assert schnorr.verify(message_hash, signature=signature, public_key=PUBLIC_KEY)


def flipped(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


@pytest.mark.parametrize(
    ("message_hash", "signature", "public_key"),
    [
        pytest.param(CANCEL_ALL_HASH, CREATE_SIGNATURE, PUBLIC_KEY, id="another message"),
        pytest.param(flipped(CREATE_HASH, 0), CREATE_SIGNATURE, PUBLIC_KEY, id="message"),
        pytest.param(CREATE_HASH, flipped(CREATE_SIGNATURE, 3), PUBLIC_KEY, id="s"),
        pytest.param(CREATE_HASH, flipped(CREATE_SIGNATURE, 50), PUBLIC_KEY, id="e"),
        pytest.param(CREATE_HASH, CREATE_SIGNATURE, schnorr.public_key_of(5), id="another key"),
        pytest.param(CREATE_HASH, CREATE_SIGNATURE, bytes(40), id="the neutral key"),
        pytest.param(CREATE_HASH, CREATE_SIGNATURE, b"\xff" * 40, id="a key out of the field"),
        pytest.param(CREATE_HASH, CREATE_SIGNATURE, b"", id="no key"),
        pytest.param(CREATE_HASH, bytes(80), PUBLIC_KEY, id="zeros"),
        pytest.param(CREATE_HASH, b"\xff" * 80, PUBLIC_KEY, id="numbers above the order"),
        pytest.param(CREATE_HASH, CREATE_SIGNATURE[:-1], PUBLIC_KEY, id="a short signature"),
        pytest.param(CREATE_HASH[:-1], CREATE_SIGNATURE, PUBLIC_KEY, id="a short message"),
        pytest.param(b"\xff" * 40, CREATE_SIGNATURE, PUBLIC_KEY, id="a message out of the field"),
    ],
)
def test_a_changed_signature_does_not_hold(
    message_hash: bytes, signature: bytes, public_key: bytes
) -> None:
    assert not schnorr.verify(message_hash, signature=signature, public_key=public_key)


def test_a_signature_has_one_form_only() -> None:
    s = int.from_bytes(CREATE_SIGNATURE[:40], "little")
    same = (s + ORDER).to_bytes(40, "little") + CREATE_SIGNATURE[40:]

    assert not schnorr.verify(CREATE_HASH, signature=same, public_key=PUBLIC_KEY)


@settings(max_examples=6, deadline=None)
@given(private_key=SCALAR, k=SCALAR, message=st.text("0123456789:", max_size=40))
def test_our_own_signature_holds_for_its_key_and_message(
    private_key: int, k: int, message: str
) -> None:
    message_hash = schnorr.auth_message_hash(message)
    signature = schnorr.sign(message_hash, private_key=private_key, k=k)
    public_key = schnorr.public_key_of(private_key)

    assert schnorr.verify(message_hash, signature=signature, public_key=public_key)
    other = schnorr.auth_message_hash(message + "!")
    assert not schnorr.verify(other, signature=signature, public_key=public_key)
