"""Auth tokens of private channels and reads (protocol §5.6).

`<expiry, unix seconds>:<account index>:<api key index>:<signature, 160 hex digits>`; signed is the
text before the last colon.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from hedgepair_runner.venues.paper.crypto import schnorr
from hedgepair_runner.venues.paper.keys import signing_nonce

LONGEST_LIFE_S = 8 * 60 * 60
_MOST_DIGITS = 15  # of any index or time: below 2^50


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthToken:
    expiry_s: int
    account_index: int
    api_key_index: int
    signature: bytes

    @property
    def message(self) -> str:
        return _message(self.expiry_s, self.account_index, self.api_key_index)


class TokenFault(Enum):
    MALFORMED = "auth token is malformed"
    EXPIRED = "auth token is expired"
    TOO_LONG_LIVED = "auth token lives longer than 8 hours"
    READ_ONLY = "read-only auth tokens are not supported"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRefused:
    fault: TokenFault


def parse_token(text: str, *, now_s: int) -> AuthToken | TokenRefused:
    """Form and times only; `holds` checks the signature once the account's key is known."""
    if text.startswith("ro:"):
        return TokenRefused(fault=TokenFault.READ_ONLY)
    *numbers, signature_hex = text.split(":")
    signature = _signature(signature_hex)
    if len(numbers) != 3 or signature is None or not all(map(_is_number, numbers)):
        return TokenRefused(fault=TokenFault.MALFORMED)
    expiry_s, account_index, api_key_index = map(int, numbers)
    if expiry_s <= now_s:
        return TokenRefused(fault=TokenFault.EXPIRED)
    if expiry_s - now_s > LONGEST_LIFE_S:
        return TokenRefused(fault=TokenFault.TOO_LONG_LIVED)
    return AuthToken(
        expiry_s=expiry_s,
        account_index=account_index,
        api_key_index=api_key_index,
        signature=signature,
    )


def holds(token: AuthToken, public_key: bytes) -> bool:
    """Whether the key signed the token: one signature check."""
    message_hash = schnorr.auth_message_hash(token.message)
    return schnorr.verify(message_hash, signature=token.signature, public_key=public_key)


def make_token(*, expiry_s: int, account_index: int, api_key_index: int, private_key: int) -> str:
    message = _message(expiry_s, account_index, api_key_index)
    message_hash = schnorr.auth_message_hash(message)
    k = signing_nonce(private_key, message_hash)
    return f"{message}:{schnorr.sign(message_hash, private_key=private_key, k=k).hex()}"


def _message(expiry_s: int, account_index: int, api_key_index: int) -> str:
    return f"{expiry_s}:{account_index}:{api_key_index}"


def _is_number(text: str) -> bool:
    """Exactly as the signer writes it, so that `message` is what was signed."""
    plain = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    return plain and text == str(int(text))


def _signature(text: str) -> bytes | None:
    if len(text) != 2 * schnorr.SIGNATURE_BYTES or not set(text) <= set("0123456789abcdef"):
        return None
    return bytes.fromhex(text)
