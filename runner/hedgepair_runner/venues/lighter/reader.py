"""The REST reads: each answers or raises (law 3). Weights: protocol §8; lags are the caller's.

VenueUnavailable: no answer, or none that can be believed. VenueRefused: the venue understood, and
no retry mends it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import orjson

from hedgepair_runner.orders import AccountRead, AccountTrade, Funding, OwnOrder, Verdict
from hedgepair_runner.reckoning import DayTrade, FundingPaid
from hedgepair_runner.units import Market
from hedgepair_runner.venues.lighter.account_parsing import (
    account_of,
    funding_page_of,
    orders_of,
    own_trades_of,
    trades_of,
)
from hedgepair_runner.venues.lighter.answer_parsing import (
    NO_RETRY_MENDS,
    OK,
    TX_NOT_FOUND,
    error_of,
    verdict_of,
)
from hedgepair_runner.venues.lighter.fields import Fields, MalformedFrame
from hedgepair_runner.venues.lighter.limiting import Limiter
from hedgepair_runner.venues.lighter.market_parsing import markets_of
from hedgepair_runner.venues.lighter.risk_parsing import day_trades_of, fundings_of, limits_of
from hedgepair_runner.venues.lighter.tokens import Tokens
from hedgepair_runner.venues.lighter.transport import Transport, TransportLost
from hedgepair_runner.venues.tiers import AccountLimits, weight_of
from hedgepair_runner.venues.urgency import best_lane
from hedgepair_runner.venues.venue import Lane, Signer, VenueRefused, VenueUnavailable

REQUEST_TIMEOUT_S = 5.0
_LONGEST_WAIT_S = 15.0
_ORDERS_A_CALL = 20
_TRADES_A_PAGE = 100
_MOST_PAGES = 200
_API = "/api/v1/"
_Fact = TypeVar("_Fact")


class _NotFound(VenueUnavailable):
    """The venue does not know the transaction (or does not know it yet)."""


class Reader:
    def __init__(
        self, transport: Transport, limiter: Limiter, *, signer: Signer, tokens: Tokens
    ) -> None:
        self.markets_by_id: dict[int, Market] = {}
        self._transport = transport
        self._limiter = limiter
        self._signer = signer
        self._tokens = tokens

    @property
    def _own(self) -> str:
        return str(self._signer.account_index)

    async def markets(self) -> dict[str, Market]:
        """Also renews the table that everything else is read with."""
        body = await self._read(_API + "orderBookDetails", {"filter": "perp"})
        markets = _believed(lambda: markets_of(body))
        # In place: the streams read with the same table.
        self.markets_by_id.update((market.market_id, market) for market in markets.values())
        return markets

    async def account(self, account_index: int) -> AccountRead:
        body = await self._read(_API + "account", {"by": "index", "value": str(account_index)})
        return _believed(lambda: account_of(body, self.markets_by_id, account_index=account_index))

    async def limits(self) -> AccountLimits:
        """The account's tier and fee rates."""
        params = {"account_index": self._own}
        body = await self._read(_API + "accountLimits", params, is_private=True)
        return _believed(lambda: limits_of(body))

    async def active_orders(self, market_id: int) -> tuple[OwnOrder, ...]:
        params = {"account_index": self._own, "market_id": str(market_id)}
        # A start, a stop and a withdrawal wait for this proof.
        return await self._orders("accountActiveOrders", params, lane=Lane.CANCEL)

    async def orders(self, client_order_indexes: Sequence[int]) -> tuple[OwnOrder, ...]:
        """By our own ids, twenty at a time; an id that the venue does not know is missing."""
        found: list[OwnOrder] = []
        for first in range(0, len(client_order_indexes), _ORDERS_A_CALL):
            some = client_order_indexes[first : first + _ORDERS_A_CALL]
            params = {
                "account_index": self._own,
                "client_order_indexes": ",".join(map(str, some)),
            }
            # Settling what was sent draws on the reserve, as cancels do (design §5).
            found += await self._orders("accountOrders", params, lane=Lane.CANCEL)
        return tuple(found)

    async def _orders(
        self, path: str, params: Mapping[str, str], *, lane: Lane
    ) -> tuple[OwnOrder, ...]:
        body = await self._read(_API + path, params, is_private=True, lane=lane)
        return _believed(
            lambda: orders_of(
                Fields(body, channel=path).rows("orders"), self.markets_by_id, channel=path
            )
        )

    async def next_nonce(self, account_index: int, api_key_index: int) -> int:
        params = {"account_index": str(account_index), "api_key_index": str(api_key_index)}
        body = await self._read(_API + "nextNonce", params, lane=Lane.CANCEL)
        return _believed(lambda: Fields(body, channel="nextNonce").integer("nonce"))

    async def verdict(self, tx_hash: str) -> Verdict | None:
        params = {"by": "hash", "value": tx_hash}
        try:
            body = await self._read(_API + "tx", params, lane=Lane.CANCEL)
        except _NotFound:
            return None
        verdict = _believed(lambda: verdict_of(body))
        if verdict.tx_hash != tx_hash:
            raise VenueUnavailable("tx: the answer is about another transaction")
        return verdict

    async def own_trades(self, market_id: int, *, after_trade_id: int) -> tuple[AccountTrade, ...]:
        """Newest first, page by page, until the id is reached or there are no more."""
        params = self._newest_trades(market_id)
        found: dict[int, AccountTrade] = {}
        for _ in range(_MOST_PAGES):
            body = await self._read(_API + "trades", params, is_private=True)
            page, cursor = self._trade_page(body)
            found.update((trade.trade_id, trade) for trade in page)
            is_reached = any(trade.trade_id <= after_trade_id for trade in page)
            if is_reached or not cursor or not page:
                return tuple(found[key] for key in sorted(found) if key > after_trade_id)
            params["cursor"] = cursor
        raise VenueUnavailable(f"trades: no end after {_MOST_PAGES} pages")

    async def recent_own_trades(self, market_id: int) -> tuple[AccountTrade, ...]:
        params = self._newest_trades(market_id)
        page, _ = self._trade_page(await self._read(_API + "trades", params, is_private=True))
        return tuple(sorted(page, key=lambda trade: trade.trade_id))

    def _newest_trades(self, market_id: int) -> dict[str, str]:
        return {
            "account_index": self._own,
            "market_id": str(market_id),
            "sort_by": "trade_id",
            "sort_dir": "desc",
            "limit": str(_TRADES_A_PAGE),
        }

    async def account_fundings(
        self, account_index: int, market_id: int, *, since_ms: int
    ) -> tuple[Funding, ...]:
        """Newest first, page by page, until that moment. Of other accounts they are public."""
        params = {
            "account_index": str(account_index),
            "market_ids": str(market_id),
            "limit": str(_TRADES_A_PAGE),
        }
        is_own = str(account_index) == self._own
        found: dict[int, Funding] = {}
        for _ in range(_MOST_PAGES):
            body = await self._read(_API + "positionFunding", params, is_private=is_own)
            page, cursor = _believed(partial(funding_page_of, body, account_index))
            within = {key: row for key, row in page.items() if row.at_ms > since_ms}
            found |= within
            if not cursor or len(within) < len(page):
                return tuple(sorted(found.values(), key=lambda row: row.at_ms))
            params["cursor"] = cursor
        raise VenueUnavailable(f"positionFunding: no end after {_MOST_PAGES} pages")

    def _trade_page(self, body: object) -> tuple[tuple[AccountTrade, ...], str]:
        def read() -> tuple[tuple[AccountTrade, ...], str]:
            fields = Fields(body, channel="trades")
            trades = own_trades_of(
                fields.rows("trades"),
                self.markets_by_id,
                account_index=self._signer.account_index,
                channel="trades",
            )
            return trades, fields.text("next_cursor", "")

        return _believed(read)

    async def day_trades(
        self, market_id: int, *, since_ms: int, after_trade_id: int
    ) -> tuple[DayTrade, ...]:
        """Own trades since then with a higher id, complete, oldest first."""
        market = self.markets_by_id[market_id]
        params = {
            "account_index": self._own,
            "market_id": str(market_id),
            "sort_by": "trade_id",
            "sort_dir": "desc",
            "limit": str(_TRADES_A_PAGE),
        }
        found: dict[int, DayTrade] = {}
        for _ in range(_MOST_PAGES):
            body = await self._read(_API + "trades", params, is_private=True)
            page, cursor = self._day_page(body, market)
            wanted = [
                trade
                for trade in page
                if trade.timestamp_ms >= since_ms and trade.trade_id > after_trade_id
            ]
            found.update((trade.trade_id, trade) for trade in wanted)
            if len(wanted) < len(page) or not cursor or not page:
                return tuple(found[key] for key in sorted(found))
            params["cursor"] = cursor
        raise VenueUnavailable(f"trades: no end after {_MOST_PAGES} pages")

    def _day_page(self, body: object, market: Market) -> tuple[tuple[DayTrade, ...], str]:
        def read() -> tuple[tuple[DayTrade, ...], str]:
            fields = Fields(body, channel="trades")
            own = self._signer.account_index
            trades = day_trades_of(fields.rows("trades"), market, account_index=own)
            return trades, fields.text("next_cursor", "")

        return _believed(read)

    async def fundings(self, market_id: int, *, since_ms: int) -> tuple[FundingPaid, ...]:
        """Funding of one's own position since then: at most 24 payments a day."""
        params = {
            "account_index": self._own,
            "market_ids": str(market_id),
            "limit": str(_TRADES_A_PAGE),
        }
        body = await self._read(_API + "positionFunding", params, is_private=True)
        paid = _believed(lambda: fundings_of(body))
        return tuple(each for each in paid if each.timestamp_ms >= since_ms)

    async def public_trades(self, market_id: int, account_index: int) -> tuple[AccountTrade, ...]:
        params = {"market_id": str(market_id), "limit": str(_TRADES_A_PAGE)}
        body = await self._read(_API + "recentTrades", params)
        trades = _believed(
            lambda: trades_of(
                Fields(body, channel="recentTrades").rows("trades"),
                self.markets_by_id,
                accounts=(account_index,),
                channel="recentTrades",
            )
        )
        return tuple(sorted(trades, key=lambda trade: trade.trade_id))

    async def tape_id(self, market_id: int) -> int:
        """Id of the newest public trade; 0 for a market that never traded."""
        params = {"market_id": str(market_id), "limit": str(_TRADES_A_PAGE)}
        body = await self._read(_API + "recentTrades", params)
        rows = _believed(lambda: Fields(body, channel="recentTrades").rows("trades"))
        ids = _believed(
            lambda: [Fields(row, channel="recentTrades").integer("trade_id") for row in rows]
        )
        return max(ids, default=0)

    async def wall_clock_ms(self) -> int:
        """Whole seconds are all it tells (protocol §3.1)."""
        body = await self._read("/", {})
        return _believed(lambda: Fields(body, channel="status").integer("timestamp")) * 1_000

    async def _read(
        self,
        path: str,
        params: Mapping[str, str],
        *,
        is_private: bool = False,
        lane: Lane = Lane.READ,
    ) -> Any:
        await self._wait_for_budget(best_lane(lane), weight_of(path), path)
        auth = self._tokens.current() if is_private else None
        try:
            status, body = await self._transport.get(
                path, params, auth=auth, timeout_s=REQUEST_TIMEOUT_S
            )
        except TransportLost as lost:
            raise VenueUnavailable(f"{path}: {lost}") from lost
        self._note(status)
        if status != OK:
            raise _failure(path, status, body)
        try:
            answer = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise VenueUnavailable(f"{path}: an answer that is no JSON") from error
        if isinstance(answer, dict) and answer.get("code", OK) != OK:
            raise _failure(path, status, body)
        return answer

    async def _wait_for_budget(self, lane: Lane, weight: int, path: str) -> None:
        deadline_s = _now_s() + _LONGEST_WAIT_S
        while (delay_s := self._limiter.admit(lane, weight, _now_s())) > 0:
            if _now_s() + delay_s > deadline_s:
                raise VenueUnavailable(f"{path}: the rate budget is spent for {delay_s:.0f} s")
            await asyncio.sleep(delay_s)

    def _note(self, status: int) -> None:
        match status:
            case 405:
                self._limiter.note_firewall(_now_s())
            case 429:
                self._limiter.note_rate_limited(_now_s())
            case _:
                self._limiter.note_answered()


def _failure(path: str, status: int, body: bytes) -> VenueUnavailable | VenueRefused:
    error = error_of(body)
    sentence = f"{path}: HTTP {status}, {error.code}: {error.message}"
    if error.code == TX_NOT_FOUND:
        return _NotFound(sentence)
    if error.code in NO_RETRY_MENDS:
        return VenueRefused(sentence, code=error.code)
    return VenueUnavailable(sentence)


def _believed(read: Callable[[], _Fact]) -> _Fact:
    """An answer that cannot be read in full is no answer."""
    try:
        return read()
    except MalformedFrame as error:
        raise VenueUnavailable(str(error)) from error


def _now_s() -> float:
    return asyncio.get_running_loop().time()
