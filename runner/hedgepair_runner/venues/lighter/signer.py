"""Signs through the SDK's native library, without the SDK (design §4.7; protocol §5).

Importing lighter-sdk costs 40 MiB and most of a second; its shared library alone costs 2 MiB.
The library's C interface changes between SDK versions without a sign (protocol §10, item 9), so
exactly one version is accepted. Keys live in the library, one per account and key index for the
whole process.
"""

from __future__ import annotations

import ctypes
import platform
import threading
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import orjson

from hedgepair_runner.orders import SignedTx, TimeInForce
from hedgepair_runner.venues.venue import OrderRequest, SigningFailed

SDK_VERSION = "1.1.8"
HIGHEST_PRICE_TICKS = 2**32 - 1
"""The argument is a C int: a higher price is cut off and signed in silence (protocol §5.4)."""
_LIMIT_ORDER = 0
_IMMEDIATELY, _SCHEDULED, _ABORT = 0, 1, 2
_ALL_MARKETS = 255
_HIGHEST_MARKET = 2**15 - 1
_HIGHEST_NONCE = 2**48 - 1
_HIGHEST_ARGUMENT = 2**63 - 1

_LIBRARIES = {
    ("Darwin", "arm64"): "lighter-signer-darwin-arm64.dylib",
    ("Darwin", "x86_64"): "lighter-signer-darwin-amd64.dylib",
    ("Linux", "x86_64"): "lighter-signer-linux-amd64.so",
    ("Linux", "arm64"): "lighter-signer-linux-arm64.so",
    ("Windows", "x86_64"): "lighter-signer-windows-amd64.dll",
}
_MACHINES = {"amd64": "x86_64", "aarch64": "arm64"}


class SigningUnavailable(Exception):
    """The native library is missing, of another version, or refuses the key. No retry mends it."""


class _SignedTxResponse(ctypes.Structure):
    _fields_ = [
        ("txType", ctypes.c_uint8),
        ("txInfo", ctypes.c_void_p),
        ("txHash", ctypes.c_void_p),
        ("messageToSign", ctypes.c_void_p),
        ("err", ctypes.c_void_p),
    ]


class _StrOrErr(ctypes.Structure):
    _fields_ = [("str", ctypes.c_void_p), ("err", ctypes.c_void_p)]


class NativeSigner:
    """A Signer over the native library. About half a millisecond a signature off the main thread.

    Nonce and key index are always explicit, so the library never asks a venue for anything.
    """

    def __init__(
        self, *, account_index: int, api_key_index: int, private_key: str, chain_id: int
    ) -> None:
        self.account_index = account_index
        self.api_key_index = api_key_index
        self._chain_id = chain_id
        self._private_key = private_key.removeprefix("0x")
        self._library = _library()
        with _registered_lock:
            self._register()

    def rekey(self, private_key: str) -> None:
        """Signs with this key from now on (design §4.4: rotated at the same index).

        Raises SigningUnavailable for one that the library refuses; the former key stays then.
        """
        with _registered_lock:
            former = self._private_key
            self._private_key = private_key.removeprefix("0x")
            _registered.pop((self.account_index, self.api_key_index), None)
            try:
                self._register()
            except SigningUnavailable:
                self._private_key = former
                raise

    def __repr__(self) -> str:
        return (
            f"NativeSigner(account_index={self.account_index}, api_key_index={self.api_key_index})"
        )

    def create(self, request: OrderRequest, *, nonce: int) -> SignedTx:
        """A limit order. IOC orders carry no expiry."""
        _require_price(request.price_ticks)
        is_ioc = request.time_in_force is TimeInForce.IOC
        return self._signed(
            self._library.SignCreateOrder,
            request.market_id,
            request.client_order_index,
            request.size_lots,
            request.price_ticks,
            int(request.side.is_ask),
            _LIMIT_ORDER,
            int(request.time_in_force),
            int(request.reduce_only),
            0,  # trigger price
            0 if is_ioc else request.expiry_ms,
            0,  # integrator account, its taker fee, its maker fee
            0,
            0,
            request.self_trade_behaviour,
            request.self_trade_equality,
            0,  # skip nonce
            nonce,
            market_id=request.market_id,
            nonce=nonce,
        )

    def cancel(self, *, market_id: int, order_index: int, nonce: int) -> SignedTx:
        sign = self._library.SignCancelOrder
        return self._signed(
            sign, market_id, order_index, 0, nonce, market_id=market_id, nonce=nonce
        )

    def modify(
        self, *, market_id: int, order_index: int, size_lots: int, price_ticks: int, nonce: int
    ) -> SignedTx:
        _require_price(price_ticks)
        return self._signed(
            self._library.SignModifyOrder,
            market_id,
            order_index,
            size_lots,
            price_ticks,
            0,  # trigger price
            0,  # integrator account, its taker fee, its maker fee
            0,
            0,
            0,  # self-trade behaviour and equality
            0,
            0,  # skip nonce
            nonce,
            0,  # order version
            market_id=market_id,
            nonce=nonce,
        )

    def cancel_all(self, *, market_id: int | None, nonce: int, skip_nonce: bool) -> SignedTx:
        market = _ALL_MARKETS if market_id is None else market_id
        sign = self._library.SignCancelAllOrders
        return self._signed(
            sign, _IMMEDIATELY, 0, market, int(skip_nonce), nonce, market_id=market, nonce=nonce
        )

    def schedule_cancel_all(self, *, at_ms: int, nonce: int) -> SignedTx:
        return self._cancel_all_of_account(_SCHEDULED, at_ms, nonce=nonce)

    def abort_cancel_all(self, *, nonce: int) -> SignedTx:
        return self._cancel_all_of_account(_ABORT, 0, nonce=nonce)

    def _cancel_all_of_account(self, kind: int, at_ms: int, *, nonce: int) -> SignedTx:
        sign = self._library.SignCancelAllOrders
        return self._signed(
            sign, kind, at_ms, _ALL_MARKETS, 0, nonce, market_id=_ALL_MARKETS, nonce=nonce
        )

    def auth_token(self, *, expires_at_s: int) -> str:
        with _registered_lock:
            self._register()
            answer = self._library.CreateAuthToken(
                expires_at_s, self.api_key_index, self.account_index
            )
        token, error = self._text(answer.str), self._text(answer.err)
        if error or not token:
            raise SigningFailed(error or "the signer gave no token")
        return token

    def _signed(
        self, sign: ctypes._NamedFuncPointer, *arguments: int, market_id: int, nonce: int
    ) -> SignedTx:
        """Ranges are checked here: C cuts numbers off, and fetches a nonce that is below zero."""
        if not 0 <= nonce <= _HIGHEST_NONCE:
            raise SigningFailed(f"nonce {nonce} is out of range")
        if not 0 <= market_id <= _HIGHEST_MARKET:
            raise SigningFailed(f"market {market_id} is out of range")
        if min(arguments) < 0 or max(arguments) > _HIGHEST_ARGUMENT:
            raise SigningFailed("a number below zero or beyond 64 bits cannot be signed")
        try:
            with _registered_lock:
                self._register()
                answer = sign(*arguments, self.api_key_index, self.account_index)
        except ctypes.ArgumentError as error:
            raise SigningFailed(f"an argument does not fit: {error}") from error
        error_text, info = self._text(answer.err), self._text(answer.txInfo)
        tx_hash, _ = self._text(answer.txHash), self._text(answer.messageToSign)
        if error_text or not info or not tx_hash:
            raise SigningFailed(error_text or "the signer gave no transaction")
        return SignedTx(
            tx_type=answer.txType,
            info=info,
            tx_hash=tx_hash,
            nonce=nonce,
            expired_at_ms=orjson.loads(info)["ExpiredAt"],
        )

    def _register(self) -> None:
        """Makes this signer's key the one that the library holds for its account and index."""
        slot = (self.account_index, self.api_key_index)
        if _registered.get(slot) is self:
            return
        refused = self._library.CreateClient(
            b"",
            self._private_key.encode(),
            self._chain_id,
            self.api_key_index,
            self.account_index,
        )
        if self._text(refused) is not None:
            # The library's own sentence may quote a digit of the key (law 9).
            raise SigningUnavailable(
                f"the signer refused the key of account {self.account_index}, key index "
                f"{self.api_key_index}: it must be 80 hex digits"
            )
        _registered[slot] = self

    def _text(self, pointer: int | None) -> str | None:
        """The C string, freed by the library that made it."""
        if not pointer:
            return None
        try:
            value = ctypes.cast(pointer, ctypes.c_char_p).value
            return value.decode() if value is not None else None
        finally:
            self._library.Free(pointer)


