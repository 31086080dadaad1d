"""Request budgets, counted by the exchange itself: nobody is ever refused for asking too much."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hedgepair_runner.contract.identity import Role
from hedgepair_runner.refusals import StartRefused
from hedgepair_runner.roles import roles_of
from hedgepair_runner.venues.paper.generating import PROFILES
from hedgepair_runner.venues.paper.settings import ExchangeSettings
from tests.flow import auditing
from tests.flow.ring import (
    HEDGER_ACCOUNT,
    MAKER_ACCOUNT,
    SAME_L1,
    Ring,
    RingOptions,
    manifest_of,
    run_ring,
)

STANDARD = ExchangeSettings(default_tier="standard")
DEMO = PROFILES["demo"]
OTHER = auditing.Pair(maker_account=103, hedger_account=104)
FOUR_ON_ONE_L1 = frozenset({frozenset({MAKER_ACCOUNT, HEDGER_ACCOUNT, 103, 104})})


def refusals(ring: Ring) -> int:
    limiter = ring.gateway.keeper.limiter
    return sum(limiter.refusals(ring.gateway.now_us()).values())


async def busy_for(ring: Ring, minutes: int) -> int:
    """Lets the pair trade as fast as it may; the times that it was refused."""
    refused = 0
    for _ in range(minutes * 4):
        await ring.pass_time(15)
        refused = max(refused, refusals(ring))
    return refused


def options(**changes: Any) -> RingOptions:
    return (
        RingOptions(
            spec={"timeoutSeconds": 4}, profile=DEMO, exchange=STANDARD, has_limits=True, seed=3
        )
        if not changes
        else replace(options(), **changes)
    )


@pytest.mark.long
def test_a_standard_pair_under_one_master_account_is_never_refused() -> None:
    async def scenario(ring: Ring) -> None:
        ring.start_all()
        assert await busy_for(ring, 2) == 0
        assert len(ring.trades(MAKER_ACCOUNT)) >= 4
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, options(exchange=replace(STANDARD, same_l1=SAME_L1)))


@pytest.mark.long
def test_two_pairs_under_one_master_account_share_its_sixty_requests() -> None:
    async def scenario(ring: Ring) -> None:
        ring.start_all()
        other = manifest_of(
            {
                "timeoutSeconds": 4,
                "makerSide": "Sell",
                "maker": {"account": {"accountIndex": 103}},
                "hedger": {"account": {"accountIndex": 104}},
            },
            name="other",
        )
        for role in roles_of(other):
            ring.start(role, manifest=other)
        assert await busy_for(ring, 4) == 0
        assert ring.trades(MAKER_ACCOUNT)
        assert auditing.trades_of(ring.exchange, OTHER)
        await ring.stop_all()
        ring.audit()
        assert abs(ring.position(103) + ring.position(104)) == 0

    run_ring(scenario, options(exchange=replace(STANDARD, same_l1=FOUR_ON_ONE_L1)))


def test_a_spec_that_its_tier_cannot_carry_is_refused_with_the_arithmetic() -> None:
    async def scenario(ring: Ring) -> None:
        seat = ring.start(Role.MAKER)
        assert seat.task is not None
        with pytest.raises(StartRefused, match="needs 60 transactions a minute") as refused:
            await seat.task
        assert "35 are left" in str(refused.value)
        assert "at least 4" in str(refused.value)

    run_ring(scenario, options(profile=None, spec={"timeoutSeconds": 2}))
