"""REST endpoints that answer from a replica which is behind, each by itself."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from hedgepair_runner.venues.paper.fault_files import read_fault
from hedgepair_runner.venues.paper.lagging import EVERY, Lag, Lags
from hedgepair_runner.venues.paper.records import TimeInForce
from hedgepair_runner.venues.paper.settings import ExchangeSettings
from hedgepair_runner.venues.paper.timelines import Timeline
from tests.exchange.booth import KEY, SEED, Booth

API = "/api/v1/"
NONCE = API + f"nextNonce?account_index=1&api_key_index={KEY}"


def lagging(endpoint: str, ms: int = 250, *, exchange: ExchangeSettings | None = None) -> Booth:
    return Booth(exchange=exchange, lags={endpoint: Lag(low_ms=ms, high_ms=ms)})


def trade(booth: Booth, lots: int = 500) -> str:
    """Account 1 sells to account 2; the hash of the seller's transaction."""
    booth.rest_order(2, is_ask=False, price_ticks=236_000, lots=lots)
    sold = booth.create(
        1,
        is_ask=True,
        price_ticks=236_000,
        lots=lots,
        client_order_index=77,
        time_in_force=TimeInForce.IOC,
    )
    booth.send(sold)
    return sold.tx_hash


def rest(booth: Booth) -> str:
    """Account 1 rests an order; the hash."""
    tx = booth.create(1, is_ask=True, price_ticks=240_000, client_order_index=5)
    booth.send(tx)
    return tx.tx_hash


def _position(booth: Booth) -> object:
    body = booth.get(API + "account?by=index&value=1")
    return [each["position"] for each in body["accounts"][0]["positions"]]


def _orders(endpoint: str) -> Callable[[Booth], object]:
    def read(booth: Booth) -> object:
        path = API + endpoint + "?account_index=1&market_id=0&limit=10&client_order_indexes=5,77"
        body = booth.get(path, auth=booth.token(1))
        return [(order["client_order_index"], order["status"]) for order in body["orders"]]

    return read


def _trades(booth: Booth) -> object:
    return len(booth.get(API + "recentTrades?market_id=0&limit=10")["trades"])


def _own_trades(booth: Booth) -> object:
    path = API + "trades?account_index=1&sort_by=timestamp&limit=10"
    return len(booth.get(path, auth=booth.token(1))["trades"])


def _book(booth: Booth) -> object:
    body = booth.get(API + "orderBookOrders?market_id=0&limit=10")
    return body["total_asks"], [order["price"] for order in body["asks"]]


def _statistics(booth: Booth) -> object:
    body = booth.get(API + "orderBookDetails?market_id=0")
    return body["order_book_details"][0]["daily_trades_count"]


READS: list[tuple[str, Callable[[Booth], object], Callable[[Booth], object], object, object]] = [
    ("nextNonce", lambda booth: booth.get(NONCE)["nonce"], rest, 1, 2),
    (
        "apikeys",
        lambda booth: booth.get(API + "apikeys?account_index=1&api_key_index=4")["api_keys"][0][
            "nonce"
        ],
        rest,
        1,
        2,
    ),
    ("account", _position, trade, [], ["0.0500"]),
    ("accountActiveOrders", _orders("accountActiveOrders"), rest, [], [(5, "open")]),
    ("accountInactiveOrders", _orders("accountInactiveOrders"), trade, [], [(77, "filled")]),
    ("accountOrders", _orders("accountOrders"), trade, [], [(77, "filled")]),
    ("accountOrders", _orders("accountOrders"), rest, [], [(5, "open")]),
    ("recentTrades", _trades, trade, 0, 1),
    ("trades", _own_trades, trade, 0, 1),
    ("orderBookOrders", _book, rest, (0, []), (1, ["2400.00"])),
    ("orderBookDetails", _statistics, trade, 0, 1),
]


@pytest.mark.parametrize(
    ("endpoint", "read", "act", "before", "after"), READS, ids=[each[0] for each in READS]
)
def test_an_endpoint_tells_of_what_happened_only_once_its_replica_has_it(
    endpoint: str,
    read: Callable[[Booth], object],
    act: Callable[[Booth], object],
    before: object,
    after: object,
) -> None:
    booth = lagging(endpoint)
    booth.pass_ms(1_000)
    act(booth)

    assert read(booth) == before
    booth.pass_ms(248)
    assert read(booth) == before
    booth.pass_ms(4)
    assert read(booth) == after


@pytest.mark.parametrize(
    ("endpoint", "read", "act", "before", "after"), READS, ids=[each[0] for each in READS]
)
def test_the_other_endpoints_are_up_to_date(
    endpoint: str,
    read: Callable[[Booth], object],
    act: Callable[[Booth], object],
    before: object,
    after: object,
) -> None:
    booth = lagging("fundings")
    act(booth)
    assert read(booth) == after
    assert before != after


def test_a_transaction_is_unknown_then_pending_then_executed() -> None:
    premium = ExchangeSettings(tier_of_account={1: "premium"})
    booth = lagging("tx", exchange=premium)
    booth.rest_order(2, is_ask=False, price_ticks=236_000)
    tx = booth.create(1, is_ask=True, price_ticks=236_000, time_in_force=TimeInForce.IOC)
    booth.send(tx)

    def status() -> object:
        _, body = booth.request(API + f"tx?by=hash&value={tx.tx_hash}")
        return body.get("status", body["code"])

    assert status() == 21_500
    booth.pass_ms(230)  # executed after 200 ms
    assert status() == 21_500
    booth.pass_ms(20)
    assert status() == 1
    booth.pass_ms(200)
    assert status() == 2


