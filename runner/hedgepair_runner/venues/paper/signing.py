"""Signs transactions in process, as the native signer does, but with every number given.

For clients under virtual time: the native signer takes `ExpiredAt` from the wall clock. The JSON
has the recorded order of keys (protocol §5.4).
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace

import orjson

from hedgepair_runner.venues.paper.crypto import schnorr
from hedgepair_runner.venues.paper.keys import signing_nonce
from hedgepair_runner.venues.paper.transactions import (
    TX_TYPES,
    UNSIGNED,
    Transaction,
    body_of,
    transaction_hash,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedTransaction:
    """What `sendTx` takes, and the hash it will answer with."""

    tx_type: int
    tx_info: str
    tx_hash: str


def sign_transaction(
    tx: Transaction, *, chain_id: int, private_key: int | None, k: int | None = None
) -> SignedTransaction:
    """Signs with `private_key`; without one the signature is 80 zero bytes, at no cost.

    `k` is the signature's secret number, by default a function of key and hash.
    """
    digest = transaction_hash(tx, chain_id=chain_id)
    signature = UNSIGNED
    if private_key is not None:
        k = signing_nonce(private_key, digest) if k is None else k
        signature = schnorr.sign(digest, private_key=private_key, k=k)
    signed = replace(tx, signature=signature)
    return SignedTransaction(
        tx_type=TX_TYPES[type(tx)], tx_info=tx_info_of(signed), tx_hash=digest.hex()
    )


def tx_info_of(tx: Transaction) -> str:
    """The transaction as the signer writes it."""
    attributes = {str(id_): value for id_, value in tx.attributes.by_id().items()}
    info = {
        **body_of(tx),
        "ExpiredAt": tx.expired_at_ms,
        "Nonce": tx.nonce,
        "Sig": base64.b64encode(tx.signature).decode("ascii"),
        "L2TxAttributes": attributes or None,
    }
    return orjson.dumps(info).decode()
