"""A client that knows Lighter's SDK and nothing else: a maker on one account, its hedge on another.

`stranger.py CREDENTIALS`, where the file names URLs, a chain id and accounts with keys; it takes
the last two. Quotes until filled, hedges the fill, modifies and cancels what rests, and flattens
both. Prints what it did as JSON; any refusal or surprise ends it with a traceback.
"""

import asyncio
import json
import sys
import time
import warnings
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import lighter as sdk

lighter: Any = sdk  # The package exports nothing by name.
MARKET = 0
LOTS = 500
PATIENCE_S = 20


class Account:
    def __init__(self, told: dict[str, Any], index: int) -> None:
        mine = [entry for entry in told["accounts"] if entry["account_index"] == index]
        self.index = index
        self.key = mine[0]["api_key_index"]
        self.signer = lighter.SignerClient(
            url=told["url"],
            account_index=index,
            api_private_keys={self.key: mine[0]["api_key_private_key"]},
            chain_id=told["chain_id"],
        )
        self.orders = lighter.OrderApi(self.signer.api_client)
        self.accounts = lighter.AccountApi(self.signer.api_client)
        self.sent: list[str] = []

    async def send(self, call: Any) -> None:
        _, receipt, error = await call
        if error is not None or receipt.code != 200:
            raise RuntimeError(f"account {self.index}: {error or receipt}")
        self.sent.append(receipt.tx_hash)

    async def resting(self) -> list[Any]:
        token, error = self.signer.create_auth_token_with_expiry(600, api_key_index=self.key)
        if error is not None:
            raise RuntimeError(error)
        answer = await self.orders.account_active_orders(
            account_index=self.index, market_id=MARKET, authorization=token
        )
        return list(answer.orders)

    async def position(self) -> int:
        """In lots of 0.0001, negative for short."""
        answer = await self.accounts.account(by="index", value=str(self.index))
        held = [each for each in answer.accounts[0].positions if each.market_id == MARKET]
        return sum(each.sign * round(float(each.position) * 10_000) for each in held)

    async def take(self, lots: int, *, reduce_only: bool = False) -> None:
        """An IOC limit 1 % through the touch; negative lots are sold."""
        best = await self.touch()
        price = best["asks"] * 101 // 100 if lots > 0 else best["bids"] * 99 // 100
        await self.send(
            self.signer.create_order(
                market_index=MARKET,
                client_order_index=0,
                base_amount=abs(lots),
                price=price,
                is_ask=lots < 0,
                order_type=self.signer.ORDER_TYPE_LIMIT,
                time_in_force=self.signer.ORDER_TIME_IN_FORCE_IMMEDIATE_OR_CANCEL,
                reduce_only=reduce_only,
                order_expiry=self.signer.DEFAULT_IOC_EXPIRY,
            )
        )

    async def touch(self) -> dict[str, int]:
        book = await self.orders.order_book_orders(MARKET, 1)
        return {side: round(float(getattr(book, side)[0].price) * 100) for side in ("asks", "bids")}


async def settle(account: Account, lots: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while await account.position() != lots:
        if time.monotonic() > deadline:
            raise RuntimeError(f"account {account.index} never came to {lots} lots")
        await asyncio.sleep(0.02)


async def quote_until_filled(maker: Account, filled: asyncio.Event) -> int:
    """Follows the touch by modify. Returns how many lots were bought, with nothing left resting."""
    client_index, deadline = 1, time.monotonic() + PATIENCE_S
    while not filled.is_set():
        if time.monotonic() > deadline:
            raise RuntimeError("nobody took the quote")
        bid = (await maker.touch())["bids"]
        mine = await maker.resting()
        if not mine:
            if await maker.position():
                break  # Filled, and the stream has yet to tell it.
            client_index += 1
            await maker.send(
                maker.signer.create_order(
                    market_index=MARKET,
                    client_order_index=client_index,
                    base_amount=LOTS,
                    price=bid,
                    is_ask=False,
                    order_type=maker.signer.ORDER_TYPE_LIMIT,
                    time_in_force=maker.signer.ORDER_TIME_IN_FORCE_POST_ONLY,
                )
            )
        elif round(float(mine[0].price) * 100) != bid:
            await try_to(modify(maker, client_index, bid))
        await asyncio.sleep(0.2)
    for order in await maker.resting():
        await try_to(modify(maker, order.client_order_index, round(float(order.price) * 100) - 500))
    for order in await maker.resting():
        await try_to(
            maker.send(
                maker.signer.cancel_order(market_index=MARKET, order_index=order.client_order_index)
            )
        )
    if await maker.resting():
        raise RuntimeError("a cancelled order still rests")
    return await maker.position()


def modify(maker: Account, client_index: int, price: int) -> Any:
    return maker.send(
        maker.signer.modify_order(
            market_index=MARKET, order_index=client_index, base_amount=LOTS, price=price
        )
    )


async def try_to(call: Any) -> None:
    """A modify or cancel may come too late for an order that was just filled: 21715."""
    try:
        await call
    except RuntimeError as error:
        if "21715" not in str(error):
            raise


async def round_trip(told: dict[str, Any]) -> dict[str, Any]:
    first, second = sorted({entry["account_index"] for entry in told["accounts"]})[-2:]
    maker, hedger = Account(told, first), Account(told, second)
    filled = asyncio.Event()

    def on_account(_account: str, state: dict[str, Any]) -> None:
        if state["type"] == "update/account_all" and any(state["trades"].values()):
            filled.set()

    stream = lighter.WsClient(
        ws_url=told["ws_url"],
        order_book_ids=[MARKET],
        account_ids=[first],
        on_order_book_update=None,
        on_account_update=on_account,
    )
    listening = asyncio.create_task(stream.run_async())
    try:
        bought = await quote_until_filled(maker, filled)
        await hedger.take(-bought)
        await settle(hedger, -bought)
        await maker.take(-bought, reduce_only=True)
        await hedger.take(bought, reduce_only=True)
        await settle(maker, 0)
        await settle(hedger, 0)
        return {"bought": bought, "maker_txs": len(maker.sent), "hedger_txs": len(hedger.sent)}
    finally:
        if stream.ws is not None:
            await stream.ws.close()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await maker.signer.close()
        await hedger.signer.close()


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        credentials = json.load(file)
    sys.stdout.write(json.dumps(asyncio.run(round_trip(credentials))) + "\n")
