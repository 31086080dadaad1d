"""Who an order belongs to: pairs, roles, venues and the client order index that names all three.

`client_order_index` = 2 bits role | 12 bits pair hash | 14 bits epoch | 20 bits low nonce (design
§4.2): unique while its nonce is, the same again after a crash, and readable by whoever finds it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import IntEnum
from functools import cache

NONCE_BITS = 20
EPOCH_BITS = 14
PAIR_BITS = 12
BAND = 1 << NONCE_BITS
"""Nonces of one epoch: [epoch · BAND, (epoch + 1) · BAND) (design §4.4)."""

UNWINDING_BITS = 3
"""In place of the role's bits: an order by which the maker undoes what could not be hedged."""


class Role(IntEnum):
    """What a runner does. The number is the role's bits in a client order index."""

    MAKER = 1
    HEDGER = 2

    @property
    def label(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class PairId:
    """A pair within a release: the namespace and the pairing name (design §8)."""

    namespace: str
    pairing: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.pairing}"

    @property
    def hash12(self) -> int:
        return _hash12(str(self))


@cache
def _hash12(words: str) -> int:
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:2]) >> 4


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueId:
    """A venue as Redis keys name it: the chain id and a hash of the URL (design §8)."""

    chain_id: int
    url: str

    def __str__(self) -> str:
        digest = hashlib.sha256(self.url.rstrip("/").encode()).hexdigest()[:10]
        return f"{self.chain_id}-{digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientIndex:
    """A client order index, taken apart. `unwinds`: of the maker, and no quote (design §6)."""

    role: Role
    pair_hash: int
    epoch_low: int
    nonce_low: int
    unwinds: bool = False


def client_order_index(role: Role, pair: PairId, nonce: int) -> int:
    """The index of the order that `nonce` carries; alternatives at one nonce share it."""
    return _index(role, pair, nonce)


def unwinding_order_index(pair: PairId, nonce: int) -> int:
    """The same of an order by which the maker undoes what could not be hedged."""
    return _index(UNWINDING_BITS, pair, nonce)


def _index(role_bits: int, pair: PairId, nonce: int) -> int:
    epoch_low = (nonce >> NONCE_BITS) & ((1 << EPOCH_BITS) - 1)
    nonce_low = nonce & (BAND - 1)
    index = (role_bits << PAIR_BITS) | pair.hash12
    index = (index << EPOCH_BITS) | epoch_low
    return (index << NONCE_BITS) | nonce_low


def read_client_order_index(index: int) -> ClientIndex | None:
    """The parts of an index, or None when no HedgePair runner can have made it."""
    role_bits = index >> (PAIR_BITS + EPOCH_BITS + NONCE_BITS)
    if role_bits not in (Role.MAKER, Role.HEDGER, UNWINDING_BITS):
        return None
    return ClientIndex(
        role=Role.MAKER if role_bits == UNWINDING_BITS else Role(role_bits),
        pair_hash=(index >> (EPOCH_BITS + NONCE_BITS)) & ((1 << PAIR_BITS) - 1),
        epoch_low=(index >> NONCE_BITS) & ((1 << EPOCH_BITS) - 1),
        nonce_low=index & (BAND - 1),
        unwinds=role_bits == UNWINDING_BITS,
    )


def is_of_pair(index: int, role: Role, pair: PairId) -> bool:
    parts = read_client_order_index(index)
    return parts is not None and parts.role is role and parts.pair_hash == pair.hash12


def is_unwinding(index: int) -> bool:
    """Whether it is of an order by which a maker undoes what could not be hedged."""
    return index >> (PAIR_BITS + EPOCH_BITS + NONCE_BITS) == UNWINDING_BITS
