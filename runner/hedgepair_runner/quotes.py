"""The maker's quotes as its partner knows them (design §4.6).

The maker tells each quote before it is sent and again when it is proved gone. The hedger never
lets a hedge reach a quote of its own pair: its price stays one tick short of what may still rest.
"""

from __future__ import annotations

from dataclasses import dataclass

from hedgepair_runner.contract.identity import EPOCH_BITS, read_client_order_index
from hedgepair_runner.ledger import Chain
from hedgepair_runner.orders import Side

GONE_KEPT = 1_000
"""A fill may be heard of after its quote was told gone, by so many quotes at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteTold:
    """One message of the maker about one quote. `is_gone`: proved terminal at the venue.

    With `client_order_index` 0 and `is_gone` it speaks of every quote: a fence took them all.
    """

    client_order_index: int
    side: int
    price_ticks: int
    lots: int
    is_gone: bool
    epoch: int
    told_ms: int


class KnownQuotes:
    """What of the maker's quotes may still rest, by what was told and what has traded."""

    def __init__(self) -> None:
        self._quotes: dict[int, QuoteTold] = {}
        self._guessed: dict[int, tuple[Side, int]] = {}
        self._gone: dict[int, None] = {}
        self._fenced_epoch = 0
        self._told_meanwhile: list[QuoteTold] | None = None

    def tell(self, quote: QuoteTold) -> None:
        if self._told_meanwhile is not None:
            self._told_meanwhile.append(quote)
        self._take_in(quote)

    def _take_in(self, quote: QuoteTold) -> None:
        if quote.is_gone and quote.client_order_index == 0:
            # Told once more after Redis came back, it says nothing of what was quoted since.
            self._fenced_epoch = max(self._fenced_epoch, quote.epoch)
            self._quotes = {
                index: known
                for index, known in self._quotes.items()
                if known.epoch >= self._fenced_epoch
            }
            self._guessed = {
                index: guess for index, guess in self._guessed.items() if not self._is_fenced(index)
            }
            return
        self._guessed.pop(quote.client_order_index, None)
        if quote.is_gone:
            self._quotes.pop(quote.client_order_index, None)
            self._note_gone(quote.client_order_index)
        elif quote.epoch >= self._fenced_epoch:
            self._quotes[quote.client_order_index] = quote
            # It may have been refused and told gone, and its nonce is used for another now.
            self._gone.pop(quote.client_order_index, None)

    def _note_gone(self, client_order_index: int) -> None:
        self._gone.pop(client_order_index, None)
        self._gone[client_order_index] = None
        if len(self._gone) > GONE_KEPT:
            del self._gone[next(iter(self._gone))]

    def reading_begins(self) -> None:
        """What is told from now on is newer than what the read will answer, or the same."""
        self._told_meanwhile = []

    def replace_all(self, quotes: tuple[QuoteTold, ...], *, keeps_known: bool = False) -> None:
        """The whole hash, read at start or after Redis came back, and what was told meanwhile.

        A Redis that came back may be as it was a second ago: what it does not list may rest all
        the same (`keeps_known`), and what was told gone is gone.
        """
        self._quotes = {
            **(self._quotes if keeps_known else {}),
            **{
                quote.client_order_index: quote
                for quote in quotes
                if not quote.is_gone
                and quote.epoch >= self._fenced_epoch
                and quote.client_order_index not in self._gone
            },
        }
        for index in self._quotes:
            self._guessed.pop(index, None)
        told, self._told_meanwhile = self._told_meanwhile or [], None
        for quote in told:
            self._take_in(quote)

    def is_known(self, client_order_index: int) -> bool:
        """Whether it was told of, resting or gone, or guessed: then there is nothing to guess."""
        return (
            client_order_index in self._quotes
            or client_order_index in self._guessed
            or client_order_index in self._gone
            or self._is_fenced(client_order_index)
        )

    def _is_fenced(self, client_order_index: int) -> bool:
        """Of an epoch before the last fence that was told: it cannot rest any more (law 5)."""
        parts = read_client_order_index(client_order_index)
        if parts is None or not self._fenced_epoch:
            return False
        span = 1 << EPOCH_BITS
        return 0 < (self._fenced_epoch - parts.epoch_low) % span < span // 2

    def guess(self, client_order_index: int, *, side: Side, price_ticks: int) -> None:
        """A fill of a quote that was never told to us: the rest of it may still stand there."""
        self._guessed[client_order_index] = (side, price_ticks)

    def nearest_ticks(self, resting: Side, chain: Chain) -> int | None:
        """The best price at which a quote of that side may still rest, or None."""
        prices = [
            quote.price_ticks
            for quote in self._quotes.values()
            if quote.side == resting
            and abs(chain.traded_lots(quote.client_order_index)) < quote.lots
        ]
        prices += [ticks for side, ticks in self._guessed.values() if side is resting]
        if not prices:
            return None
        return max(prices) if resting is Side.BUY else min(prices)
