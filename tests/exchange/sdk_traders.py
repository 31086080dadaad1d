"""The unmodified SDK as traders of a strict exchange on a real socket."""

from __future__ import annotations

import asyncio
import importlib
import threading
import time
import warnings
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from hedgepair_runner.venues.paper import keys
from hedgepair_runner.venues.paper.assembly import ExchangeOptions, serve
from hedgepair_runner.venues.paper.gateway_settings import Checking, GatewaySettings
from hedgepair_runner.venues.paper.markets import BTC, ETH
from hedgepair_runner.venues.paper.server import ExchangeServer
from hedgepair_runner.venues.paper.settings import ExchangeSettings

with warnings.catch_warnings():
    # The SDK's WsClient is written for the websockets library's legacy client.
    legacy = "websockets.(legacy|client.connect) is deprecated"
    warnings.filterwarnings("ignore", legacy, DeprecationWarning)
    # Untyped on purpose: the SDK's annotations are wrong, and its package exports nothing by name.
    lighter: Any = importlib.import_module("lighter")

SEED = "round-trip"
CHAIN_ID = 300
KEY = 4
POST_ONLY, IOC = 2, 0
TOUCH = 236_000
Json = dict[str, Any]


@contextmanager
def strict_exchange(exchange: ExchangeSettings | None = None) -> Iterator[ExchangeServer]:
    """In a thread of its own, as the SDK has blocking calls. Every signature is verified."""
    options = ExchangeOptions(
        seed=SEED,
        chain_id=CHAIN_ID,
        markets=(ETH, BTC),
        exchange=exchange or ExchangeSettings(),
        gateway=GatewaySettings(checking=Checking.STRICT, complete_fields=True),
    )
    loop = asyncio.new_event_loop()
    started: list[ExchangeServer] = []
    ready, stop = threading.Event(), asyncio.Event()

    async def run() -> None:
        async with serve(options) as running:
            started.append(running)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),), name="exchange")
    thread.start()
    assert ready.wait(20)
    try:
        yield started[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        assert not thread.is_alive()
        loop.close()


class Trader:
    """An account as the SDK sees it."""

    def __init__(
        self,
        server: ExchangeServer,
        account_index: int,
        *,
        key_indexes: tuple[int, ...] = (KEY,),
        nonces: Any = lighter.nonce_manager.NonceManagerType.OPTIMISTIC,
    ) -> None:
        private = {
            key: keys.private_hex(keys.private_key(SEED, account_index, key)) for key in key_indexes
        }
        self.account_index = account_index
        self.signer = lighter.SignerClient(
            url=server.url,
            account_index=account_index,
            api_private_keys=private,
            nonce_management_type=nonces,
            chain_id=CHAIN_ID,
        )
        self.orders = lighter.OrderApi(self.signer.api_client)
        self.transactions = lighter.TransactionApi(self.signer.api_client)

    def token(self) -> str:
        token, error = self.signer.create_auth_token_with_expiry(600, api_key_index=KEY)
        assert error is None
        return str(token)

    async def order(self, *, price: int = TOUCH, **fields: Any) -> Any:
        """Receipt of a limit order of 0.05 ETH, a post-only bid unless told otherwise."""
        defaults: Json = {
            "market_index": 0,
            "client_order_index": 1_001,
            "base_amount": 500,
            "is_ask": 0,
            "order_type": 0,
            "time_in_force": POST_ONLY,
        }
        if fields.get("time_in_force") == IOC:
            defaults["order_expiry"] = 0
        return success(await self.signer.create_order(**(defaults | {"price": price} | fields)))

    async def active(self) -> list[Any]:
        answer = await self.orders.account_active_orders(
            account_index=self.account_index, market_id=0, authorization=self.token()
        )
        return list(answer.orders)

    async def position(self) -> str:
        api = lighter.AccountApi(self.signer.api_client)
        answer = await api.account(by="index", value=str(self.account_index))
        held = {each.market_id: each for each in answer.accounts[0].positions}
        return f"{held[0].sign * float(held[0].position):.4f}" if 0 in held else "none"


def success(answer: tuple[Any, Any, Any]) -> Any:
    _, receipt, error = answer
    assert error is None
    assert receipt.code == 200
    return receipt


def trade(
    server: ExchangeServer, story: Callable[[Trader, Trader], Awaitable[None]], *, first: int
) -> None:
    """Runs a story between two fresh accounts."""

    async def run() -> None:
        traders = [Trader(server, first), Trader(server, first + 1)]
        try:
            await story(*traders)
        finally:
            for trader in traders:
                await trader.signer.close()

    asyncio.run(run())


async def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        await asyncio.sleep(0.01)
