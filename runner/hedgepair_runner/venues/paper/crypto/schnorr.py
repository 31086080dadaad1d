"""Schnorr signatures over ecGFp5 with Poseidon2 (protocol §5.7).

A signature is s ‖ e, 40 bytes each, little-endian, both below the group's order. It holds for a
message hash h and a public key PK if e = H(encode(s·G + e·PK) ‖ h) mod n. Keys: a private key is a
scalar 1 … n − 1, a public key the 40 bytes of its encoded point. Nothing here runs in constant
time: paper keys are public.
"""

from __future__ import annotations

import struct
from functools import cache, lru_cache

from hedgepair_runner.venues.paper.crypto import ecgfp5, fp5
from hedgepair_runner.venues.paper.crypto.poseidon2 import hash_elements

HASH_BYTES = 40
SIGNATURE_BYTES = 80
_TABLES_KEPT = 256  # of some 80 kB each


def verify(message_hash: bytes, *, signature: bytes, public_key: bytes) -> bool:
    """False for whatever does not hold, malformed lengths and numbers included."""
    if len(signature) != SIGNATURE_BYTES:
        return False
    message = fp5.from_bytes(message_hash)
    table = _table_of_key(public_key)
    s = int.from_bytes(signature[:40], "little")
    e = int.from_bytes(signature[40:], "little")
    if message is None or table is None or max(s, e) >= ecgfp5.ORDER:
        return False
    point = ecgfp5.multiply((s, _table_of_generator()), (e, table))
    return e == _challenge(point, message_hash)


def sign(message_hash: bytes, *, private_key: int, k: int) -> bytes:
    """`k` is 1 … n − 1 and must never serve for two messages: two such reveal the key."""
    e = _challenge(ecgfp5.multiply((k, _table_of_generator())), message_hash)
    s = (k - e * private_key) % ecgfp5.ORDER
    return s.to_bytes(40, "little") + e.to_bytes(40, "little")


def public_key_of(private_key: int) -> bytes:
    point = ecgfp5.multiply((private_key, _table_of_generator()))
    return fp5.to_bytes(ecgfp5.encode(point))


def auth_message_hash(message: str) -> bytes:
    """The hash that an auth token `<expiry>:<account>:<key>` signs (protocol §5.7).

    `message` is ASCII, so that no chunk of eight bytes reaches p.
    """
    data = message.encode("ascii")
    data += bytes(-len(data) % 8)
    return fp5.to_bytes(hash_elements(struct.unpack(f"<{len(data) // 8}Q", data)))


def warm_up() -> None:
    """Builds the generator's table (some 7 ms), so that no signature waits for it."""
    _table_of_generator()


def _challenge(point: ecgfp5.Point, message_hash: bytes) -> int:
    message = struct.unpack("<5Q", message_hash)
    digest = fp5.to_bytes(hash_elements((*ecgfp5.encode(point), *message)))
    return int.from_bytes(digest, "little") % ecgfp5.ORDER


@cache
def _table_of_generator() -> ecgfp5.Table:
    generator = ecgfp5.decode(ecgfp5.GENERATOR_CODE)
    if generator is None:
        raise AssertionError("w = 4 is a point: it generates the group")
    return ecgfp5.table_of(generator)


@lru_cache(maxsize=_TABLES_KEPT)
def _table_of_key(public_key: bytes) -> ecgfp5.Table | None:
    point = ecgfp5.decode(public_key)
    return None if point is None else ecgfp5.table_of(point)
