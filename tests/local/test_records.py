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
from hedgepair_runner.venues.paper.generating import PROFILES
from hedgepair_runner.venues.paper.generator import QUOTING_ACCOUNT, TAKING_ACCOUNT
from hedgepair_runner.venues.paper.keys import private_key
from hedgepair_runner.venues.paper.tokens import make_token

SEED = "11"
OPTIONS = ExchangeOptions(
    seed=SEED,
    profile=PROFILES["busy"],
    gateway=GatewaySettings(checking=Checking.OFF),
)
# The market's own two traders are a pair, too: one rests, one takes, all the time.
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


async def settled(reader: RecordsReader, *, trades: int) -> PairRecords:
    """A look whose position is what the trades add up to: nothing was read twice or missed.

    Trades and positions are two questions, and the market goes on in between: so, looks.
    """
    async with asyncio.timeout(20):
        while True:
            records = await reader.read()
            assert records.hedger is not None
            total = sum(trade.signed_lots for trade in records.hedger.trades)
            if len(records.hedger.trades) >= trades and total == records.hedger.position_lots:
                return records
            await asyncio.sleep(0.02)


def test_reads_both_legs_and_the_book() -> None:
    async def main() -> None:
        async with serve(OPTIONS) as server, reader_at(server.url) as reader:
            records = await settled(reader, trades=5)

        assert records.market.symbol == "ETH"
        assert records.maker is not None
        assert records.maker.orders
        assert records.hedger is not None
        ids = [trade.trade_id for trade in records.hedger.trades]
        assert ids == sorted(set(ids))
        assert records.asks[0].price_ticks > records.bids[0].price_ticks
        assert all(row.own_lots == row.size_lots for row in records.asks)

    asyncio.run(main())


def test_history_belongs_to_another_run() -> None:
    async def main() -> None:
        async with serve(OPTIONS) as server:
            await asyncio.sleep(0.7)
            async with reader_at(server.url) as reader, reader_at(server.url) as later:
                before = await reader.read(with_book=False)
                await later.skip_history()
                await asyncio.sleep(0.7)
                after = await later.read(with_book=False)

        assert before.hedger is not None
        assert before.hedger.trades
        assert after.hedger is not None
        assert after.hedger.trades
        assert before.hedger.trades[-1].trade_id < after.hedger.trades[0].trade_id

    asyncio.run(main())


def test_more_trades_than_a_page_are_all_read() -> None:
    async def main() -> None:
        async with serve(OPTIONS) as server, reader_at(server.url) as first:
            await settled(first, trades=130)
            async with reader_at(server.url) as fresh:
                records = await settled(fresh, trades=130)

        assert records.hedger is not None
        assert len({trade.trade_id for trade in records.hedger.trades}) >= 130

    asyncio.run(main())


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
