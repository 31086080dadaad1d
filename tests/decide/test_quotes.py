"""What of the maker's quotes may still rest, as far as the hedger was told (design §4.6)."""

from __future__ import annotations

import pytest

from hedgepair_runner.contract.identity import BAND, Role, client_order_index
from hedgepair_runner.ledger import Chain
from hedgepair_runner.orders import Side
from hedgepair_runner.quotes import KnownQuotes, QuoteTold
from tests.decide.facts import PAIR, anchored, trade

EPOCH = 7
INDEX = client_order_index(Role.MAKER, PAIR, EPOCH * BAND + 1)
OTHER = client_order_index(Role.MAKER, PAIR, EPOCH * BAND + 2)


def told(
    index: int = INDEX,
    *,
    side: Side = Side.BUY,
    price: int = 1_000,
    lots: int = 5,
    is_gone: bool = False,
    epoch: int = EPOCH,
) -> QuoteTold:
    return QuoteTold(
        client_order_index=index,
        side=int(side),
        price_ticks=price,
        lots=lots,
        is_gone=is_gone,
        epoch=epoch,
        told_ms=0,
    )


FENCED = told(0, is_gone=True, epoch=EPOCH + 1)


def nearest(quotes: KnownQuotes, side: Side = Side.BUY, chain: Chain | None = None) -> int | None:
    return quotes.nearest_ticks(side, anchored() if chain is None else chain)


def test_a_quote_counts_from_when_it_is_told_until_it_is_told_gone() -> None:
    quotes = KnownQuotes()
    assert nearest(quotes) is None

    quotes.tell(told())
    assert nearest(quotes) == 1_000
    assert nearest(quotes, Side.SELL) is None

    quotes.tell(told(is_gone=True))
    assert nearest(quotes) is None


@pytest.mark.parametrize(
    ("side", "best"),
    [pytest.param(Side.BUY, 1_010, id="bids"), pytest.param(Side.SELL, 1_000, id="asks")],
)
def test_the_nearest_of_several_is_the_best_price(side: Side, best: int) -> None:
    quotes = KnownQuotes()
    quotes.tell(told(INDEX, side=side, price=1_000))
    quotes.tell(told(OTHER, side=side, price=1_010))

    assert nearest(quotes, side) == best


@pytest.mark.parametrize(
    ("filled", "rests"),
    [
        pytest.param(4, True, id="in part: the rest still stands at the touch"),
        pytest.param(5, False, id="whole: nothing of it is left"),
    ],
)
def test_a_filled_quote_rests_no_longer_than_its_size(filled: int, rests: bool) -> None:
    quotes = KnownQuotes()
    quotes.tell(told(lots=5))
    chain = anchored()
    chain.add(trade(101, filled, 0, index=INDEX))

    assert (nearest(quotes, chain=chain) is not None) is rests


def test_a_fill_of_an_unknown_quote_means_the_rest_may_stand_there() -> None:
    quotes = KnownQuotes()
    assert not quotes.is_known(INDEX)

    quotes.guess(INDEX, side=Side.BUY, price_ticks=990)

    assert quotes.is_known(INDEX)
    assert nearest(quotes) == 990


def test_the_maker_s_word_replaces_a_guess() -> None:
    quotes = KnownQuotes()
    quotes.guess(INDEX, side=Side.BUY, price_ticks=990)
    quotes.tell(told(price=1_000))
    assert nearest(quotes) == 1_000

    quotes.tell(told(is_gone=True))
    assert nearest(quotes) is None


def test_a_fill_that_is_heard_of_after_its_quote_was_told_gone_is_no_reason_to_guess() -> None:
    quotes = KnownQuotes()
    quotes.tell(told())
    quotes.tell(told(is_gone=True))

    assert quotes.is_known(INDEX)


def test_a_fence_takes_every_quote_of_the_epochs_before_it() -> None:
    quotes = KnownQuotes()
    quotes.tell(told())
    quotes.guess(OTHER, side=Side.BUY, price_ticks=990)

    quotes.tell(FENCED)

    assert nearest(quotes) is None
    assert quotes.is_known(OTHER), "a late fill of it does not bring it back"


def test_a_paused_predecessor_that_still_tells_is_not_believed() -> None:
    quotes = KnownQuotes()
    quotes.tell(FENCED)

    quotes.tell(told(epoch=EPOCH))
    assert nearest(quotes) is None
    quotes.replace_all((told(epoch=EPOCH),))
    assert nearest(quotes) is None
    quotes.tell(told(epoch=EPOCH + 1))
    assert nearest(quotes) == 1_000


def test_an_order_that_no_runner_made_is_unknown() -> None:
    quotes = KnownQuotes()
    quotes.tell(FENCED)

    assert not quotes.is_known(12_345)


def test_the_whole_hash_replaces_what_was_told_and_keeps_guesses_about_others() -> None:
    quotes = KnownQuotes()
    quotes.tell(told(INDEX, price=1_000))
    quotes.guess(OTHER, side=Side.BUY, price_ticks=980)

    quotes.replace_all((told(INDEX + 2, price=970), told(INDEX + 3, is_gone=True)))

    assert nearest(quotes) == 980
    assert not quotes.is_known(INDEX)


def test_a_guess_about_a_quote_that_the_hash_names_gives_way_to_it() -> None:
    quotes = KnownQuotes()
    quotes.guess(INDEX, side=Side.BUY, price_ticks=990)
    quotes.replace_all((told(INDEX, lots=5),))
    chain = anchored()
    chain.add(trade(101, 5, 0, index=INDEX))

    assert nearest(quotes, chain=chain) is None


def test_a_quote_that_was_told_gone_stays_gone_when_redis_lists_it_again() -> None:
    """A replica took over that lacks the last second (simulation: seeds 45 and 80 found it)."""
    quotes = KnownQuotes()
    quotes.tell(told())
    quotes.tell(told(is_gone=True))

    quotes.reading_begins()
    quotes.replace_all((told(),))
    assert nearest(quotes) is None


def test_a_quote_that_redis_forgot_counts_until_the_maker_had_time_to_tell_it_again() -> None:
    quotes = KnownQuotes()
    quotes.tell(told())

    quotes.reading_begins()
    quotes.replace_all((), keeps_known=True)
    assert nearest(quotes) == 1_000
    quotes.reading_begins()
    quotes.replace_all(())
    assert nearest(quotes) is None


def test_a_refused_quote_whose_nonce_is_used_again_may_rest_again() -> None:
    quotes = KnownQuotes()
    for is_gone in (False, True, True, False):
        quotes.tell(told(is_gone=is_gone))

    quotes.reading_begins()
    quotes.replace_all((told(),))
    assert nearest(quotes) == 1_000


def test_a_fence_that_is_told_once_more_takes_away_no_quote_of_its_own_epoch() -> None:
    """After Redis came back the maker tells again (simulation: seed 273 found it)."""
    quotes = KnownQuotes()
    quotes.tell(told(0, is_gone=True))
    quotes.tell(told())
    quotes.tell(told(0, is_gone=True))
    assert nearest(quotes) == 1_000
    quotes.tell(told(0, is_gone=True, epoch=EPOCH + 1))
    assert nearest(quotes) is None
