"""The unmodified SDK trades here over real sockets, with every signature checked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest

from hedgepair_runner.venues.paper.server import ExchangeServer
from tests.exchange.sdk_traders import (
    IOC,
    KEY,
    POST_ONLY,
    TOUCH,
    Json,
    Trader,
    lighter,
    strict_exchange,
    success,
    trade,
    until,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[ExchangeServer]:
    """One for all tests, as it is slow."""
    with strict_exchange() as running:
        yield running


def test_a_post_only_order_rests_and_another_account_takes_it(server: ExchangeServer) -> None:
    async def story(maker: Trader, taker: Trader) -> None:
        assert await asyncio.to_thread(maker.signer.check_client) is None
        await maker.order(client_order_index=5)
        [resting] = await maker.active()
        assert (resting.status, resting.client_order_index) == ("open", 5)

        await taker.order(is_ask=1, base_amount=300, price=TOUCH - 100, time_in_force=IOC)

        [resting] = await maker.active()
        assert resting.filled_base_amount == "0.0300"
        assert (await maker.position(), await taker.position()) == ("0.0300", "-0.0300")
        await taker.order(is_ask=1, base_amount=200, price=TOUCH - 100, time_in_force=IOC)
        assert await maker.active() == []

    trade(server, story, first=10)


def test_an_order_is_modified_and_cancelled_by_its_client_index(server: ExchangeServer) -> None:
    async def story(maker: Trader, _other: Trader) -> None:
        await maker.order(client_order_index=6)
        success(
            await maker.signer.modify_order(
                market_index=0, order_index=6, base_amount=700, price=TOUCH - 50
            )
        )
        [modified] = await maker.active()
        assert (modified.price, modified.initial_base_amount) == ("2359.50", "0.0700")

        success(await maker.signer.cancel_order(market_index=0, order_index=6))

        assert await maker.active() == []

    trade(server, story, first=20)


def test_cancel_all_empties_the_account(server: ExchangeServer) -> None:
    async def story(maker: Trader, _other: Trader) -> None:
        for step in range(3):
            await maker.order(client_order_index=50 + step, price=TOUCH - step)
        assert len(await maker.active()) == 3

        success(await maker.signer.cancel_all_orders(time_in_force=0, timestamp_ms=0))

        assert await maker.active() == []

    trade(server, story, first=30)


def test_leverage_is_the_accounts_own(server: ExchangeServer) -> None:
    async def story(trader: Trader, _other: Trader) -> None:
        success(await trader.signer.update_leverage(market_index=0, margin_mode=0, leverage=5))

        api = lighter.AccountApi(trader.signer.api_client)
        account = (await api.account(by="index", value="40")).accounts[0]
        assert account.positions[0].initial_margin_fraction == "20.00"

    trade(server, story, first=40)


def test_a_lost_nonce_heals_as_the_sdk_expects(server: ExchangeServer) -> None:
    async def story(maker: Trader, _other: Trader) -> None:
        await maker.order(client_order_index=1)
        maker.signer.nonce_manager.nonce[KEY] += 3  # as after answers that never came

        _, _, error = await maker.signer.create_order(
            market_index=0, client_order_index=2, base_amount=500, price=TOUCH,
            is_ask=0, order_type=0, time_in_force=POST_ONLY,
        )  # fmt: skip
        await maker.order(client_order_index=3)

        assert "invalid nonce" in error
        assert [order.client_order_index for order in await maker.active()] == [1, 3]
        success(await maker.signer.cancel_all_orders(time_in_force=0, timestamp_ms=0))

    trade(server, story, first=50)


def test_a_transaction_is_found_by_the_hash_that_the_signer_knows(
    server: ExchangeServer,
) -> None:
    async def story(maker: Trader, _other: Trader) -> None:
        nonce = (await maker.transactions.next_nonce(account_index=60, api_key_index=KEY)).nonce
        tx_type, tx_info, tx_hash, error = maker.signer.sign_cancel_all_orders(
            time_in_force=0, timestamp_ms=0, nonce=nonce, api_key_index=KEY
        )
        assert error is None

        receipt = await maker.transactions.send_tx(tx_type=tx_type, tx_info=tx_info)

        found = await maker.transactions.tx(by="hash", value=tx_hash)
        assert receipt.tx_hash == tx_hash == found.hash
        assert (found.status, found.nonce) == (2, nonce)

    trade(server, story, first=60)


def test_a_batch_goes_through_as_the_sdk_writes_it(server: ExchangeServer) -> None:
    async def story(maker: Trader, _other: Trader) -> None:
        nonce = (await maker.transactions.next_nonce(account_index=70, api_key_index=KEY)).nonce
        signed = [
            maker.signer.sign_create_order(
                0, 70 + step, 500, TOUCH, 0, 0, POST_ONLY, nonce=nonce + step, api_key_index=KEY
            )
            for step in range(2)
        ]

        answer = await maker.signer.send_tx_batch(
            tx_types=[each[0] for each in signed], tx_infos=[each[1] for each in signed]
        )

        assert answer.tx_hash == [each[2] for each in signed]
        assert len(await maker.active()) == 2
        success(await maker.signer.cancel_all_orders(time_in_force=0, timestamp_ms=0))

    trade(server, story, first=70)


def test_a_tampered_transaction_is_refused(server: ExchangeServer) -> None:
    async def story(maker: Trader, _other: Trader) -> None:
        nonce = (await maker.transactions.next_nonce(account_index=80, api_key_index=KEY)).nonce
        tx_type, tx_info, _, _ = maker.signer.sign_create_order(
            0, 1, 500, TOUCH, 0, 0, POST_ONLY, nonce=nonce, api_key_index=KEY
        )
        forged = json.dumps(json.loads(tx_info) | {"BaseAmount": 5_000})

        with pytest.raises(lighter.exceptions.BadRequestException, match="code=21120"):
            await maker.transactions.send_tx(tx_type=tx_type, tx_info=forged)
        after = await maker.transactions.next_nonce(account_index=80, api_key_index=KEY)
        assert after.nonce == nonce

    trade(server, story, first=80)


def test_a_market_order_finds_its_price_in_the_book(server: ExchangeServer) -> None:
    async def story(maker: Trader, taker: Trader) -> None:
        await maker.order(is_ask=1, price=TOUCH + 200)

        success(
            await taker.signer.create_market_order_limited_slippage(
                market_index=0, client_order_index=9, base_amount=500, max_slippage=0.01, is_ask=0
            )
        )

        assert await taker.position() == "0.0500"

    trade(server, story, first=90)


def test_a_private_read_with_a_forged_token_is_refused(server: ExchangeServer) -> None:
    async def story(reader: Trader, _other: Trader) -> None:
        forged = reader.token()[:-4] + "0000"

        with pytest.raises(lighter.exceptions.BadRequestException, match="21120"):
            await reader.orders.account_active_orders(
                account_index=100, market_id=0, authorization=forged
            )

    trade(server, story, first=100)


def test_the_ws_client_follows_book_and_account(server: ExchangeServer) -> None:
    books: list[Json] = []
    accounts: list[Json] = []
    client = lighter.WsClient(
        ws_url=server.ws_url,
        order_book_ids=[0],
        account_ids=[110],
        on_order_book_update=lambda _, book: books.append(json.loads(json.dumps(book))),
        on_account_update=lambda _, account: accounts.append(account),
    )

    async def story(maker: Trader, taker: Trader) -> None:
        listening = asyncio.create_task(client.run_async())
        await until(lambda: bool(books and accounts))
        await maker.order(client_order_index=8, price=TOUCH - 7)
        await taker.order(is_ask=1, price=TOUCH - 7, base_amount=200, time_in_force=IOC)
        await until(lambda: len(accounts) > 1)
        await until(lambda: {"price": "2359.93", "size": "0.0300"} in books[-1]["bids"])
        success(await maker.signer.cancel_order(market_index=0, order_index=8))
        await until(lambda: books[-1]["bids"] == [])
        await client.ws.close()
        await listening

    trade(server, story, first=110)
    [fill] = accounts[-1]["trades"]["0"]
    assert (fill["bid_account_id"], fill["size"]) == (110, "0.0200")
