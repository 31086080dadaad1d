"""Rate limits and the firewall (protocol §6.8, §8): what a minute holds, and who pays."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from hedgepair_runner.venues.paper.gateway import TooManyConnections
from hedgepair_runner.venues.paper.limiting_requests import (
    MINUTE_US,
    LimitSettings,
    Owner,
    RequestLimiter,
    Scope,
)
from hedgepair_runner.venues.paper.rest import RestAnswer, RestRequest
from hedgepair_runner.venues.paper.settings import ExchangeSettings
from tests.exchange.booth import Booth, tx_frame

ON = LimitSettings(is_on=True, firewall_after=10_000)
_ALICE = "0xA11ce"


def limiter(tier: str = "standard", settings: LimitSettings = ON) -> RequestLimiter:
    return RequestLimiter(settings, default_tier=tier)


def owner(tier: str, address: str = _ALICE) -> Owner:
    return Owner(l1_address=address, tier_name=tier)


def reads(at: RequestLimiter, endpoint: str, who: Owner | None, *, now_us: int = 0) -> int:
    """How many are let through in one moment."""
    count = 0
    while count < 30_000 and at.admit_read(endpoint, ip="ip", owner=who, now_us=now_us):
        count += 1
    return count


def sends(at: RequestLimiter, who: Owner, *, size: int = 1, kind: int = 14) -> int:
    count = 0
    while count < 30_000 and at.admit_sends([kind] * size, ip="ip", owner=who, now_us=0):
        count += 1
    return count


@pytest.mark.parametrize(
    ("tier", "endpoint", "expected"),
    [
        ("standard", "nextNonce", 60),
        ("standard", "account", 60),
        ("standard", "trades", 40),
        ("standard", "changeAccountTier", 8),
        ("standard", "tokens/create", 1),
        ("premium", "nextNonce", 4_000),
        ("premium", "apikeys", 160),
        ("premium", "accountInactiveOrders", 240),
        ("premium", "account", 80),
        ("premium", "trades", 40),
        ("plus", "account", 400),
        ("plus", "nextNonce", 20_000),
        ("none", "account", 60),
    ],
)
def test_a_minute_holds_so_many_reads_of_an_endpoint(
    tier: str, endpoint: str, expected: int
) -> None:
    assert reads(limiter(), endpoint, owner(tier)) == expected
    assert reads(limiter(tier), endpoint, None) == expected


@pytest.mark.parametrize(
    ("tier", "size", "expected"),
    [("standard", 1, 60), ("premium", 1, 4_000), ("plus", 1, 8_000), ("premium", 40, 100)],
)
def test_a_minute_holds_so_many_sends_and_a_batch_counts_each(
    tier: str, size: int, expected: int
) -> None:
    assert sends(limiter(), owner(tier), size=size) == expected


def test_a_batch_may_count_once_instead() -> None:
    settings = LimitSettings(is_on=True, counts_each_of_a_batch=False, firewall_after=10_000)

    assert sends(limiter(settings=settings), owner("standard"), size=50) == 60


def test_a_standard_accounts_sends_and_reads_share_one_budget_and_a_premium_ones_do_not() -> None:
    standard, premium = limiter(), limiter()

    assert reads(standard, "account", owner("standard")) == 60
    assert sends(standard, owner("standard")) == 0
    assert reads(premium, "account", owner("premium")) == 80
    assert sends(premium, owner("premium")) == 4_000


def test_leverage_has_a_limit_of_its_own_on_standard_accounts() -> None:
    at = limiter()

    assert sends(at, owner("standard"), kind=20) == 40
    assert at.admit_sends([14], ip="ip", owner=owner("standard"), now_us=0)


def test_the_window_rolls() -> None:
    at, who = limiter(), owner("standard")
    for second in range(60):
        assert at.admit_read("account", ip="ip", owner=who, now_us=second * 1_000_000)

    assert not at.admit_read("account", ip="ip", owner=who, now_us=MINUTE_US - 1)
    assert at.admit_read("account", ip="ip", owner=who, now_us=MINUTE_US)
    assert not at.admit_read("account", ip="ip", owner=who, now_us=MINUTE_US)


def test_ips_and_l1_addresses_have_budgets_of_their_own() -> None:
    at = limiter()

    assert reads(at, "account", None) == 60
    assert reads(at, "account", owner("standard")) == 60
    assert reads(at, "account", owner("standard", "0xB0b")) == 60
    assert at.admit_read("account", ip="another ip", owner=None, now_us=0)


def test_the_headroom_says_what_is_left() -> None:
    at = limiter()
    at.admit_read("trades", ip="ip", owner=None, now_us=0)
    at.admit_sends([14, 14], ip="ip", owner=owner("premium"), now_us=0)

    left = {(each.scope, each.name): each.left for each in at.headroom(0)}
    assert left == {(Scope.IP, "ip"): 23_400, (Scope.SENDS, _ALICE): 3_998}
    assert at.headroom(MINUTE_US) == []


def test_repeated_429s_lead_to_the_firewall_for_a_minute_and_for_that_ip_alone() -> None:
    at = limiter(settings=LimitSettings(is_on=True, firewall_after=3))
    assert reads(at, "account", None) == 60  # and the first refusal
    for _ in range(2):
        assert not at.is_blocked("ip", 0)
        at.admit_read("account", ip="ip", owner=None, now_us=0)

    assert at.is_blocked("ip", 0)
    assert at.is_blocked("ip", MINUTE_US - 1)
    assert not at.is_blocked("another ip", 0)
    assert not at.is_blocked("ip", MINUTE_US)


def test_refusals_that_are_a_minute_apart_do_not_add_up() -> None:
    at = limiter(settings=LimitSettings(is_on=True, firewall_after=2))
    for minute in range(3):
        assert reads(at, "account", None, now_us=minute * MINUTE_US) == 60

    assert not at.is_blocked("ip", 2 * MINUTE_US)


def test_without_limits_everything_passes() -> None:
    at = RequestLimiter(LimitSettings())

    assert reads(at, "tokens/create", None) == 30_000
    assert at.headroom(0) == []


# -- at the gateway --


def ask(booth: Booth, path: str, *, ip: str = "", auth: str | None = None) -> RestAnswer:
    query = dict(pair.split("=") for pair in path.partition("?")[2].split("&") if pair)
    request = RestRequest(
        method="GET", path=path.partition("?")[0], query=query, authorization=auth, ip=ip
    )
    return asyncio.run(booth.gateway.rest(request))


def strict(**settings: Any) -> Booth:
    return Booth(limits=LimitSettings(is_on=True, **settings))


def test_the_sixty_first_request_of_a_minute_is_429_with_23000() -> None:
    booth = strict()
    for _ in range(60):
        assert ask(booth, "/api/v1/orderBooks").status == 200

    answer = ask(booth, "/api/v1/orderBooks")
    assert (answer.status, json.loads(answer.body)) == (
        429,
        {"code": 23000, "message": "Too Many Requests!"},
    )
    assert ask(booth, "/api/v1/orderBooks", ip="10.0.0.2").status == 200
    booth.pass_ms(60_000)
    assert ask(booth, "/api/v1/orderBooks").status == 200


def test_a_token_moves_the_cost_from_the_ip_to_the_l1_address() -> None:
    booth = strict()
    path = "/api/v1/accountActiveOrders?account_index=1&market_id=0"
    for _ in range(60):
        assert ask(booth, path, auth=booth.token(1)).status == 200

    assert ask(booth, path, auth=booth.token(1)).status == 429
    assert ask(booth, path.replace("=1", "=2"), auth=booth.token(2)).status == 200
    assert ask(booth, "/api/v1/orderBooks").status == 200


def test_sub_accounts_of_one_l1_address_share_its_budget() -> None:
    booth = Booth(
        exchange=ExchangeSettings(same_l1=frozenset({frozenset({1, 2})})),
        limits=LimitSettings(is_on=True),
    )
    line = booth.line()
    for number in range(60):
        tx = booth.create(1 + number % 2, is_ask=False, price_ticks=200_000, lots=100)
        line.say(tx_frame(tx))

    [refused] = line.say(tx_frame(booth.create(2, is_ask=False, price_ticks=200_000)))
    assert refused == {"error": {"code": 23000, "message": "Too Many Requests!"}}


def test_a_refused_transaction_does_not_use_its_nonce() -> None:
    booth = strict()
    for _ in range(60):
        booth.send(booth.create(1, is_ask=False, price_ticks=220_000))
    tx = booth.create(1, is_ask=False, price_ticks=220_000)

    status, body = booth.request(
        "/api/v1/sendTx", method="POST", form={"tx_type": "14", "tx_info": tx.tx_info}
    )

    assert (status, body["code"]) == (429, 23000)
    assert booth.exchange.next_nonce(1, 4) == 61


def test_the_firewall_answers_405_without_a_useful_body_and_opens_no_socket() -> None:
    booth = strict(firewall_after=2)
    for _ in range(62):
        ask(booth, "/api/v1/orderBooks")

    answer = ask(booth, "/api/v1/orderBooks")
    assert (answer.status, answer.content_type) == (405, "text/html")
    assert b"code" not in answer.body
    handshake = asyncio.run(booth.gateway.handshake(""))
    assert handshake is not None
    assert handshake.status == 405
    booth.pass_ms(60_000)
    assert ask(booth, "/api/v1/orderBooks").status == 200
    assert asyncio.run(booth.gateway.handshake("")) is None


def test_an_ip_opens_so_many_sockets_a_minute_and_holds_so_many() -> None:
    booth = strict(new_connections_per_minute=2)
    answers = [asyncio.run(booth.gateway.handshake("10.0.0.1")) for _ in range(3)]
    assert answers[:2] == [None, None]
    assert answers[2] is not None
    assert (answers[2].status, json.loads(answers[2].body)["code"]) == (429, 23003)

    booth = strict(connections_per_ip=1)
    booth.line()
    refused = asyncio.run(booth.gateway.handshake(""))
    assert refused is not None
    assert refused.status == 429
    assert asyncio.run(booth.gateway.handshake("10.0.0.1")) is None


def test_connections_are_bounded_with_and_without_limits() -> None:
    booth = Booth(connections=1)
    booth.line()

    with pytest.raises(TooManyConnections):
        booth.line()


def test_messages_of_all_sockets_of_an_ip_count_together_and_transactions_do_not() -> None:
    booth = strict(messages_per_minute=3)
    first, second = booth.line(), booth.line()
    for line in (first, second, first):
        assert line.say({"type": "ping"}) == [{"type": "pong"}]

    assert second.say({"type": "ping"}) == [
        {"error": {"code": 30009, "message": "Too Many Websocket Messages!"}}
    ]
    tx = booth.create(1, is_ask=False, price_ticks=220_000)
    assert second.say(tx_frame(tx, "a"))[0]["code"] == 200
    booth.pass_ms(60_000)
    second.take()
    assert second.say({"type": "ping"}) == [{"type": "pong"}]


@pytest.mark.parametrize(
    ("settings", "channel", "code"),
    [
        ({"subscriptions_per_ip": 2}, "trade/0", 23001),
        ({"accounts_per_ip": 1}, "account_all/2", 23002),
    ],
    ids=["subscriptions", "different accounts"],
)
def test_subscriptions_and_accounts_of_all_sockets_of_an_ip_count_together(
    settings: dict[str, int], channel: str, code: int
) -> None:
    booth = strict(**settings)
    first, second = booth.line(), booth.line()
    first.subscribe("account_all/1")
    first.subscribe("ticker/0")

    assert second.subscribe(channel)["error"]["code"] == code


def test_a_used_up_volume_quota_is_429() -> None:
    booth = Booth(exchange=ExchangeSettings(tier_of_account={1: "premium"}))
    booth.exchange._engine.accounts.use(1, booth.clock.us).quota.remaining = 1
    for _ in range(2):  # the second one is free, once in 15 s
        booth.send(booth.create(1, is_ask=False, price_ticks=220_000))

    tx = booth.create(1, is_ask=False, price_ticks=220_000)
    status, body = booth.request(
        "/api/v1/sendTx", method="POST", form={"tx_type": "14", "tx_info": tx.tx_info}
    )
    assert (status, body["code"]) == (429, 23000)
