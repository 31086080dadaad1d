"""Paper accounts' keys: functions of the exchange's seed, so nobody has to hand them out.

They are public by design: whoever knows the seed has them all. Hex as the venue writes it
(protocol §5.1): a private key is `0x` and the 40 bytes of the little-endian scalar, a public key
the 40 bytes of the encoded point, without `0x` where the venue reports it.
"""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache

from hedgepair_runner.venues.paper.crypto import schnorr
from hedgepair_runner.venues.paper.crypto.ecgfp5 import ORDER


def private_key(seed: str, account_index: int, api_key_index: int) -> int:
    """A scalar 1 … n − 1, even to within 2^-700."""
    return 1 + _draw(seed, f"api-key/{account_index}/{api_key_index}") % (ORDER - 1)


@lru_cache(maxsize=4096)
def public_key(seed: str, account_index: int, api_key_index: int) -> bytes:
    """Costs one multiplication on the curve (about a millisecond) the first time."""
    return schnorr.public_key_of(private_key(seed, account_index, api_key_index))


@lru_cache(maxsize=4096)
def public_key_hex(seed: str, account_index: int, api_key_index: int) -> str:
    """80 hex digits, as the venue reports it."""
    return public_key(seed, account_index, api_key_index).hex()


class PublicKeys:
    """By account and key index: the seed's, until one is replaced, as its owner may (tx 8).

    A class of this module and plain data, so that an exchange that holds it can be frozen.
    """

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._replaced: dict[tuple[int, int], str] = {}

    def __call__(self, account_index: int, api_key_index: int) -> str:
        """80 hex digits."""
        replaced = self._replaced.get((account_index, api_key_index))
        return replaced or public_key_hex(self._seed, account_index, api_key_index)

    def replace(self, account_index: int, api_key_index: int, private: int) -> None:
        """From now on the key of this private one signs at this index, and no other."""
        public = schnorr.public_key_of(private).hex()
        self._replaced[account_index, api_key_index] = public


def l1_address(seed: str, owner: int) -> str:
    """`0x` and 40 hex digits: the Ethereum address of whoever owns the master account `owner`."""
    return f"0x{_draw(seed, f'l1-address/{owner}') % 2**160:040x}"


def private_hex(private: int) -> str:
    return "0x" + private.to_bytes(40, "little").hex()


def parse_private_hex(text: str) -> int:
    """The scalar of `private_hex`, with or without `0x`; ValueError if it is none."""
    data = bytes.fromhex(text.removeprefix("0x"))
    private = int.from_bytes(data, "little")
    if len(data) != 40 or not 0 < private < ORDER:
        raise ValueError("a private key is 80 hex digits of a scalar between 1 and n − 1")
    return private


def signing_nonce(private: int, message_hash: bytes) -> int:
    """The k of a signature as a function of key and message: the same twice, never for two."""
    key = private.to_bytes(40, "little")
    return 1 + _wide_number(key, b"k/" + message_hash) % (ORDER - 1)


def _draw(seed: str, name: str) -> int:
    return _wide_number(f"hedgepair-paper/{seed}".encode(), name.encode())


def _wide_number(key: bytes, message: bytes) -> int:
    """1024 bits: two blocks of HMAC-SHA-512."""
    blocks = [hmac.digest(key, bytes([block]) + message, hashlib.sha512) for block in (1, 2)]
    return int.from_bytes(b"".join(blocks), "little")