_registered: dict[tuple[int, int], NativeSigner] = {}
_registered_lock = threading.Lock()
"""Held through a signature: the key that is registered is the key that signs."""


def _require_price(price_ticks: int) -> None:
    if not 1 <= price_ticks <= HIGHEST_PRICE_TICKS:
        raise SigningFailed(f"price {price_ticks} ticks is out of range")


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(str(_library_path()))
    except OSError as error:
        raise SigningUnavailable(f"the native signer cannot be loaded: {error}") from error
    _declare(library)
    return library


def _library_path() -> Path:
    """Found without importing the package, which would cost what this module saves."""
    try:
        found = version("lighter-sdk")
    except PackageNotFoundError:
        raise SigningUnavailable(
            f"lighter-sdk is not installed; install lighter-sdk=={SDK_VERSION}"
        ) from None
    if found != SDK_VERSION:
        raise SigningUnavailable(
            f"lighter-sdk {found} is installed, but this runner signs with the interface of "
            f"{SDK_VERSION}; install lighter-sdk=={SDK_VERSION}"
        )
    machine = platform.machine().lower()
    name = _LIBRARIES.get((platform.system(), _MACHINES.get(machine, machine)))
    spec = find_spec("lighter")
    if name is None or spec is None or spec.origin is None:
        raise SigningUnavailable(
            f"lighter-sdk {found} has no signer for {platform.system()} on {machine}"
        )
    return Path(spec.origin).parent / "signers" / name


def _declare(library: ctypes.CDLL) -> None:
    """The C signatures of the SDK version above."""
    i, u8, i64 = ctypes.c_int, ctypes.c_uint8, ctypes.c_longlong
    text = ctypes.c_char_p
    order = [i64, i64, i64, i, i, i, i, i, i, i64, i64, i, i, u8, u8, u8, i64, i, i64]
    change = [i64, i64, i64, i64, i64, i64, i, i, u8, u8, u8, i64, i64, i, i64]
    signatures = {
        "SignCreateOrder": (order, _SignedTxResponse),
        "SignCancelOrder": ([i64, i64, u8, i64, i, i64], _SignedTxResponse),
        "SignCancelAllOrders": ([i, i64, i64, u8, i64, i, i64], _SignedTxResponse),
        "SignModifyOrder": (change, _SignedTxResponse),
        "CreateClient": ([text, text, i, i, i64], ctypes.c_void_p),
        "CreateAuthToken": ([i64, i, i64], _StrOrErr),
        "Free": ([ctypes.c_void_p], None),
    }
    try:
        for name, (arguments, result) in signatures.items():
            function = getattr(library, name)
            function.argtypes, function.restype = arguments, result
    except AttributeError as error:
        raise SigningUnavailable(f"the native signer has another interface: {error}") from error
