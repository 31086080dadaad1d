"""A gateway without sockets under a hand-wound clock, for the tests of this folder."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from hedgepair_runner.venues.paper.assembly import ExchangeOptions, assemble
from hedgepair_runner.venues.paper.checker import Verifier
from hedgepair_runner.venues.paper.events import OrderChanged
from hedgepair_runner.venues.paper.gateway_settings import Checking, GatewaySettings
from hedgepair_runner.venues.paper.keys import private_key
from hedgepair_runner.venues.paper.markets import BTC, ETH
from hedgepair_runner.venues.paper.records import OrderType, TimeInForce
from hedgepair_runner.venues.paper.rest import RestRequest
from hedgepair_runner.venues.paper.session import Session
from hedgepair_runner.venues.paper.settings import ExchangeSettings
from hedgepair_runner.venues.paper.signing import SignedTransaction, sign_transaction
from hedgepair_runner.venues.paper.tokens import make_token
from hedgepair_runner.venues.paper.transactions import CancelOrder, CreateOrder, Transaction

Json = dict[str, Any]

SEED = "booth"
CHAIN_ID = 300
START_US = 1_795_344_000_000_000
KEY = 4
BOTH_ETH_AND_BTC = (ETH, BTC)


class HandClock:
    def __init__(self) -> None:
        self.us = START_US

    def now_us(self) -> int:
        return self.us


@dataclass
class Line:
    """A session, its frames as they came, and how it was closed."""

    session: Session = field(init=False)
    frames: list[Json] = field(default_factory=list)
    closed: tuple[int, str] | None = None

    def take(self) -> list[Json]:
        """The frames since the last time."""
        frames, self.frames = self.frames, []
        return frames

    def types(self) -> list[str]:
        return [frame["type"] for frame in self.take() if "type" in frame]

    def of_type(self, kind: str) -> list[Json]:
        return [frame for frame in self.frames if frame.get("type") == kind]

    def say(self, message: Mapping[str, object]) -> list[Json]:
        """Sends a frame that is answered at once; returns what came."""
        pending = self.session.begin(json.dumps(message))
        assert pending is None, "this frame waits for a signature: await it"
        return self.take()

    def subscribe(self, channel: str, auth: str | None = None) -> Json:
        message = {"type": "subscribe", "channel": channel}
        [answer] = self.say(message | ({"auth": auth} if auth else {}))
        return answer


class Booth:
    """Nobody trades here but whom a test tells to."""

    def __init__(
        self,
        *,
        exchange: ExchangeSettings | None = None,
        verifier: Verifier | None = None,
        **settings: Any,
    ) -> None:
        self.clock = HandClock()
        self._nonces: dict[tuple[int, int], int] = {}
        settings.setdefault("checking", Checking.OFF)
        options = ExchangeOptions(
            seed=SEED,
            chain_id=CHAIN_ID,
            markets=BOTH_ETH_AND_BTC,
            exchange=exchange or ExchangeSettings(),
            gateway=GatewaySettings(**settings),
        )
        self.gateway = assemble(options, clock=self.clock, verifier=verifier)
        self.exchange = self.gateway.exchange

    # -- time --

    @property
    def now_ms(self) -> int:
        return self.clock.us // 1_000

    def pass_ms(self, ms: int) -> None:
        """Lets time pass, stopping wherever something is due."""
        until_us = self.clock.us + ms * 1_000
        while True:
            due_us = self.gateway.next_due_us()
            if due_us is None or due_us > until_us:
                break
            self.clock.us = max(self.clock.us, due_us)
            self.gateway.advance()
        self.clock.us = until_us

    # -- sessions and requests --

    def line(self) -> Line:
        """A fresh session, past its greeting."""
        line = Line()

        def close(code: int, reason: str) -> None:
            line.closed = (code, reason)

        line.session = self.gateway.open_session(
            lambda frame: line.frames.append(json.loads(frame)), close
        )
        assert line.types() == ["connected"]
        return line

    def request(
        self,
        path: str,
        *,
        method: str = "GET",
        form: Mapping[str, str] | None = None,
        auth: str | None = None,
    ) -> tuple[int, Json]:
        """Status and body. `path` may have a query."""
        bare, _, query = path.partition("?")
        answer = asyncio.run(
            self.gateway.rest(
                RestRequest(
                    method=method,
                    path=bare,
                    query=dict(parse_qsl(query)),
                    form=form or {},
                    authorization=auth,
                )
            )
        )
        assert answer.content_type == "application/json"
        return answer.status, json.loads(answer.body)

    def get(self, path: str, *, auth: str | None = None) -> Json:
        """The body of an answer that must be a success."""
        status, body = self.request(path, auth=auth)
        assert status == 200, body
        return body

    def token(self, account_index: int, *, lifetime_s: int = 600) -> str:
        return make_token(
            expiry_s=self.clock.us // 1_000_000 + lifetime_s,
            account_index=account_index,
            api_key_index=KEY,
            private_key=private_key(SEED, account_index, KEY),
        )

    # -- transactions --

    def create(
        self,
        account_index: int,
        *,
        is_ask: bool,
        price_ticks: int,
        lots: int = 500,
        market_id: int = 0,
        client_order_index: int = 0,
        time_in_force: TimeInForce = TimeInForce.GTT,
        signed: bool = False,
    ) -> SignedTransaction:
        """A limit order with the key's next nonce."""
        ioc = time_in_force is TimeInForce.IOC
        tx = CreateOrder(
            account_index=account_index,
            api_key_index=KEY,
            nonce=self.next_nonce(account_index),
            expired_at_ms=self.now_ms + 599_000,
            market_id=market_id,
            client_order_index=client_order_index,
            base_lots=lots,
            price_ticks=price_ticks,
            is_ask=is_ask,
            order_type=OrderType.LIMIT,
            time_in_force=time_in_force,
            expiry_ms=0 if ioc else self.now_ms + 3_600_000,
        )
        return self.sign(tx, signed=signed)

    def cancel(self, account_index: int, index: int, *, market_id: int = 0) -> SignedTransaction:
        tx = CancelOrder(
            account_index=account_index,
            api_key_index=KEY,
            nonce=self.next_nonce(account_index),
            expired_at_ms=self.now_ms + 599_000,
            market_id=market_id,
            index=index,
        )
        return self.sign(tx)

    def sign(self, tx: Transaction, *, signed: bool = False) -> SignedTransaction:
        key = private_key(SEED, tx.account_index, tx.api_key_index) if signed else None
        return sign_transaction(tx, chain_id=CHAIN_ID, private_key=key)

    def next_nonce(self, account_index: int) -> int:
        """Counted here, so that transactions may be made before the first is sent."""
        key = (account_index, KEY)
        if key not in self._nonces:
            known = self.exchange.next_nonce(account_index, KEY)
            assert known is not None
            self._nonces[key] = known
        nonce = self._nonces[key]
        self._nonces[key] += 1
        return nonce

    def forget_nonces(self) -> None:
        """Asks the exchange anew, say after a refusal."""
        self._nonces.clear()

    def send(self, tx: SignedTransaction) -> Json:
        """By REST; the receipt."""
        status, body = self.request(
            "/api/v1/sendTx",
            method="POST",
            form={"tx_type": str(tx.tx_type), "tx_info": tx.tx_info},
        )
        assert status == 200, body
        return body

    def rest_order(
        self, account_index: int, *, is_ask: bool, price_ticks: int, lots: int = 500
    ) -> int:
        """An order through the direct door; its index. The account has no margin limit then."""
        events = self.exchange.place_direct(
            account_index,
            market_id=0,
            is_ask=is_ask,
            size_lots=lots,
            price_ticks=price_ticks,
            now_us=self.clock.us,
        )
        self.gateway.publish(events)
        mine = [
            event.order.order_index
            for event in events
            if isinstance(event, OrderChanged) and event.order.account_index == account_index
        ]
        return mine[-1]


def tx_frame(tx: SignedTransaction, request_id: str | None = None) -> Json:
    data: Json = {"tx_type": tx.tx_type, "tx_info": json.loads(tx.tx_info)}
    return {"type": "jsonapi/sendtx", "data": data | ({"id": request_id} if request_id else {})}


def batch_form(txs: Sequence[SignedTransaction]) -> dict[str, str]:
    return {
        "tx_types": json.dumps([tx.tx_type for tx in txs]),
        "tx_infos": json.dumps([tx.tx_info for tx in txs]),
    }
