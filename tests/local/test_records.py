"""The exchange's own records, read from a real paper exchange over its REST."""

from __future__ import annotations

import asyncio
import time
from decimal import Decimal

import pytest

from hedgepair_runner.local.observations import PairRecords
from hedgepair_runner.local.record_parsing import trade_of
from hedgepair_runner.local.records import (
    PairAccounts,
    RecordsReader,
    RecordsUnavailable,
    TokenMaker,
)
from hedgepair_runner.units import Market
from hedgepair_runner.venues.paper.assembly import ExchangeOptions, serve
from hedgepair_runner.venues.paper.gateway_settings import Checking, GatewaySettings
from hedgepair_runner.venues.paper.generator import QUOTING_ACCOUNT, TAKING_ACCOUNT
from hedgepair_runner.venues.paper.keys import private_key
from hedgepair_runner.venues.paper.records import TimeInForce
from hedgepair_runner.venues.paper.server import ExchangeServer
from hedgepair_runner.venues.paper.tokens import make_token

SEED = "11"
OPTIONS = ExchangeOptions(
    seed=SEED,
    gateway=GatewaySettings(checking=Checking.OFF),
)
# Two accounts that trade by hand: one rests, one takes.
ACCOUNTS = PairAccounts(symbol="ETH", maker_index=QUOTING_ACCOUNT, hedger_index=TAKING_ACCOUNT)


def token_of(account_index: int) -> str:
    return make_token(
        expiry_s=int(time.time()) + 600,
        account_index=account_index,
        api_key_index=4,
        private_key=private_key(SEED, account_index, 4),
    )


def reader_at(
    url: str, accounts: PairAccounts = ACCOUNTS, *, token: TokenMaker = token_of
) -> RecordsReader:
    return RecordsReader(rest_url=url, accounts=accounts, token_of=token)


ETH_ID, BID_TICKS, ASK_TICKS, LOTS = 0, 236_000, 236_010, 100


def trade(server: ExchangeServer, times: int) -> None:
    """So many trades at the ask; a bid and an ask rest in the end."""
    exchange = server.gateway.exchange
    now_us = server.gateway.now_us()

    def place(account: int, *, is_ask: bool, lots: int, timing: TimeInForce) -> None:
        exchange.place_direct(
            account,
            market_id=ETH_ID,
            is_ask=is_ask,
            size_lots=lots,
            price_ticks=ASK_TICKS if timing is TimeInForce.IOC or is_ask else BID_TICKS,
            now_us=now_us,
            time_in_force=timing,
        )

    place(QUOTING_ACCOUNT, is_ask=False, lots=LOTS, timing=TimeInForce.GTT)
    place(QUOTING_ACCOUNT, is_ask=True, lots=LOTS * (times + 1), timing=TimeInForce.GTT)
    for _ in range(times):
        place(TAKING_ACCOUNT, is_ask=False, lots=LOTS, timing=TimeInForce.IOC)


def test_reads_both_legs_and_the_book() -> None:
    async def main() -> PairRecords:
        async with serve(OPTIONS) as server, reader_at(server.url) as reader:
            trade(server, 5)
            return await reader.read()

    records = asyncio.run(main())

    assert records.market.symbol == "ETH"
    assert records.maker is not None
    assert len(records.maker.orders) == 2
    assert records.hedger is not None
    assert [trade.signed_lots for trade in records.hedger.trades] == [LOTS] * 5
    assert records.hedger.position_lots == 5 * LOTS
    assert records.maker.position_lots == -5 * LOTS
    assert records.asks[0].price_ticks > records.bids[0].price_ticks
    assert all(row.own_lots == row.size_lots for row in records.asks)


def test_history_belongs_to_another_run() -> None:
    async def main() -> tuple[PairRecords, PairRecords]:
        async with serve(OPTIONS) as server:
            trade(server, 3)
            async with reader_at(server.url) as reader, reader_at(server.url) as later:
                before = await reader.read(with_book=False)
                await later.skip_history()
                trade(server, 2)
                return before, await later.read(with_book=False)

    before, after = asyncio.run(main())

    assert before.hedger is not None
    assert after.hedger is not None
    assert len(before.hedger.trades) == 3
    assert len(after.hedger.trades) == 2
    assert before.hedger.trades[-1].trade_id < after.hedger.trades[0].trade_id


def test_more_trades_than_a_page_are_all_read() -> None:
    async def main() -> PairRecords:
        async with serve(OPTIONS) as server, reader_at(server.url) as reader:
            trade(server, 130)
            return await reader.read()

    records = asyncio.run(main())

    assert records.hedger is not None
    ids = [trade.trade_id for trade in records.hedger.trades]
    assert len(ids) == 130
    assert ids == sorted(set(ids))


@pytest.mark.parametrize(
    ("accounts", "why"),
    [
        pytest.param(
            PairAccounts(symbol="NONE", maker_index=1, hedger_index=2),
            "no market NONE",
            id="a market that it does not have",
        ),
        pytest.param(ACCOUNTS, "trades answered 4", id="a token that is none"),
    ],
)
def test_a_failed_question_is_never_an_answer(accounts: PairAccounts, why: str) -> None:
    async def main() -> None:
        async with (
            serve(OPTIONS) as server,
            reader_at(server.url, accounts, token=lambda _: "1:2:3:bad") as reader,
        ):
            await reader.read()

    with pytest.raises(RecordsUnavailable, match=why):
        asyncio.run(main())


def test_no_exchange_is_unavailable() -> None:
    async def main() -> None:
        async with reader_at("http://127.0.0.1:9") as reader:
            await reader.read()

    with pytest.raises(RecordsUnavailable, match="gave no answer"):
        asyncio.run(main())


MARKET = Market(
    market_id=0,
    symbol="ETH",
    size_decimals=4,
    price_decimals=2,
    min_base_lots=50,
    min_quote_units=10_000_000,
    order_quote_limit_units=10**15,
)
TRADE = {
    "trade_id": 19,
    "size": "0.0500",
    "price": "2361.31",
    "usd_amount": "118.0655",
    "ask_id": 7,
    "bid_id": 8,
    "ask_account_id": 1,
    "bid_account_id": 2,
    "timestamp": 1777945103092,
    "maker_fee": 28,
    "bid_account_pnl": "0.250000",
}


@pytest.mark.parametrize(
    ("account", "signed_lots", "order", "is_maker", "pnl", "fee"),
    [
        pytest.param(1, -500, 7, False, "0", "0", id="the ask took, at no fee"),
        pytest.param(2, 500, 8, True, "0.25", "0.003305834", id="the bid made, and paid"),
    ],
)
def test_a_trade_with_omitted_fields_is_read_from_either_side(
    account: int, signed_lots: int, order: int, is_maker: bool, pnl: str, fee: str
) -> None:
    trade = trade_of(TRADE, account_index=account, market=MARKET)

    assert (trade.signed_lots, trade.order_index) == (signed_lots, order)
    assert trade.is_maker is is_maker
    assert (trade.pnl_quote, trade.fee_quote) == (Decimal(pnl), Decimal(fee))
    assert trade.at_us == 1777945103092000
