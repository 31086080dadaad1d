"""Paper keys are functions of the seed, well formed and all different."""

from __future__ import annotations

import pytest

from hedgepair_runner.venues.paper import keys
from hedgepair_runner.venues.paper.crypto import schnorr
from hedgepair_runner.venues.paper.crypto.ecgfp5 import ORDER

PINNED_PRIVATE = (
    "0xf8c0905f0567e4f7afb9ba7efb6a0d6971fdb9b907949b281c2ef0c3d70d00767be6f4a489a30873"
)
PINNED_PUBLIC = "e5bfd0a5906e0ba6e8ed8de24a076aed5d79424e492279e172cdcad44fa468c6804c7d5f161ad1e5"
PINNED_ADDRESS = "0xb37fde91642bde220fd0dfb55ebd95b33eb1ef0b"


def test_the_same_seed_gives_the_same_key_for_ever() -> None:
    private = keys.private_key("demo", 65, 4)

    assert keys.private_hex(private) == PINNED_PRIVATE
    assert keys.public_key("demo", 65, 4).hex() == PINNED_PUBLIC
    assert keys.l1_address("demo", 65) == PINNED_ADDRESS


def test_every_seed_account_and_key_index_has_its_own_key() -> None:
    names = [(s, a, k) for s in ("1", "2", "11") for a in range(1, 120) for k in range(4, 8)]
    privates = [keys.private_key(*name) for name in names]

    assert len(set(privates)) == len(names)
    assert all(0 < private < ORDER for private in privates)


def test_the_public_key_belongs_to_the_private_one() -> None:
    message_hash = schnorr.auth_message_hash("x")
    private = keys.private_key("demo", 7, 4)
    k = keys.signing_nonce(private, message_hash)
    signature = schnorr.sign(message_hash, private_key=private, k=k)

    public = keys.public_key("demo", 7, 4)
    assert schnorr.verify(message_hash, signature=signature, public_key=public)


def test_addresses_are_forty_hex_digits_and_differ_by_owner_and_seed() -> None:
    addresses = {keys.l1_address(seed, owner) for seed in ("a", "b") for owner in range(50)}

    assert len(addresses) == 100
    assert all(len(a) == 42 and a.startswith("0x") and int(a, 16) >= 0 for a in addresses)


def test_a_private_key_survives_its_hex_with_and_without_prefix() -> None:
    private = keys.private_key("demo", 65, 4)
    text = keys.private_hex(private)

    assert len(text) == 82
    assert keys.parse_private_hex(text) == private
    assert keys.parse_private_hex(text[2:]) == private


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("0x" + "00" * 40, id="zero"),
        pytest.param("0x" + "ff" * 40, id="above the order"),
        pytest.param("0x" + "01" * 39, id="too short"),
        pytest.param("0x" + "zz" * 40, id="no hex"),
    ],
)
def test_what_is_no_private_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="hex"):
        keys.parse_private_hex(text)


def test_signing_nonces_differ_by_message_and_by_key() -> None:
    one, two = schnorr.auth_message_hash("1"), schnorr.auth_message_hash("2")

    nonces = {keys.signing_nonce(private, message) for private in (5, 6) for message in (one, two)}
    assert len(nonces) == 4
    assert keys.signing_nonce(5, one) == keys.signing_nonce(5, one)
