"""What the SDK's published examples do, each as a journey of our own with the SDK as it is.

The plain ones (rest, fill, modify, cancel, cancel-all, leverage, batch, WsClient) are in
`test_sdk_round_trip`; here are the others, down to those that paper does not simulate.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from hedgepair_runner.venues.paper.server import ExchangeServer
from hedgepair_runner.venues.paper.settings import ExchangeSettings
from tests.exchange.sdk_traders import (
    KEY,
    POST_ONLY,
    TOUCH,
    Json,
    Trader,
    lighter,
    strict_exchange,
    success,
    trade,
)

pytestmark = pytest.mark.slow

GTT = 1
NONE = lighter.nonce_manager.NonceManagerType.NONE
API_NONCES = lighter.nonce_manager.NonceManagerType.API


@pytest.fixture(scope="module")
def server() -> Iterator[ExchangeServer]:
    """Accounts 510 and 511 are under one L1 address."""
    with strict_exchange(ExchangeSettings(same_l1=frozenset({frozenset({510, 511})}))) as running:
        yield running


class Socket:
    """A WebSocket as the examples use one: a frame out, an answer in."""

    def __init__(self, line: aiohttp.ClientWebSocketResponse) -> None:
        self._line = line

    async def ask(self, kind: str, **data: Any) -> Json:
        await self._line.send_json({"type": f"jsonapi/{kind}", "data": {"id": "mine", **data}})
        answer: Json = await self._line.receive_json(timeout=5)
        return answer

    async def send(self, signed: tuple[Any, Any, Any, Any]) -> Json:
        tx_type, tx_info, tx_hash, error = signed
        assert error is None
        answer = await self.ask("sendtx", tx_type=tx_type, tx_info=json.loads(tx_info))
        assert (answer["code"], answer["id"], answer["tx_hash"]) == (200, "mine", tx_hash), answer
        return answer

    async def send_batch(self, batch: list[tuple[Any, Any, Any, Any]]) -> None:
        answer = await self.ask(
            "sendtxbatch",
            tx_types=json.dumps([each[0] for each in batch]),
            tx_infos=json.dumps([each[1] for each in batch]),
        )
        assert answer["tx_hash"] == [each[2] for each in batch], answer


def on_socket(server: ExchangeServer, account: int, journey: Any) -> None:
    async def story(trader: Trader, _other: Trader) -> None:
        async with aiohttp.ClientSession() as session:
            line = await session.ws_connect(server.ws_url)
            assert (await line.receive_json())["type"] == "connected"
            await journey(trader, Socket(line))
            await line.close()

    trade(server, story, first=account)


def limit(client_order_index: int, price: int, *, is_ask: bool = False, lots: int = 500) -> Json:
    return {
        "market_index": 0,
        "client_order_index": client_order_index,
        "base_amount": lots,
        "price": price,
        "is_ask": is_ask,
        "order_type": 0,
        "time_in_force": GTT,
        "reduce_only": False,
        "trigger_price": 0,
    }


def test_create_modify_and_cancel_over_the_socket(server: ExchangeServer) -> None:
    async def journey(trader: Trader, socket: Socket) -> None:
        nonces = trader.signer.nonce_manager
        key, nonce = nonces.next_nonce()
        mine = {"nonce": nonce, "api_key_index": key}
        await socket.send(trader.signer.sign_create_order(**limit(123, TOUCH), **mine))
        [resting] = await trader.active()
        assert (resting.client_order_index, resting.price) == (123, "2360.00")

        mine["nonce"] = nonces.next_nonce(key)[1]
        await socket.send(
            trader.signer.sign_modify_order(
                market_index=0, order_index=123, base_amount=600, price=TOUCH - 10, **mine
            )
        )
        [resting] = await trader.active()
        assert (resting.initial_base_amount, resting.price) == ("0.0600", "2359.90")

        mine["nonce"] = nonces.next_nonce(key)[1]
        await socket.send(trader.signer.sign_cancel_order(market_index=0, order_index=123, **mine))
        assert await trader.active() == []

    on_socket(server, 300, journey)


def test_batches_over_the_socket_place_replace_and_clear(server: ExchangeServer) -> None:
    async def journey(trader: Trader, socket: Socket) -> None:
        signer = trader.signer

        def mine() -> Json:
            key, nonce = signer.nonce_manager.next_nonce(KEY)
            return {"nonce": nonce, "api_key_index": key}

        ask = signer.sign_create_order(**limit(1_001, TOUCH + 3_000, is_ask=True), **mine())
        bid = signer.sign_create_order(**limit(1_002, TOUCH - 3_000), **mine())
        await socket.send_batch([ask, bid])
        assert len(await trader.active()) == 2

        gone = signer.sign_cancel_order(market_index=0, order_index=1_001, **mine())
        ask = signer.sign_create_order(**limit(1_003, TOUCH + 4_000, is_ask=True), **mine())
        await socket.send_batch([gone, ask])
        assert {order.client_order_index for order in await trader.active()} == {1_002, 1_003}

        await socket.send_batch(
            [
                signer.sign_cancel_order(market_index=0, order_index=index, **mine())
                for index in (1_002, 1_003)
            ]
        )
        assert await trader.active() == []

    on_socket(server, 310, journey)


def test_isolated_leverage_over_the_socket_and_margin_in_and_out(server: ExchangeServer) -> None:
    async def journey(trader: Trader, socket: Socket) -> None:
        signer, [key, nonce] = trader.signer, trader.signer.nonce_manager.next_nonce()
        signed = signer.sign_update_leverage(
            market_index=0,
            fraction=10_000 // 50,
            margin_mode=signer.ISOLATED_MARGIN_MODE,
            nonce=nonce,
            api_key_index=key,
        )
        await socket.send(signed)

        api = lighter.AccountApi(signer.api_client)
        [position] = (await api.account(by="index", value="320")).accounts[0].positions
        assert (position.margin_mode, position.initial_margin_fraction) == (1, "2.00")
        _, _, error = await signer.update_margin(
            market_index=0, usdc_amount=5, direction=signer.ISOLATED_MARGIN_ADD_COLLATERAL
        )
        assert "21614" in error, "there is no position to put it in yet"

    on_socket(server, 320, journey)


def test_market_orders_by_slippage_and_by_quote_amount(server: ExchangeServer) -> None:
    async def story(maker: Trader, taker: Trader) -> None:
        await maker.order(is_ask=1, price=TOUCH + 200, base_amount=2_000, client_order_index=1)
        await maker.order(price=TOUCH, base_amount=2_000, client_order_index=2)
        signer = taker.signer
        order: Json = {"market_index": 0, "client_order_index": 0}

        success(
            await signer.create_market_order_if_slippage(
                **order, base_amount=500, max_slippage=0.01, is_ask=True
            )
        )
        assert await taker.position() == "-0.0500"

        _, _, error = await signer.create_market_order_if_slippage(
            **order, base_amount=50_000, max_slippage=0.01, is_ask=True
        )
        assert "Cannot be sure slippage will be acceptable" in error

        success(await signer.update_leverage(market_index=0, leverage=7, margin_mode=0))
        success(
            await signer.create_market_order_quote_amount(
                **order, quote_amount=118.1, max_slippage=0.001, is_ask=False
            )
        )
        assert await taker.position() == "0.0000"

        success(
            await signer.create_market_order(
                **order, base_amount=100, avg_execution_price=TOUCH + 5_000, is_ask=False
            )
        )
        assert await taker.position() == "0.0100"
        success(await maker.signer.cancel_all_orders(time_in_force=0, timestamp_ms=0))

    trade(server, story, first=330)


def test_cancel_all_of_one_market_scheduled_and_aborted(server: ExchangeServer) -> None:
    async def story(maker: Trader, _other: Trader) -> None:
        signer = maker.signer
        await maker.order(client_order_index=1)
        success(await signer.create_order(**limit(2, 600_000) | {"market_index": 1}))
        success(
            await signer.cancel_all_orders(
                time_in_force=signer.CANCEL_ALL_TIF_IMMEDIATE,
                timestamp_ms=0,
                cancel_all_market_index=0,
            )
        )
        assert await maker.active() == []

        at_ms = int(time.time() * 1_000) + 600_000
        scheduled = signer.CANCEL_ALL_TIF_SCHEDULED
        success(await signer.cancel_all_orders(time_in_force=scheduled, timestamp_ms=at_ms))
        assert await armed_at(maker) == at_ms
        _, _, error = await signer.cancel_all_orders(scheduled, at_ms + 1_000)
        assert "21712" in error
        abort = signer.CANCEL_ALL_TIF_ABORT
        success(await signer.cancel_all_orders(time_in_force=abort, timestamp_ms=0))

        assert await armed_at(maker) == 0
        success(await signer.cancel_all_orders(signer.CANCEL_ALL_TIF_IMMEDIATE, 0))

    trade(server, story, first=340)


async def armed_at(trader: Trader) -> int:
    api = lighter.AccountApi(trader.signer.api_client)
    account = (await api.account(by="index", value=str(trader.account_index))).accounts[0]
    return int(account.cancel_all_time)


def test_orders_go_out_by_several_keys_in_turn(server: ExchangeServer) -> None:
    async def story(_maker: Trader, _other: Trader) -> None:
        trader = Trader(server, 352, key_indexes=(4, 5, 6))
        try:
            assert await asyncio.to_thread(trader.signer.check_client) is None
            for step in range(6):
                success(await trader.signer.create_order(**limit(50 + step, TOUCH - 1 - step)))
            assert len(await trader.active()) == 6
            nonces = [
                (await trader.transactions.next_nonce(account_index=352, api_key_index=key)).nonce
                for key in (4, 5, 6)
            ]
            assert len(set(nonces)) == 1, "two each"
            success(await trader.signer.cancel_all_orders(time_in_force=0, timestamp_ms=0))
        finally:
            await trader.signer.close()

    trade(server, story, first=350)


@pytest.mark.parametrize("nonces", [NONE, API_NONCES], ids=["own nonces", "nonces by REST"])
def test_the_other_nonce_managers_work(server: ExchangeServer, nonces: Any) -> None:
    account = 360 if nonces is NONE else 362

    async def story(_maker: Trader, _other: Trader) -> None:
        trader = Trader(server, account, nonces=nonces)
        signer = trader.signer
        own: list[Json] = [{}, {}, {}]
        if nonces is NONE:
            own = [
                {"skip_nonce": 1, "nonce": nonce, "api_key_index": KEY} for nonce in (22, 25, 28)
            ]
        try:
            success(await signer.create_order(**limit(123, TOUCH - 90), **own[0]))
            moved: Json = {"market_index": 0, "order_index": 123, "base_amount": 600}
            success(await signer.modify_order(**moved, price=TOUCH - 95, **own[1]))
            [resting] = await trader.active()
            assert resting.price == "2359.05"
            success(await signer.cancel_order(market_index=0, order_index=123, **own[2]))
            after = await trader.transactions.next_nonce(account_index=account, api_key_index=KEY)
            assert after.nonce == (29 if nonces is NONE else 4)
        finally:
            await signer.close()

    trade(server, story, first=account + 2_000)


def test_nonces_are_fetched_without_blocking_the_loop(server: ExchangeServer) -> None:
    async def story(trader: Trader, _other: Trader) -> None:
        key, nonce = await trader.signer.nonce_manager.async_next_nonce()
        mine = {"api_key_index": key, "nonce": nonce}
        success(await trader.signer.create_order(**limit(1, TOUCH - 90), **mine))
        success(await trader.signer.cancel_order(market_index=0, order_index=1))

    trade(server, story, first=370)


def test_a_stale_order_version_changes_nothing(server: ExchangeServer) -> None:
    async def story(maker: Trader, _other: Trader) -> None:
        signer = maker.signer
        success(await signer.create_order(**limit(77, TOUCH - 90)))
        shown = []
        for version, price in ((100, TOUCH - 80), (100, TOUCH - 70), (200, TOUCH - 60)):
            await signer.modify_order(
                market_index=0, order_index=77, base_amount=600, price=price, order_version=version
            )
            [resting] = await maker.active()
            shown.append((resting.order_version, resting.price))

        assert shown == [(100, "2359.20"), (100, "2359.20"), (200, "2359.40")]
        success(await signer.cancel_order(market_index=0, order_index=77))

    trade(server, story, first=380)


def test_one_owners_accounts_expire_each_others_orders(server: ExchangeServer) -> None:
    async def story(first: Trader, second: Trader) -> None:
        await first.order(client_order_index=1)
        signer = second.signer
        success(
            await signer.create_order(
                **limit(2, TOUCH, is_ask=True),
                self_trade_behavior_mode=signer.SELF_TRADE_BEHAVIOR_EXPIRE_BOTH,
                self_trade_equality_mode=signer.SELF_TRADE_EQUALITY_MASTER_ACCOUNT_INDEX,
            )
        )

        assert (await first.active(), await second.active()) == ([], [])
        assert await first.position() == "none"
        api = lighter.AccountApi(signer.api_client)
        mine = (await api.account(by="index", value="510")).accounts[0]
        owned = await api.accounts_by_l1_address(l1_address=mine.l1_address)
        assert [account.index for account in owned.sub_accounts] == [510, 511]

    trade(server, story, first=510)


def test_tokens_made_ahead_serve_in_their_own_hours_only(server: ExchangeServer) -> None:
    """Eight hours each, from now on; one that lives longer is refused (protocol §5.6)."""

    async def story(reader: Trader, _other: Trader) -> None:
        now, hours_8 = int(time.time()), 8 * 3_600

        async def read(timestamp: int) -> Any:
            token, error = reader.signer.create_auth_token_with_expiry(hours_8, timestamp=timestamp)
            assert error is None
            return await reader.orders.account_active_orders(
                account_index=390, market_id=0, authorization=token
            )

        assert (await read(now - 3_600)).orders == []
        for far in (now + 6 * 3_600, now - hours_8 - 1):
            with pytest.raises(lighter.exceptions.BadRequestException, match="20001"):
                await read(far)

    trade(server, story, first=390)


def test_the_public_and_private_reads_of_every_api(server: ExchangeServer) -> None:
    async def story(maker: Trader, taker: Trader) -> None:
        await maker.order(client_order_index=1)
        ask = {"is_ask": 1, "price": TOUCH, "base_amount": 600, "time_in_force": GTT}
        await taker.order(client_order_index=2, **ask)
        client, token = maker.signer.api_client, maker.token()
        account, order = lighter.AccountApi(client), lighter.OrderApi(client)
        span: Json = {"start_timestamp": 1, "end_timestamp": 2 * 10**12, "count_back": 5}

        assert (await lighter.RootApi(client).status()).network_id == 300
        assert (await lighter.RootApi(client).info()).contract_address.startswith("0x")
        assert (await lighter.BlockApi(client).current_height()).height > 0
        assert len((await order.order_books()).order_books) == 2
        assert (await order.order_book_details(market_id=1)).order_book_details[0].symbol == "BTC"
        assert (await order.order_book_orders(market_id=0, limit=5)).asks[0].price == "2360.00"
        assert (await order.recent_trades(market_id=0, limit=1)).trades[0].size == "0.0500"
        mine = await order.trades(
            sort_by="timestamp", limit=1, account_index=400, authorization=token
        )
        assert mine.trades[0].bid_account_id == 400
        inactive = await order.account_inactive_orders(
            account_index=400, limit=5, authorization=token
        )
        assert inactive.orders[0].status == "filled"
        limits = await account.account_limits(account_index=400, authorization=token)
        assert limits.user_tier_name == "standard"
        assert (await account.apikeys(account_index=400, api_key_index=KEY)).api_keys[0].nonce == 2
        candles = await lighter.CandlestickApi(client).candles(market_id=0, resolution="1m", **span)
        assert candles.c[-1].v >= 0.05
        txs = await maker.transactions.account_txs(
            by="account_index", value="400", limit=1, authorization=token
        )
        assert txs.txs[0].account_index == 400
        success(await taker.signer.cancel_order(market_index=0, order_index=2))

    trade(server, story, first=400)


@pytest.mark.filterwarnings("ignore:connect.. must be used as a context manager")
def test_the_blocking_ws_client_prints_books_until_the_server_hangs_up(
    server: ExchangeServer,
) -> None:
    books: list[str] = []
    client = lighter.WsClient(
        ws_url=server.ws_url,
        order_book_ids=[0, 1],
        account_ids=[1],
        on_order_book_update=lambda market, _book: books.append(market),
        on_account_update=lambda account, _state: books.append(f"account {account}"),
    )
    thread = threading.Thread(target=client.run)
    thread.start()
    deadline = time.monotonic() + 5
    while len(books) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    client.ws.close()
    thread.join(5)

    assert not thread.is_alive()
    assert sorted(books) == ["0", "1", "account 1"]


def unsupported(signer: Any) -> list[tuple[str, Any, str]]:
    """(what, call, the code in its answer)"""
    usd, perp = signer.ASSET_ID_USDC, signer.ROUTE_PERP
    return [
        ("sub-account", signer.create_sub_account(), "21505"),
        ("withdrawal", signer.withdraw(usd, perp, 5.0), "21505"),
        ("pool", signer.create_public_pool(100_000, 10, 10_000), "21505"),
        ("twap", signer.create_order(**limit(9, TOUCH) | {"order_type": 6}), "217"),
    ]


def test_what_paper_does_not_simulate_is_refused_by_name(server: ExchangeServer) -> None:
    async def story(trader: Trader, _other: Trader) -> None:
        before = await trader.transactions.next_nonce(account_index=410, api_key_index=KEY)
        for what, call, code in unsupported(trader.signer):
            *_, error = await call
            assert code in str(error), what
        after = await trader.transactions.next_nonce(account_index=410, api_key_index=KEY)
        assert after.nonce == before.nonce

    trade(server, story, first=410)


def test_a_post_only_order_that_would_cross_is_cancelled_not_refused(
    server: ExchangeServer,
) -> None:
    async def story(maker: Trader, taker: Trader) -> None:
        await maker.order(client_order_index=1, price=TOUCH - 40)
        await taker.order(client_order_index=2, price=TOUCH - 40, is_ask=1, time_in_force=POST_ONLY)

        assert await taker.active() == []
        inactive = await taker.orders.account_inactive_orders(
            account_index=421, limit=1, authorization=taker.token()
        )
        assert inactive.orders[0].status == "canceled-post-only"
        success(await maker.signer.cancel_order(market_index=0, order_index=1))

    trade(server, story, first=420)
