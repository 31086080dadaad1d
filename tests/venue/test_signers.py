"""Our signers sign what the SDK's own client would: same fields, same hash, valid signatures."""

from __future__ import annotations

import secrets
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from hedgepair_runner.orders import Side, SignedTx, TimeInForce
from hedgepair_runner.venues.lighter import signer as signer_module
from hedgepair_runner.venues.lighter.signer import NativeSigner, SigningUnavailable
from hedgepair_runner.venues.paper import keys
from hedgepair_runner.venues.paper.crypto import schnorr
from hedgepair_runner.venues.paper.paper_signer import LIFE_MS, PaperSigner
from hedgepair_runner.venues.paper.tokens import AuthToken, holds, parse_token
from hedgepair_runner.venues.paper.transactions import parse_transaction, transaction_hash
from hedgepair_runner.venues.venue import OrderRequest, Signer, SigningFailed

CHAIN, ACCOUNT, KEY = 300, 65, 4
SECRET = keys.private_key("7", ACCOUNT, KEY)
PRIVATE, PUBLIC = keys.private_hex(SECRET), keys.public_key("7", ACCOUNT, KEY)
EXPIRY_MS = 1_900_000_000_000
NOW_MS = 1_800_000_000_000

POST_ONLY = OrderRequest(
    market_id=0,
    client_order_index=1001,
    side=Side.BUY,
    size_lots=500,
    price_ticks=235_000,
    time_in_force=TimeInForce.POST_ONLY,
    expiry_ms=EXPIRY_MS,
)
HEDGE = OrderRequest(
    market_id=1,
    client_order_index=2**48 - 1,
    side=Side.SELL,
    size_lots=1,
    price_ticks=2**32 - 1,
    time_in_force=TimeInForce.IOC,
    reduce_only=True,
    self_trade_equality=1,
)


class FixedClock:
    def wall_ms(self) -> int:
        return NOW_MS

    def boot_s(self) -> float:
        return 0.0


def _native() -> NativeSigner:
    return NativeSigner(
        account_index=ACCOUNT, api_key_index=KEY, private_key=PRIVATE, chain_id=CHAIN
    )


def _paper() -> PaperSigner:
    return PaperSigner(
        account_index=ACCOUNT,
        api_key_index=KEY,
        chain_id=CHAIN,
        clock=FixedClock(),
        private_key=PRIVATE,
    )


