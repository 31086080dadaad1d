"""Reads what an audit needs over the venue's REST: no Redis, no runner."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from hedgepair_runner.audit_facts import (
    AuditFacts,
    FundingFact,
    LegFacts,
    OrderFact,
    TapeTrade,
    TxFact,
)
from hedgepair_runner.audit_tapes import opening_lots
from hedgepair_runner.local.audit_parsing import (
    ended_ms,
    funding_fact_of,
    order_fact_of,
    tape_trade_of,
    tx_fact_of,
)
from hedgepair_runner.local.patient_reader import PatientReader
from hedgepair_runner.local.record_parsing import market_of, position_of
from hedgepair_runner.local.records import PairAccounts, RecordsUnavailable
from hedgepair_runner.units import Market

Json = Mapping[str, Any]
Progress = Callable[[str], None]

_PAGE: Final = 100
_ENDED_REACH_US: Final = 24 * 3_600 * 1_000_000
_SPARE_US: Final = 300 * 1_000_000
"""Reading takes time: a period of 24 hours is not called too long for it."""
_ENDED_KEPT: Final = 1_000
"""Ended orders: the last thousand of the last 24 hours (protocol §3)."""
_LOOKS: Final = 4
"""So often trades and position are read until they agree: a live pair trades in between."""


class AuditReader:
    """`keys`: the API key index by account. `progress` hears what is being read."""

    def __init__(
        self,
        reader: PatientReader,
        accounts: PairAccounts,
        *,
        keys: Mapping[int, int],
        progress: Progress,
    ) -> None:
        self._reader = reader
        self._accounts = accounts
        self._keys = keys
        self._progress = progress
        self._gaps: list[str] = []

    async def read(self, *, from_us: int, to_us: int) -> AuditFacts:
        """Raises RecordsUnavailable."""
        self._gaps = []
        market = await self.market()
        read_us = time.time_ns() // 1_000
        trades: dict[int, TapeTrade] = {}
        # The hedger's first: of a fill in between, the hedge is not read without the fill.
        hedger = await self._leg("hedger", self._accounts.hedger_index, market, from_us, trades)
        maker = await self._leg("maker", self._accounts.maker_index, market, from_us, trades)
        if read_us - from_us > _ENDED_REACH_US + _SPARE_US:
            self._gaps.append(
                "the venue tells ended orders of the last 24 hours only: quotes and hedge orders "
                "of before are not judged one by one, their trades are"
            )
        return AuditFacts(
            market=market,
            from_us=from_us,
            to_us=min(to_us, read_us),
            read_us=read_us,
            maker=maker,
            hedger=hedger,
            trades=tuple(trades[trade_id] for trade_id in sorted(trades)),
            gaps=tuple(self._gaps),
        )

    async def market(self) -> Market:
        """Raises RecordsUnavailable, also when the venue has no such market."""
        answer = await self._reader.get("orderBookDetails", {"filter": "perp"})
        for details in answer["order_book_details"]:
            if details["symbol"] == self._accounts.symbol:
                return market_of(details)
        raise RecordsUnavailable(f"the exchange has no market {self._accounts.symbol}")

    async def _leg(
        self,
        role: str,
        account_index: int | None,
        market: Market,
        from_us: int,
        trades: dict[int, TapeTrade],
    ) -> LegFacts | None:
        if account_index is None:
            return None
        self._progress(f"{role}: orders")
        orders = await self._orders(account_index, market, from_us)
        self._progress(f"{role}: transactions")
        txs = await self._txs(account_index, from_us)
        fundings = await self._fundings(account_index, market, from_us)
        self._progress(f"{role}: trades")
        position = await self._trades_and_position(account_index, market, from_us, trades)
        return LegFacts(
            account_index=account_index,
            api_key_index=self._keys[account_index],
            position_lots=position,
            orders=orders,
            txs=txs,
            fundings=fundings,
        )

    async def _trades_and_position(
        self, account_index: int, market: Market, from_us: int, trades: dict[int, TapeTrade]
    ) -> int:
        own: dict[int, TapeTrade] = {}
        position = 0
        for _ in range(_LOOKS):
            await self._read_new_trades(account_index, market, from_us, own)
            answer = await self._reader.get("account", {"by": "index", "value": account_index})
            position = position_of(answer["accounts"][0], market)
            tape = tuple(own[trade_id] for trade_id in sorted(own))
            leg = LegFacts(
                account_index=account_index,
                api_key_index=self._keys[account_index],
                position_lots=position,
            )
            total = sum(trade.lots_for(account_index) for trade in tape)
            if opening_lots(leg, tape) + total == position:
                break
        trades.update(own)
        return position

    async def _read_new_trades(
        self, account_index: int, market: Market, from_us: int, known: dict[int, TapeTrade]
    ) -> None:
        query: dict[str, str | int] = {
            "sort_by": "trade_id",
            "sort_dir": "desc",
            "limit": _PAGE,
            "market_id": market.market_id,
            "account_index": account_index,
        }
        newest = max(known, default=0)
        while True:
            page = await self._reader.get("trades", query, token_for=account_index)
            found = [tape_trade_of(trade, market) for trade in page["trades"]]
            new = [t for t in found if t.trade_id > newest and t.at_us >= from_us]
            known.update((trade.trade_id, trade) for trade in new)
            cursor = page.get("next_cursor", "")
            if not cursor or len(new) < len(found):
                return
            query["cursor"] = cursor
            self._progress(f"trades of account {account_index}: {len(known)}")

    async def _orders(
        self, account_index: int, market: Market, from_us: int
    ) -> tuple[OrderFact, ...]:
        which: dict[str, str | int] = {
            "account_index": account_index,
            "market_id": market.market_id,
        }
        # Ended ones first: one that ends in between is read twice, not never.
        found: dict[int, OrderFact] = {}
        query = which | {"limit": _PAGE}
        is_within, cursor = True, "first"
        while is_within and cursor:
            page = await self._reader.get("accountInactiveOrders", query, token_for=account_index)
            for order in page["orders"]:
                is_within = is_within and ended_ms(order) >= from_us // 1_000
                if is_within:
                    found[int(order["order_index"])] = order_fact_of(order, market)
            cursor = page.get("next_cursor", "")
            query["cursor"] = cursor
        if is_within and len(found) >= _ENDED_KEPT:
            self._gaps.append(
                f"the venue tells the last {_ENDED_KEPT} ended orders of account {account_index} "
                "only: older ones are not judged one by one, their trades are"
            )
        active = await self._reader.get("accountActiveOrders", which, token_for=account_index)
        resting = (order_fact_of(order, market) for order in active["orders"])
        found |= {order.order_index: order for order in resting}
        return tuple(found.values())

    async def _txs(self, account_index: int, from_us: int) -> tuple[TxFact, ...]:
        query: dict[str, str | int] = {
            "by": "account_index",
            "value": account_index,
            "limit": _PAGE,
        }
        found: dict[str, TxFact] = {}
        lowest: int | None = None
        while True:
            page = await self._reader.get("accountTxs", query, token_for=account_index)
            rows = page["txs"]
            facts = [fact for fact in map(tx_fact_of, rows) if fact is not None]
            within = [fact for fact in facts if fact.executed_us >= from_us]
            found |= {fact.tx_hash: fact for fact in within}
            least = min((int(row["sequence_index"]) for row in rows), default=None)
            if least is None or len(rows) < _PAGE or len(within) < len(facts):
                break
            if lowest is not None and least >= lowest:
                self._gaps.append(
                    f"the venue pages no further through the transactions of account "
                    f"{account_index}: older nonces are not judged"
                )
                break
            lowest = least
            query["index"] = least
            self._progress(f"transactions of account {account_index}: {len(found)}")
        return tuple(found.values())

    async def _fundings(
        self, account_index: int, market: Market, from_us: int
    ) -> tuple[FundingFact, ...]:
        query: dict[str, str | int] = {
            "account_index": account_index,
            "market_ids": market.market_id,
            "limit": _PAGE,
        }
        found: dict[int, FundingFact] = {}
        while True:
            page = await self._reader.get("positionFunding", query, token_for=account_index)
            rows = [funding_fact_of(row) for row in page["position_fundings"]]
            within = [row for row in rows if row.at_us >= from_us]
            found |= {row.funding_id: row for row in within}
            cursor = page.get("next_cursor", "")
            if not cursor or len(within) < len(rows):
                return tuple(found.values())
            query["cursor"] = cursor
