"""Agreement with the venue's own signer, as lighter-sdk ships it (protocol §5)."""

from __future__ import annotations

import asyncio
import random
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from hedgepair_runner.venues.paper import keys, signing, tokens
from hedgepair_runner.venues.paper.crypto import schnorr
from hedgepair_runner.venues.paper.transactions import parse_transaction, transaction_hash

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the SDK imports a deprecated name of its own dependency
    from lighter.signer_client import SignerClient

CHAIN_ID = 300
ACCOUNT = 65
KEY = 4
PER_KIND = 8
NOW_S = 1_795_344_000

Native = tuple[Any, Any, Any, Any]
"""tx type, tx_info, hash, error; the SDK's annotations are wrong about the first."""
Sign = Callable[[SignerClient, random.Random], Native]


def who(chance: random.Random) -> dict[str, int]:
    return {
        "nonce": chance.choice([0, 7, 2**47, chance.randrange(2**40)]),
        "api_key_index": KEY,
        "skip_nonce": chance.randrange(2),
    }


def modes(chance: random.Random) -> dict[str, int]:
    """Integrator fees or self-trade modes: the signer refuses both together."""
    if chance.random() < 0.3:
        return {
            "integrator_account_index": chance.choice([1, 6, 2**48 - 2]),
            "integrator_taker_fee": chance.choice([0, 1000]),
            "integrator_maker_fee": chance.choice([0, 500]),
        }
    behaviour = chance.randrange(4)
    equality = 0 if behaviour == 3 else chance.randrange(2)
    return {"self_trade_behavior_mode": behaviour, "self_trade_equality_mode": equality}


def size_and_price(chance: random.Random) -> dict[str, int]:
    return {
        "base_amount": chance.choice([1, 500, 2**48 - 1, chance.randrange(1, 2**40)]),
        "price": chance.choice([1, 235_000, 2**31 - 1, 2**32 - 1]),
    }


def create(client: SignerClient, chance: random.Random) -> Native:
    order_type, time_in_force, trigger = chance.choice(
        [(0, 0, 0), (0, 1, 0), (0, 2, 0), (1, 0, 0), (2, 0, 9), (3, 1, 9), (4, 0, 9), (5, 2, 9)]
    )
    expires = time_in_force != 0 or trigger != 0
    return client.sign_create_order(
        market_index=chance.choice([0, 1, 254, 2048]) if not trigger else chance.randrange(255),
        client_order_index=chance.choice([0, 1, 1001, 2**48 - 1]),
        **size_and_price(chance),
        is_ask=chance.random() < 0.5,
        order_type=order_type,
        time_in_force=time_in_force,
        trigger_price=trigger,
        order_expiry=NOW_S * 1000 + 10**6 if expires else 0,
        **modes(chance),
        **who(chance),
    )


def reduce(client: SignerClient, chance: random.Random) -> Native:
    return client.sign_create_order(
        3, 5, chance.choice([0, 7]), 100, True, 0, 0, True, order_expiry=0, **who(chance)
    )


def cancel(client: SignerClient, chance: random.Random) -> Native:
    index = chance.choice([1, 2**48 - 1, 281476929510110, 2**60 - 1])
    return client.sign_cancel_order(chance.randrange(255), index, **who(chance))


def cancel_all(client: SignerClient, chance: random.Random) -> Native:
    time_in_force = chance.randrange(3)
    at_ms = NOW_S * 1000 + 10**6 if time_in_force == 1 else 0
    market = chance.choice([0, 3, 255]) if time_in_force == 0 else 255
    return client.sign_cancel_all_orders(time_in_force, at_ms, market, **who(chance))


def modify(client: SignerClient, chance: random.Random) -> Native:
    return client.sign_modify_order(
        market_index=chance.randrange(255),
        order_index=chance.choice([1, 281476929510110]),
        **size_and_price(chance),
        trigger_price=chance.choice([0, 5]),
        **{**who(chance), "skip_nonce": 0},
        **modes(chance),
        order_version=chance.choice([0, 3, 2**32]),
    )


def leverage(client: SignerClient, chance: random.Random) -> Native:
    fraction = chance.choice([1, 1000, 10_000])
    return client.sign_update_leverage(0, fraction, chance.randrange(2), **who(chance))


def margin(client: SignerClient, chance: random.Random) -> Native:
    usdc = chance.choice([1, 5_000_000, 2**32 + 5, 2**60 - 1])
    return client.sign_update_margin(1, usdc, chance.randrange(2), **who(chance))


KINDS: dict[str, Sign] = {
    "create": create,
    "reduce": reduce,
    "cancel": cancel,
    "cancel all": cancel_all,
    "modify": modify,
    "leverage": leverage,
    "margin": margin,
}


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What the native signer made of a paper key."""

    signed: dict[str, list[Native]]
    token: str


@pytest.fixture(scope="module")
def recorded() -> Recorded:
    async def record() -> Recorded:
        private_hex = keys.private_hex(keys.private_key("demo", ACCOUNT, KEY))
        client = SignerClient(
            url="http://127.0.0.1:1",
            account_index=ACCOUNT,
            api_private_keys={KEY: private_hex},
            chain_id=CHAIN_ID,
        )
        chance = random.Random(20)
        try:
            signed = {
                kind: [sign(client, chance) for _ in range(PER_KIND)]
                for kind, sign in KINDS.items()
            }
            token, error = client.create_auth_token_with_expiry(
                600, timestamp=NOW_S, api_key_index=KEY
            )
        finally:
            await client.close()  # type: ignore[no-untyped-call]  # the SDK's
        assert error is None
        return Recorded(signed=signed, token=token)

    return asyncio.run(record())


@pytest.mark.parametrize("kind", KINDS)
def test_a_natively_signed_transaction_is_read_hashed_and_verified(
    recorded: Recorded, kind: str
) -> None:
    public_key = keys.public_key("demo", ACCOUNT, KEY)
    for tx_type, tx_info, tx_hash, error in recorded.signed[kind]:
        assert error is None
        tx = parse_transaction(tx_type, tx_info)
        digest = transaction_hash(tx, chain_id=CHAIN_ID)

        assert digest.hex() == tx_hash
        assert signing.tx_info_of(tx) == tx_info
        assert schnorr.verify(digest, signature=tx.signature, public_key=public_key)


@pytest.mark.parametrize("kind", KINDS)
def test_a_tampered_transaction_is_another_one_and_does_not_verify(
    recorded: Recorded, kind: str
) -> None:
    tx_type, tx_info, tx_hash, _ = recorded.signed[kind][0]
    tx = parse_transaction(tx_type, tx_info)
    public_key = keys.public_key("demo", ACCOUNT, KEY)
    attributes = replace(tx.attributes, skip_nonce=not tx.attributes.skip_nonce)

    for tampered in (
        replace(tx, nonce=tx.nonce + 1),
        replace(tx, account_index=66),
        replace(tx, attributes=attributes),
    ):
        digest = transaction_hash(tampered, chain_id=CHAIN_ID)
        assert digest.hex() != tx_hash
        assert not schnorr.verify(digest, signature=tx.signature, public_key=public_key)
    assert transaction_hash(tx, chain_id=CHAIN_ID + 4).hex() != tx_hash


def test_a_native_auth_token_holds_for_the_paper_key(recorded: Recorded) -> None:
    token = tokens.parse_token(recorded.token, now_s=NOW_S)

    assert isinstance(token, tokens.AuthToken)
    assert (token.account_index, token.api_key_index) == (ACCOUNT, KEY)
    assert tokens.holds(token, keys.public_key("demo", ACCOUNT, KEY))
