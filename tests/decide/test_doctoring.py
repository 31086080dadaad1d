"""What the doctor saw becomes a line: green, red with a remedy, or unknown, never a guess."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from hedgepair_runner.contract.halts import Halt, HaltReason
from hedgepair_runner.contract.identity import PairId, Role, client_order_index
from hedgepair_runner.contract.status import RunnerReport, RunnerState
from hedgepair_runner.local.diagnoses import Diagnosis, Health, is_well
from hedgepair_runner.local.doctoring import (
    RedisSeen,
    VenueSeen,
    judge_probe,
    judge_redis,
    judge_venue,
)
from hedgepair_runner.local.doctoring_pair import (
    AccountSeen,
    judge_account,
    judge_halts,
    judge_positions,
    judge_runner,
)
from hedgepair_runner.orders import OwnOrder, Side
from hedgepair_runner.units import Market

PAIR = PairId(namespace="default", pairing="pair")
OTHER = PairId(namespace="default", pairing="other")
ETH = Market(
    market_id=0,
    symbol="ETH",
    size_decimals=4,
    price_decimals=2,
    min_base_lots=50,
    min_quote_units=10_000_000,
    order_quote_limit_units=10**12,
)
WELL = RedisSeen(latency_ms=0.4, version="7.2", is_persistent=True, eviction="noeviction")
OPEN = VenueSeen(skew_ms=300, symbol="ETH", market=ETH, knows_market=True)
ACCOUNT = AccountSeen(
    role=Role.MAKER,
    account_index=7,
    next_nonce=5 << 20,
    tier="standard",
    orders=(),
    position_lots=3,
)
REPORT = RunnerReport(
    role="maker",
    holder="h",
    version="1",
    state=RunnerState.RUNNING,
    reported_ms=10_000,
    source_ages_s={"account": 0.1},
    headroom_requests=40,
)


def order(index: int) -> OwnOrder:
    return OwnOrder(
        account_index=7,
        market_id=0,
        order_index=1,
        client_order_index=index,
        side=Side.BUY,
        price_ticks=1,
        initial_lots=1,
        filled_lots=0,
        filled_quote_units=0,
        status="open",
        reduce_only=False,
        updated_us=0,
    )


OWN = order(client_order_index(Role.MAKER, PAIR, 5 << 20))
FOREIGN = order(42)
NEIGHBOUR = order(client_order_index(Role.MAKER, OTHER, 5 << 20))


def account(report: RunnerReport | None = REPORT, **changes: Any) -> list[Diagnosis]:
    return judge_account(replace(ACCOUNT, **changes), pair=PAIR, report=report)


def positions(maker: int | None, hedger: int | None, *, carried: int = 0) -> list[Diagnosis]:
    seen = {
        Role.MAKER: replace(ACCOUNT, position_lots=maker),
        Role.HEDGER: replace(ACCOUNT, role=Role.HEDGER, position_lots=hedger),
    }
    accepted = Decimal(0)
    return [
        judge_positions(
            seen, market=ETH, accepted_net_base=accepted, carried_lots=carried, hedges=True
        )
    ]


def runner(report: RunnerReport | None, *, now_ms: int = 10_500) -> list[Diagnosis]:
    return judge_runner(Role.MAKER, report, now_ms=now_ms, is_redis_up=True)


HALT = Halt(id="abc", reason=HaltReason.LIQUIDATED, message="gone", since_ms=1, role="hedger")
CASES = [
    ("redis is well", judge_redis(WELL), {}),
    ("nobody named a Redis", judge_redis(None), {"reachable": (Health.SKIPPED, "--redis")}),
    (
        "redis is down",
        judge_redis(RedisSeen(error="ConnectionError")),
        {"reachable": (Health.BAD, "ConnectionError")},
    ),
    (
        "redis is far away",
        judge_redis(replace(WELL, latency_ms=31.0)),
        {"reachable": (Health.BAD, "31 ms")},
    ),
    (
        "redis is read-only",
        judge_redis(replace(WELL, write_error="READONLY You can't write")),
        {"writable": (Health.BAD, "READONLY")},
    ),
    (
        "redis took no write in time",
        judge_redis(replace(WELL, write_error=None)),
        {"writable": (Health.UNKNOWN, "no answer")},
    ),
    (
        "redis forgets and evicts",
        judge_redis(replace(WELL, is_persistent=False, eviction="allkeys-lru")),
        {"persistence": (Health.BAD, "none"), "eviction": (Health.BAD, "allkeys-lru")},
    ),
    (
        "redis hides INFO",
        judge_redis(replace(WELL, is_persistent=None, eviction=None)),
        {"persistence": (Health.SKIPPED, "hidden"), "eviction": (Health.SKIPPED, "hidden")},
    ),
    ("the exchange is well", judge_venue(OPEN), {}),
    (
        "the exchange is silent",
        judge_venue(VenueSeen(error="timeout")),
        {"status": (Health.UNKNOWN, "timeout")},
    ),
    (
        "the clock is off",
        judge_venue(replace(OPEN, skew_ms=-9_000)),
        {"clock": (Health.BAD, "9 s behind the exchange's")},
    ),
    (
        "the market is halted",
        judge_venue(replace(OPEN, market=replace(ETH, is_active=False))),
        {"market": (Health.BAD, "halted")},
    ),
    (
        "there is no such market",
        judge_venue(replace(OPEN, market=None, knows_market=False)),
        {"market": (Health.BAD, "no ETH")},
    ),
    (
        "the markets got no answer",
        judge_venue(replace(OPEN, market=None, knows_market=None)),
        {"market": (Health.UNKNOWN, "no answer")},
    ),
    ("an account is well", account(orders=(OWN,)), {}),
    ("the key is elsewhere", account(key_error="none"), {"key": (Health.SKIPPED, "--secrets")}),
    (
        "the key is refused",
        account(is_key_refused=True, error="21109"),
        {"key": (Health.BAD, "21109")},
    ),
    (
        "the account got no answer",
        account(orders=None, error="HTTP 502"),
        {"key": (Health.UNKNOWN, "HTTP 502")},
    ),
    (
        "foreign orders rest",
        account(orders=(OWN, FOREIGN, FOREIGN)),
        {"orders": (Health.BAD, "2 that no HedgePair placed")},
    ),
    (
        "another pair quotes the same market",
        account(orders=(NEIGHBOUR,)),
        {"orders": (Health.BAD, "1 of another pair")},
    ),
    (
        "own orders rest and nobody looks after them",
        account(None, orders=(OWN,)),
        {
            "orders": (Health.BAD, "no maker reports"),
            "headroom": (Health.SKIPPED, "no runner"),
        },
    ),
    (
        "the budget is nearly spent",
        account(replace(REPORT, headroom_requests=3)),
        {"headroom": (Health.BAD, "3 requests left")},
    ),
    (
        "nonce and tier got no answer",
        account(next_nonce=None, tier=None),
        {"nonce": (Health.UNKNOWN, "no answer"), "tier": (Health.UNKNOWN, "no answer")},
    ),
    ("positions match", positions(300, -300), {}),
    ("a residue is carried", positions(300, -280, carried=20), {}),
    (
        "positions do not match",
        positions(300, -100),
        {"matched": (Health.BAD, "+0.0200 ETH is unhedged")},
    ),
    (
        "a position is unknown",
        positions(300, None),
        {"matched": (Health.UNKNOWN, "no answer")},
    ),
    ("a runner is well", runner(REPORT), {}),
    ("a runner is silent", runner(None), {"report": (Health.BAD, "none in the last")}),
    ("a report is old", runner(REPORT, now_ms=15_000), {"report": (Health.BAD, "5.0 s old")}),
    (
        "a runner holds",
        runner(replace(REPORT, state=RunnerState.HOLDING, reason="the book is stale")),
        {"report": (Health.BAD, "the book is stale")},
    ),
    (
        "a runner starts",
        runner(replace(REPORT, state=RunnerState.FENCING)),
        {"report": (Health.UNKNOWN, "Fencing")},
    ),
    (
        "a stream is down",
        runner(replace(REPORT, source_ages_s={"account": None})),
        {"streams": (Health.BAD, "account down")},
    ),
    (
        "redis cannot say",
        judge_runner(Role.MAKER, REPORT, now_ms=0, is_redis_up=False),
        {"report": (Health.UNKNOWN, "Redis")},
    ),
    ("no halt stands", judge_halts((), file="p.yaml", is_redis_up=True), {}),
    (
        "a halt stands",
        judge_halts((HALT,), file="p.yaml", is_redis_up=True),
        {"abc": (Health.BAD, "Liquidated, hedger: gone")},
    ),
    (
        "halts are unknown",
        judge_halts((), file="p.yaml", is_redis_up=False),
        {"standing": (Health.UNKNOWN, "Redis")},
    ),
    (
        "Mainnet lacks its record",
        [judge_probe("no record", is_needed=True, remedy="probe")],
        {"record": (Health.BAD, "no record")},
    ),
]


@pytest.mark.parametrize(
    ("diagnoses", "wrong"), [pytest.param(*case[1:], id=case[0]) for case in CASES]
)
def test_each_trouble_is_told_where_it_is_and_nowhere_else(
    diagnoses: list[Diagnosis], wrong: dict[str, tuple[Health, str]]
) -> None:
    for each in diagnoses:
        health, words = wrong.get(each.name, (Health.GOOD, ""))
        assert each.health is health, each
        assert words in each.saw
        assert bool(each.remedy) is (health in (Health.BAD, Health.UNKNOWN))
    assert set(wrong) <= {each.name for each in diagnoses}
    hopeless = {Health.BAD, Health.UNKNOWN}
    assert is_well(diagnoses) is not bool(hopeless & {health for health, _ in wrong.values()})
