"""Reads the exchange's own records of a pair over REST: the public ones, and those of both
accounts with tokens made from their keys (protocol §3, §5.6).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import orjson

from hedgepair_runner.contract.spec import HedgePairSpec, Network
from hedgepair_runner.local.observations import BookRow, LegRecords, LegTrade, PairRecords
from hedgepair_runner.local.record_parsing import (
    book_rows,
    market_of,
    order_of,
    position_of,
    trade_of,
)
from hedgepair_runner.units import Market

TokenMaker = Callable[[int], str]
"""An auth token of an account, by its index."""

_PAGE: Final = 100
_BOOK_ORDERS: Final = 250
_ANSWER_WITHIN_S: Final = 5.0
_OK: Final = 200

Json = Mapping[str, Any]


class RecordsUnavailable(Exception):
    """The exchange gave no answer, or not the one asked for: look again later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairAccounts:
    """What is looked at. A leg that the pair does not name is None."""

    symbol: str
    maker_index: int | None
    hedger_index: int | None

    @classmethod
    def of(cls, spec: HedgePairSpec) -> PairAccounts:
        """On a real exchange only the legs that are run here: the other's key is elsewhere."""
        is_paper = spec.exchange.network is Network.PAPER
        maker, hedger = spec.maker, spec.hedger
        has_hedger = hedger is not None and (is_paper or spec.runs_hedger)
        return cls(
            symbol=spec.market,
            maker_index=maker.account.account_index if is_paper or spec.runs_maker else None,
            hedger_index=hedger.account.account_index if hedger and has_hedger else None,
        )

    @property
    def indexes(self) -> frozenset[int]:
        return frozenset(i for i in (self.maker_index, self.hedger_index) if i is not None)


class RecordsReader:
    """An async context manager. Trades once read are kept; each look reads only newer ones."""

    def __init__(self, *, rest_url: str, accounts: PairAccounts, token_of: TokenMaker) -> None:
        self._rest_url = rest_url.rstrip("/")
        self._accounts = accounts
        self._token_of = token_of
        self._market: Market | None = None
        self._trades: dict[int, list[LegTrade]] = {}
        self._last_ids: dict[int, int] = {}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> RecordsReader:
        timeout = aiohttp.ClientTimeout(total=_ANSWER_WITHIN_S)
        self._session = aiohttp.ClientSession(timeout=timeout)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def skip_history(self) -> None:
        """Trades up to now belong to some other run. Raises RecordsUnavailable."""
        market = await self.market()
        for index in self._accounts.indexes:
            page = await self._get("trades", self._trade_query(index, market, limit=1), index)
            self._last_ids[index] = max((int(t["trade_id"]) for t in page["trades"]), default=0)

    async def read(self, *, with_book: bool = True) -> PairRecords:
        """One look. Raises RecordsUnavailable."""
        market = await self.market()
        # The hedger first: a fill in between looks unhedged for one look. The other way round,
        # its hedge would look as if it had no fill.
        hedger = await self._leg(self._accounts.hedger_index, market)
        maker = await self._leg(self._accounts.maker_index, market)
        asks, bids = await self._book(market) if with_book else ((), ())
        return PairRecords(
            market=market,
            at_ms=time.time_ns() // 1_000_000,
            maker=maker,
            hedger=hedger,
            asks=asks,
            bids=bids,
        )

    async def market(self) -> Market:
        """The pair's market. Raises RecordsUnavailable, also when the venue has none such."""
        if self._market is None:
            answer = await self._get("orderBookDetails", {"filter": "perp"})
            for details in answer["order_book_details"]:
                if details["symbol"] == self._accounts.symbol:
                    self._market = market_of(details)
                    return self._market
            raise RecordsUnavailable(f"the exchange has no market {self._accounts.symbol}")
        return self._market

    async def _leg(self, account_index: int | None, market: Market) -> LegRecords | None:
        if account_index is None:
            return None
        await self._read_new_trades(account_index, market)
        orders = await self._get(
            "accountActiveOrders",
            {"account_index": account_index, "market_id": market.market_id},
            account_index,
        )
        account = await self._get("account", {"by": "index", "value": account_index})
        return LegRecords(
            account_index=account_index,
            position_lots=position_of(account["accounts"][0], market),
            orders=tuple(order_of(order, market) for order in orders["orders"]),
            trades=tuple(self._trades.get(account_index, ())),
        )

    async def _read_new_trades(self, account_index: int, market: Market) -> None:
        last_id = self._last_ids.get(account_index, 0)
        query = self._trade_query(account_index, market, limit=_PAGE)
        found: dict[int, LegTrade] = {}
        reached = False
        while not reached:
            page = await self._get("trades", query, account_index)
            trades = [
                trade_of(trade, account_index=account_index, market=market)
                for trade in page["trades"]
            ]
            found |= {trade.trade_id: trade for trade in trades if trade.trade_id > last_id}
            cursor = page.get("next_cursor", "")
            reached = not cursor or any(trade.trade_id <= last_id for trade in trades)
            query["cursor"] = cursor
        known = self._trades.setdefault(account_index, [])
        known += (found[trade_id] for trade_id in sorted(found))
        if known:
            self._last_ids[account_index] = known[-1].trade_id

    def _trade_query(
        self, account_index: int, market: Market, *, limit: int
    ) -> dict[str, str | int]:
        return {
            "sort_by": "trade_id",
            "sort_dir": "desc",
            "limit": limit,
            "market_id": market.market_id,
            "account_index": account_index,
        }

    async def _book(self, market: Market) -> tuple[tuple[BookRow, ...], tuple[BookRow, ...]]:
        answer = await self._get(
            "orderBookOrders", {"market_id": market.market_id, "limit": _BOOK_ORDERS}
        )
        own = self._accounts.indexes
        return (
            book_rows(answer["asks"], own_accounts=own, market=market),
            book_rows(answer["bids"], own_accounts=own, market=market),
        )

    async def _get(
        self, path: str, query: Mapping[str, str | int], token_for: int | None = None
    ) -> Json:
        if self._session is None:
            raise AssertionError("the reader is used inside its async with")
        headers = {} if token_for is None else {"Authorization": self._token_of(token_for)}
        url = f"{self._rest_url}/api/v1/{path}"
        try:
            async with self._session.get(url, params=dict(query), headers=headers) as response:
                body = await response.read()
                if response.status != _OK:
                    raise RecordsUnavailable(f"{path} answered {response.status}")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise RecordsUnavailable(f"{path} gave no answer: {error}") from error
        try:
            answer: Json = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise RecordsUnavailable(f"{path} answered with something other than JSON") from error
        return answer
