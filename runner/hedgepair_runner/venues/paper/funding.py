"""Funding on the paper exchange: sampled 60 times, then paid, hour by hour (protocol §7.14).

What is paid on the hour moves at once: a cross position's from the collateral, an isolated one's
from its own margin. What longs pay is to the last unit what shorts get.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from hedgepair_runner.venues.paper.accounts import Account
from hedgepair_runner.venues.paper.engine import Engine
from hedgepair_runner.venues.paper.events import FundingPaid, PositionChanged
from hedgepair_runner.venues.paper.premiums import hourly_rate, premium, towards_zero
from hedgepair_runner.venues.paper.records import FundingPayment, FundingRound

SAMPLES = 60
"""In one interval."""


@dataclass(slots=True)
class _Market:
    premium_sum: int = 0
    samples: int = 0
    rounds: deque[FundingRound] = field(default_factory=deque)


class Funding:
    """Samples at whole multiples of a 60th of the interval, pays at those of the interval."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._interval_us = engine.settings.funding_interval_us
        self._next_sample = self._samples_by(engine.now_us) + 1
        """Samples are numbered from the beginning of time; every 60th is a payment."""
        self._kept = engine.settings.fundings_kept
        self._markets = {
            market_id: _Market(rounds=deque(maxlen=self._kept)) for market_id in engine.markets
        }
        self._payments: dict[int, deque[FundingPayment]] = {}
        self._last_id = 0

    # -- what is read --

    def rounds(self, market_id: int) -> Iterator[FundingRound]:
        """Oldest first."""
        return iter(self._markets[market_id].rounds)

    def last_round(self, market_id: int) -> FundingRound | None:
        rounds = self._markets[market_id].rounds
        return rounds[-1] if rounds else None

    def payments(self, account_index: int) -> Iterator[FundingPayment]:
        """Newest first."""
        return reversed(self._payments.get(account_index, deque()))

    def estimate_millionths(self, market_id: int) -> int:
        """The rate of the payment to come, as the samples so far have it."""
        market = self._markets[market_id]
        mean = self._sample(market_id)
        if market.samples:
            mean = towards_zero(market.premium_sum, market.samples)
        return hourly_rate(mean, self._engine.markets[market_id])

    # -- time --

    def next_due_us(self) -> int | None:
        return self._time_us(self._next_sample) if self._interval_us else None

    def next_payment_us(self) -> int | None:
        return self._time_us(self._next_payment) if self._interval_us else None

    def run(self, until_us: int) -> None:
        """All samples up to then, during which nothing else happens, or up to the next payment."""
        first, payment = self._next_sample, self._next_payment
        last = min(payment, max(first, self._samples_by(until_us)))
        self._next_sample = last + 1
        for market_id, market in self._open_markets().items():
            market.premium_sum += self._sample(market_id) * (last - first + 1)
            market.samples += last - first + 1
        if last == payment:
            self._engine.move_clock(self._time_us(last))
            self._pay()

    @property
    def _next_payment(self) -> int:
        return -(-self._next_sample // SAMPLES) * SAMPLES

    def _time_us(self, sample: int) -> int:
        return sample * (self._interval_us or 0) // SAMPLES

    def _samples_by(self, now_us: int) -> int:
        """The number of the last sample that is due by then."""
        return ((now_us + 1) * SAMPLES - 1) // self._interval_us if self._interval_us else 0

    def _open_markets(self) -> Mapping[int, _Market]:
        """A market that does not trade has no funding."""
        markets = self._engine.markets
        return {id_: each for id_, each in self._markets.items() if markets[id_].status == "active"}

    def _sample(self, market_id: int) -> int:
        book = self._engine.books[market_id]
        index_ticks = self._engine.prices[market_id].index_ticks
        return premium(book.bids.levels(), book.asks.levels(), index_ticks)

    # -- a payment --

    def _pay(self) -> None:
        engine = self._engine
        for market_id, market in self._open_markets().items():
            mean = towards_zero(market.premium_sum, max(1, market.samples))
            market.premium_sum = market.samples = 0
            self._last_id += 1
            round_ = FundingRound(
                funding_id=self._last_id,
                market_id=market_id,
                at_us=engine.now_us,
                rate_millionths=hourly_rate(mean, engine.markets[market_id]),
                index_price_ticks=engine.prices[market_id].index_ticks,
            )
            market.rounds.append(round_)
            for account_index in sorted(engine.holders[market_id]):
                self._charge(engine.accounts.use(account_index, engine.now_us), round_)

    def _charge(self, account: Account, round_: FundingRound) -> None:
        engine, position = self._engine, account.positions[round_.market_id]
        change_pico = -position.size_lots * round_.value_pico
        own_pico = change_pico if position.is_isolated else 0
        position = replace(
            position,
            allocated_margin_pico=position.allocated_margin_pico + own_pico,
            funding_paid_pico=position.funding_paid_pico - change_pico,
        )
        account.positions[round_.market_id] = position
        account.collateral_pico += change_pico - own_pico
        account.ledger.note_funding(change_pico, now_us=engine.now_us)
        payment = FundingPayment(
            round=round_,
            account_index=account.account_index,
            size_lots=position.size_lots,
            change_pico=change_pico,
        )
        history = self._payments.get(account.account_index)
        if history is None:
            history = self._payments[account.account_index] = deque(maxlen=self._kept)
        history.append(payment)
        engine.emit(FundingPaid(payment=payment))
        engine.emit(PositionChanged(account_index=account.account_index, position=position))
        engine.account_changed(account)
