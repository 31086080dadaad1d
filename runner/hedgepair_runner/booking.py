"""The running account of a pair: what both legs' trades and funding have come to, and how far.

A total whose trades are not all known would be a guess: where one is missing, or tells no entry
value, counting begins anew, and `since_ms` says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from hedgepair_runner.accounting import NOTHING, Result, quote_of, result_of
from hedgepair_runner.contract.receipts import Carry, Cover, LegMark
from hedgepair_runner.orders import AccountTrade, Funding
from hedgepair_runner.units import Market


class PairBooks:
    def __init__(self, market: Market, *, maker_account: int, own_account: int) -> None:
        self._market = market
        self._maker, self._own = maker_account, own_account
        nothing = LegMark(trade_id=0, lots=0)
        self._marks = {maker_account: nothing, own_account: nothing}
        self._total = Decimal(0)
        self._funding = Decimal(0)
        self._since_ms = self._funding_ms = 0
        self._expected = _Expected()
        self.since_last = NOTHING
        """Of trades since the last receipt, but for those with a receipt of the maker's own."""
        self.maker_fee_parts = 0

    def begin(self, expected: Iterable[AccountTrade], *, now_ms: int, after_id: int) -> None:
        """Without a receipt to go on from: trades up to this id are no part of the total."""
        self._since_ms = self._funding_ms = now_ms
        self._expected.count_after(after_id, anew=expected)

    def resume(self, carry: Carry) -> None:
        self._marks = {self._maker: carry.maker, self._own: carry.own}
        self._total = Decimal(carry.total_quote)
        self._since_ms, self._funding_ms = carry.since_ms, carry.funding_ms

    def mark(self, account_index: int) -> LegMark:
        return self._marks[account_index]

    @property
    def funding_ms(self) -> int:
        return self._funding_ms

    @property
    def funding(self) -> Decimal:
        """Since the last receipt."""
        return self._funding

    def fund(self, payments: Iterable[Funding]) -> None:
        """All payments of both legs since `funding_ms`, or more: none counts twice."""
        newest_ms = self._funding_ms
        for payment in payments:
            if payment.at_ms > self._funding_ms:
                self._funding += payment.change_quote
                newest_ms = max(newest_ms, payment.at_ms)
        self._funding_ms = newest_ms

    def book(self, trade: AccountTrade, *, has_own_receipt: bool) -> None:
        """The next trade of the tape. `has_own_receipt`: an order that the maker accounts for."""
        mark = self._marks[trade.account_index]
        result = result_of(trade)
        is_linked = not mark.trade_id or trade.before_lots == mark.lots
        is_late = trade.trade_id < mark.trade_id
        lots = mark.lots + trade.signed_lots if mark.trade_id else trade.after_lots
        if result is None or not (is_linked or is_late):
            self._total, self._since_ms = Decimal(0), trade.timestamp_ms
            lots = trade.after_lots
        self._marks[trade.account_index] = LegMark(
            trade_id=max(mark.trade_id, trade.trade_id), lots=lots
        )
        result = result or NOTHING
        self._total += self._counted(trade, result)
        if not has_own_receipt:
            self.since_last = self.since_last + result
            if trade.account_index == self._maker:
                self.maker_fee_parts += result.fee_parts

    def expect(self, trade: AccountTrade) -> None:
        """A trade that is known and not booked yet: it is in the total at once."""
        self._expected.add(trade)

    def forget(self, trade: AccountTrade) -> None:
        """It is booked, by us or by a predecessor."""
        self._expected.remove(trade)

    def total(self) -> Decimal | None:
        """With what is expected; None where a trade in it tells no result."""
        if self._expected.unknown:
            return None
        return self._total + self._funding + quote_of(self._expected.net_parts, self._market)

    def close(self, uncovered: tuple[Cover, ...]) -> Carry:
        """After a receipt: what the next one goes on from."""
        self._total += self._funding
        self._funding = Decimal(0)
        self.since_last, self.maker_fee_parts = NOTHING, 0
        return Carry(
            maker=self._marks[self._maker],
            own=self._marks[self._own],
            uncovered=uncovered,
            total_quote=plain(self._total),
            since_ms=self._since_ms,
            funding_ms=self._funding_ms,
        )

    def _counted(self, trade: AccountTrade, result: Result) -> Decimal:
        is_counted = trade.trade_id > self._expected.after_id
        return quote_of(result.net_parts if is_counted else 0, self._market)


class _Expected:
    """The sum of what is not booked yet, kept up trade by trade."""

    def __init__(self) -> None:
        self.after_id = 0
        self.net_parts = 0
        self.unknown = 0

    def count_after(self, trade_id: int, *, anew: Iterable[AccountTrade]) -> None:
        self.after_id = trade_id
        self.net_parts = self.unknown = 0
        for trade in anew:
            self.add(trade)

    def add(self, trade: AccountTrade) -> None:
        self._put(trade, sign=1)

    def remove(self, trade: AccountTrade) -> None:
        self._put(trade, sign=-1)

    def _put(self, trade: AccountTrade, *, sign: int) -> None:
        if trade.trade_id <= self.after_id:
            return
        result = result_of(trade)
        if result is None:
            self.unknown += sign
        else:
            self.net_parts += sign * result.net_parts


def plain(amount: Decimal) -> str:
    """The plainest form: no trailing zeros, no exponent, no negative zero."""
    return f"{amount.normalize():f}" if amount else "0"