def test_account_txs_lag_like_the_transaction_itself() -> None:
    booth = lagging("accountTxs")
    tx_hash = rest(booth)
    path = API + "accountTxs?by=account_index&value=1&limit=10"

    assert booth.get(path)["txs"] == []
    booth.pass_ms(250)
    assert [tx["hash"] for tx in booth.get(path)["txs"]] == [tx_hash]


def test_the_height_lags_with_the_replica() -> None:
    booth = lagging("currentHeight", 3_000)
    booth.pass_ms(10_000)

    assert booth.get(API + "currentHeight")["height"] == 8


def test_next_nonce_counts_queued_transactions_unless_its_replica_is_behind() -> None:
    booth = Booth(exchange=ExchangeSettings(default_tier="standard"))
    rest(booth)
    assert booth.get(NONCE)["nonce"] == 2

    booth.gateway.set_lag("nextNonce", Lag(low_ms=100, high_ms=100))
    rest_again = booth.create(1, is_ask=True, price_ticks=240_100)
    booth.pass_ms(1)
    booth.send(rest_again)
    assert booth.get(NONCE)["nonce"] == 2
    booth.pass_ms(100)
    assert booth.get(NONCE)["nonce"] == 3


def test_lag_that_is_switched_on_knows_nothing_of_before() -> None:
    booth = Booth()
    rest(booth)
    booth.gateway.set_lag(EVERY, Lag(low_ms=60_000, high_ms=60_000))

    assert _orders("accountActiveOrders")(booth) == [(5, "open")]
    booth.send(booth.cancel(1, 5))
    assert _orders("accountActiveOrders")(booth) == [(5, "open")]
    booth.gateway.set_lag(EVERY, None)
    assert _orders("accountActiveOrders")(booth) == []


def test_a_partly_filled_order_is_seen_as_it_was() -> None:
    booth = lagging("accountActiveOrders", 100)
    rest(booth)
    booth.pass_ms(100)
    booth.rest_order(2, is_ask=False, price_ticks=240_000, lots=200)

    def remaining() -> object:
        path = API + "accountActiveOrders?account_index=1&market_id=0"
        return booth.get(path, auth=booth.token(1))["orders"][0]["remaining_base_amount"]

    assert remaining() == "0.0500"
    booth.pass_ms(100)
    assert remaining() == "0.0300"


def test_a_cancelled_order_is_still_active_on_a_lagging_replica() -> None:
    booth = lagging(EVERY, 100)
    rest(booth)
    booth.pass_ms(500)
    booth.send(booth.cancel(1, 5))

    assert _orders("accountOrders")(booth) == [(5, "open")]
    assert _book(booth) == (1, ["2400.00"])
    booth.pass_ms(101)
    assert _orders("accountOrders")(booth) == [(5, "canceled")]
    assert _book(booth) == (0, [])


def test_transactions_never_lag() -> None:
    booth = lagging(EVERY, 60_000)
    first, second = (booth.create(1, is_ask=True, price_ticks=240_000) for _ in range(2))
    booth.send(first)

    assert booth.send(second)["code"] == 200
    assert booth.get(NONCE)["nonce"] == 1


def test_the_chronicle_stays_bounded() -> None:
    booth = lagging(EVERY, 100)
    for _ in range(60):
        booth.pass_ms(10)
        trade(booth)
    chronicle = booth.gateway._chronicle
    assert chronicle is not None

    assert len(chronicle._orders) < 30
    assert max(len(timeline) for timeline in chronicle._accounts.values()) < 30
    assert max(len(timeline) for timeline in chronicle._nonces.values()) < 30


def test_a_range_is_drawn_anew_for_each_request_and_by_the_seed() -> None:
    def drawn(seed: str) -> list[int]:
        lags = Lags(Random(seed), {EVERY: Lag(low_ms=100, high_ms=200)})
        return [lags.draw_us("account") for _ in range(50)]

    assert drawn(SEED) == drawn(SEED)
    assert drawn(SEED) != drawn("other")
    assert all(100_000 <= each <= 200_000 for each in drawn(SEED))
    assert len(set(drawn(SEED))) > 1


def test_an_endpoints_own_lag_goes_before_the_one_for_all() -> None:
    lags = Lags(Random(SEED), {EVERY: Lag(low_ms=5, high_ms=5)})
    lags.set("account", Lag(low_ms=7, high_ms=7))

    assert [lags.draw_us(name) for name in ("account", "tx")] == [7_000, 5_000]
    assert lags.set(EVERY, None) == Lag(low_ms=5, high_ms=5)
    assert lags.draw_us("tx") == 0


@pytest.mark.parametrize(("low", "high"), [(-1, 0), (2, 1), (0, 60_001)])
def test_a_lag_is_a_range_within_a_minute(low: int, high: int) -> None:
    with pytest.raises(ValueError, match="between 0 and 60000 ms"):
        Lag(low_ms=low, high_ms=high)


def test_a_fault_brings_lag_and_takes_it_away() -> None:
    booth = Booth()
    rule = read_fault(
        {"kind": "replica_lag", "for": "1s", "when": {"endpoint": "nextNonce"}, "high_ms": 300}
        | {"low_ms": 300}
    )
    booth.gateway.troubles.arm(rule)
    rest(booth)

    assert booth.get(NONCE)["nonce"] == 1
    booth.pass_ms(1_000)
    assert not booth.gateway.lags
    assert booth.get(NONCE)["nonce"] == 2


def test_a_timeline_remembers_what_a_reader_may_still_want() -> None:
    line = Timeline(10, "a")
    line.note(20, "b")
    line.note(20, "c")
    line.note(30, "d")

    assert [line.at(us) for us in (0, 10, 19, 20, 29, 30, 99)] == list("aaaccdd")
    line.forget(25)
    assert [line.at(us) for us in (19, 25, 30)] == list("ccd")
    assert len(line) == 2
