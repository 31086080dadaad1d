"""A Signer in pure Python whose time is a port: for runners and tests under virtual time.

It signs what the native signer would (protocol §5); transactions expire by the given clock, not
by the machine's.
"""

from __future__ import annotations

from hedgepair_runner.clock import Clock
from hedgepair_runner.orders import SignedTx
from hedgepair_runner.venues.paper.keys import parse_private_hex
from hedgepair_runner.venues.paper.records import OrderType, TimeInForce
from hedgepair_runner.venues.paper.signing import sign_transaction
from hedgepair_runner.venues.paper.tokens import make_token
from hedgepair_runner.venues.paper.transactions import (
    NO_ATTRIBUTES,
    Attributes,
    CancelAllOrders,
    CancelAllTimeInForce,
    CancelOrder,
    CreateOrder,
    ModifyOrder,
    Transaction,
)
from hedgepair_runner.venues.venue import OrderRequest, SigningFailed

LIFE_MS = 599_000
"""What the native signer gives every transaction (protocol §5.2)."""
_HIGHEST_PRICE_TICKS = 2**32 - 1
_HIGHEST_INDEX = 2**48 - 1
_NO_SIGNATURE_HEX = "0" * 160


class PaperSigner:
    """Without a private key it signs with zeros, for an exchange that checks no signatures."""

    def __init__(
        self,
        *,
        account_index: int,
        api_key_index: int,
        chain_id: int,
        clock: Clock,
        private_key: str | None = None,
    ) -> None:
        self.account_index = account_index
        self.api_key_index = api_key_index
        self._chain_id = chain_id
        self._clock = clock
        self._private_key = parse_private_hex(private_key) if private_key is not None else None

    def __repr__(self) -> str:
        return (
            f"PaperSigner(account_index={self.account_index}, api_key_index={self.api_key_index})"
        )

    def create(self, request: OrderRequest, *, nonce: int) -> SignedTx:
        _require(1, request.price_ticks, _HIGHEST_PRICE_TICKS, "OrderPrice")
        _require(1, request.size_lots, _HIGHEST_INDEX, "BaseAmount")
        _require(0, request.client_order_index, _HIGHEST_INDEX, "ClientOrderIndex")
        kind = TimeInForce(request.time_in_force)
        return self._signed(
            CreateOrder(
                account_index=self.account_index,
                api_key_index=self.api_key_index,
                nonce=nonce,
                expired_at_ms=self._expired_at_ms(),
                market_id=request.market_id,
                client_order_index=request.client_order_index,
                base_lots=request.size_lots,
                price_ticks=request.price_ticks,
                is_ask=request.side.is_ask,
                order_type=OrderType.LIMIT,
                time_in_force=kind,
                reduce_only=request.reduce_only,
                expiry_ms=0 if kind is TimeInForce.IOC else request.expiry_ms,
                attributes=Attributes(
                    self_trade_behaviour=request.self_trade_behaviour,
                    self_trade_equality=request.self_trade_equality,
                ),
            )
        )

    def cancel(self, *, market_id: int, order_index: int, nonce: int) -> SignedTx:
        return self._signed(
            CancelOrder(
                account_index=self.account_index,
                api_key_index=self.api_key_index,
                nonce=nonce,
                expired_at_ms=self._expired_at_ms(),
                market_id=market_id,
                index=order_index,
            )
        )

    def modify(
        self, *, market_id: int, order_index: int, size_lots: int, price_ticks: int, nonce: int
    ) -> SignedTx:
        _require(1, price_ticks, _HIGHEST_PRICE_TICKS, "OrderPrice")
        return self._signed(
            ModifyOrder(
                account_index=self.account_index,
                api_key_index=self.api_key_index,
                nonce=nonce,
                expired_at_ms=self._expired_at_ms(),
                market_id=market_id,
                index=order_index,
                base_lots=size_lots,
                price_ticks=price_ticks,
            )
        )

    def cancel_all(self, *, market_id: int | None, nonce: int, skip_nonce: bool) -> SignedTx:
        attributes = NO_ATTRIBUTES
        if market_id is not None:
            attributes = Attributes(skip_nonce=skip_nonce, cancel_all_market=market_id)
        elif skip_nonce:
            attributes = Attributes(skip_nonce=True)
        return self._cancel_all(CancelAllTimeInForce.IMMEDIATE, nonce=nonce, attributes=attributes)

    def schedule_cancel_all(self, *, at_ms: int, nonce: int) -> SignedTx:
        return self._cancel_all(CancelAllTimeInForce.SCHEDULED, nonce=nonce, time_ms=at_ms)

    def abort_cancel_all(self, *, nonce: int) -> SignedTx:
        return self._cancel_all(CancelAllTimeInForce.ABORT, nonce=nonce)

    def _cancel_all(
        self,
        kind: CancelAllTimeInForce,
        *,
        nonce: int,
        time_ms: int = 0,
        attributes: Attributes = NO_ATTRIBUTES,
    ) -> SignedTx:
        return self._signed(
            CancelAllOrders(
                account_index=self.account_index,
                api_key_index=self.api_key_index,
                nonce=nonce,
                expired_at_ms=self._expired_at_ms(),
                time_in_force=kind,
                time_ms=time_ms,
                attributes=attributes,
            )
        )

    def auth_token(self, *, expires_at_s: int) -> str:
        who = self.account_index, self.api_key_index
        if self._private_key is None:
            return f"{expires_at_s}:{who[0]}:{who[1]}:{_NO_SIGNATURE_HEX}"
        return make_token(
            expiry_s=expires_at_s,
            account_index=who[0],
            api_key_index=who[1],
            private_key=self._private_key,
        )

    def _signed(self, tx: Transaction) -> SignedTx:
        _require(0, tx.nonce, _HIGHEST_INDEX, "Nonce")
        signed = sign_transaction(tx, chain_id=self._chain_id, private_key=self._private_key)
        return SignedTx(
            tx_type=signed.tx_type,
            info=signed.tx_info,
            tx_hash=signed.tx_hash,
            nonce=tx.nonce,
            expired_at_ms=tx.expired_at_ms,
        )

    def _expired_at_ms(self) -> int:
        return self._clock.wall_ms() + LIFE_MS


def _require(low: int, value: int, high: int, name: str) -> None:
    if value < low:
        raise SigningFailed(f"{name} should not be less than {low}")
    if value > high:
        raise SigningFailed(f"{name} should not be larger than {high}")