def _sdk() -> Any:
    """The SDK's client, without the HTTP session that its constructor opens."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from lighter import signer_client
    client: Any = object.__new__(signer_client.SignerClient)
    client.url, client.chain_id, client.account_index = "http://localhost", CHAIN, ACCOUNT
    client.api_key_dict = {KEY: PRIVATE.removeprefix("0x")}
    client.signer = signer_client.get_signer()  # type: ignore[no-untyped-call]  # the SDK's own
    client.create_client(KEY)
    return client


def _same(nonce: int) -> dict[str, int]:
    return {"nonce": nonce, "api_key_index": KEY}


Sign = Callable[[Signer], SignedTx]
BySdk = Callable[[Any], tuple[int, str, str, None]]
CASES: list[tuple[str, Sign, BySdk]] = [
    (
        "post-only buy",
        lambda signer: signer.create(POST_ONLY, nonce=7),
        lambda sdk: sdk.sign_create_order(
            0, 1001, 500, 235_000, False, 0, 2, False, 0, EXPIRY_MS, **_same(7)
        ),
    ),
    (
        "reduce-only IOC sell with a self-trade mode",
        lambda signer: signer.create(HEDGE, nonce=2**40),
        lambda sdk: sdk.sign_create_order(
            1,
            2**48 - 1,
            1,
            2**32 - 1,
            True,
            0,
            0,
            True,
            0,
            0,
            self_trade_equality_mode=1,
            **_same(2**40),
        ),
    ),
    (
        "cancel by client index",
        lambda signer: signer.cancel(market_id=0, order_index=1001, nonce=8),
        lambda sdk: sdk.sign_cancel_order(0, 1001, **_same(8)),
    ),
    (
        "modify",
        lambda signer: signer.modify(
            market_id=0, order_index=281476929510110, size_lots=700, price_ticks=235_100, nonce=9
        ),
        lambda sdk: sdk.sign_modify_order(0, 281476929510110, 700, 235_100, **_same(9)),
    ),
    (
        "fence: one market's cancel-all, skipping nonces",
        lambda signer: signer.cancel_all(market_id=3, nonce=5 << 20, skip_nonce=True),
        lambda sdk: sdk.sign_cancel_all_orders(0, 0, 3, 1, **_same(5 << 20)),
    ),
    (
        "cancel-all of the account",
        lambda signer: signer.cancel_all(market_id=None, nonce=10, skip_nonce=False),
        lambda sdk: sdk.sign_cancel_all_orders(0, 0, **_same(10)),
    ),
    (
        "dead man's switch",
        lambda signer: signer.schedule_cancel_all(at_ms=1_900_000_000_000, nonce=11),
        lambda sdk: sdk.sign_cancel_all_orders(1, 1_900_000_000_000, **_same(11)),
    ),
    (
        "dead man's switch disarmed",
        lambda signer: signer.abort_cancel_all(nonce=12),
        lambda sdk: sdk.sign_cancel_all_orders(2, 0, **_same(12)),
    ),
]
_table = pytest.mark.parametrize(
    ("sign", "by_sdk"), [pytest.param(sign, by_sdk, id=name) for name, sign, by_sdk in CASES]
)


def _content(info: str) -> dict[str, object]:
    """Without the time and the signature, which differ every time."""
    return {k: v for k, v in orjson.loads(info).items() if k not in ("ExpiredAt", "Sig")}


@_table
def test_the_native_signer_signs_as_the_sdk_does(sign: Sign, by_sdk: BySdk) -> None:
    ours = sign(_native())
    tx_type, info, tx_hash, error = by_sdk(_sdk())

    assert error is None
    assert ours.tx_type == tx_type
    assert _content(ours.info) == _content(info)
    # The two expire a moment apart, so each hash is held against its own bytes.
    for text, digest in ((ours.info, ours.tx_hash), (info, tx_hash)):
        tx = parse_transaction(tx_type, text)
        assert transaction_hash(tx, chain_id=CHAIN).hex() == digest


@_table
def test_the_hash_is_that_of_the_bytes_and_the_signature_holds(sign: Sign, by_sdk: BySdk) -> None:
    signed = sign(_native())

    tx = parse_transaction(signed.tx_type, signed.info)
    digest = transaction_hash(tx, chain_id=CHAIN)

    assert signed.tx_hash == digest.hex()
    assert (signed.nonce, signed.expired_at_ms) == (tx.nonce, tx.expired_at_ms)
    assert schnorr.verify(digest, signature=tx.signature, public_key=PUBLIC)


@_table
def test_the_paper_signer_writes_what_the_native_one_does(sign: Sign, by_sdk: BySdk) -> None:
    paper, native = sign(_paper()), sign(_native())

    assert paper.tx_type == native.tx_type
    assert list(orjson.loads(paper.info)) == list(orjson.loads(native.info))
    assert _content(paper.info) == _content(native.info)
    assert paper.expired_at_ms == NOW_MS + LIFE_MS


@pytest.mark.parametrize("make", [_native, _paper])
def test_an_auth_token_is_the_keys_own(make: Callable[[], Signer]) -> None:
    token = parse_token(make().auth_token(expires_at_s=1_800_000_600), now_s=1_800_000_000)

    assert isinstance(token, AuthToken)
    assert (token.expiry_s, token.account_index, token.api_key_index) == (
        1_800_000_600,
        ACCOUNT,
        KEY,
    )
    assert holds(token, PUBLIC)


WRONG: list[tuple[str, Sign]] = [
    ("price beyond a C int", lambda s: s.create(_with(price_ticks=2**32 + 5), nonce=1)),
    ("price of zero", lambda s: s.create(_with(price_ticks=0), nonce=1)),
    ("size of zero", lambda s: s.create(_with(size_lots=0), nonce=1)),
    ("client index beyond 48 bits", lambda s: s.create(_with(client_order_index=2**48), nonce=1)),
    ("a nonce that would be fetched", lambda s: s.create(POST_ONLY, nonce=-1)),
    (
        "a modify beyond a C int",
        lambda s: s.modify(market_id=0, order_index=1, size_lots=1, price_ticks=2**32 + 5, nonce=1),
    ),
]


def _with(*, price_ticks: int = 1, size_lots: int = 1, client_order_index: int = 1) -> OrderRequest:
    return OrderRequest(
        market_id=0,
        client_order_index=client_order_index,
        side=Side.BUY,
        size_lots=size_lots,
        price_ticks=price_ticks,
        time_in_force=TimeInForce.IOC,
    )


@pytest.mark.parametrize("make", [_native, _paper])
@pytest.mark.parametrize("sign", [pytest.param(sign, id=name) for name, sign in WRONG])
def test_what_cannot_be_signed_is_refused(make: Callable[[], Signer], sign: Sign) -> None:
    with pytest.raises(SigningFailed):
        sign(make())


def test_numbers_that_c_would_cut_off_are_refused() -> None:
    with pytest.raises(SigningFailed, match="64 bits"):
        _native().cancel(market_id=0, order_index=2**64 + 7, nonce=1)


@pytest.mark.parametrize("wrong", ["abcd", "zz" * 40, ""])
def test_a_wrong_key_is_refused_without_a_digit_of_it(wrong: str) -> None:
    with pytest.raises(SigningUnavailable) as caught:
        NativeSigner(account_index=9, api_key_index=KEY, private_key=wrong, chain_id=CHAIN)

    # The library itself says "invalid byte: U+007A 'z'".
    assert str(caught.value) == (
        "the signer refused the key of account 9, key index 4: it must be 80 hex digits"
    )


@pytest.mark.parametrize("make", [_native, _paper])
def test_no_text_of_a_signer_holds_its_key(make: Callable[[], Signer]) -> None:
    signer = make()

    assert PRIVATE.removeprefix("0x") not in repr(signer) + str(signer)
    assert str(SECRET) not in repr(signer)


def test_two_signers_of_one_slot_sign_each_with_its_own_key() -> None:
    ours = _native()
    foreign_secret = 1 + secrets.randbelow(2**300)
    foreign = NativeSigner(
        account_index=ACCOUNT,
        api_key_index=KEY,
        private_key=keys.private_hex(foreign_secret),
        chain_id=CHAIN,
    )

    foreign.cancel(market_id=0, order_index=1001, nonce=1)
    signed = ours.cancel(market_id=0, order_index=1001, nonce=1)

    tx = parse_transaction(signed.tx_type, signed.info)
    digest = bytes.fromhex(signed.tx_hash)
    assert schnorr.verify(digest, signature=tx.signature, public_key=PUBLIC)


def test_signing_works_off_the_main_thread() -> None:
    signed: list[SignedTx] = []
    signer = _native()
    thread = threading.Thread(target=lambda: signed.append(signer.create(POST_ONLY, nonce=3)))

    thread.start()
    thread.join()

    assert signed[0].nonce == 3


def test_the_sdk_is_not_imported() -> None:
    code = (
        "import sys; from hedgepair_runner.venues.lighter.signer import NativeSigner; "
        f"NativeSigner(account_index=1, api_key_index=4, private_key={PRIVATE!r}, chain_id=300);"
        "print('lighter' in sys.modules, 'pydantic' in sys.modules)"
    )

    printed = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    ).stdout

    assert printed.split() == ["False", "False"]


def test_another_sdk_version_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signer_module, "version", lambda name: "1.2.0")

    with pytest.raises(SigningUnavailable, match=r"install lighter-sdk==1\.1\.8"):
        signer_module._library_path()
