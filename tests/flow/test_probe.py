"""The probe against the paper exchange over sockets: it passes, and turned the other way the
exchange fails the check that is about it, with what was seen."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hedgepair_runner.__main__ import main
from hedgepair_runner.clock import SystemClock
from hedgepair_runner.contract.identity import PairId, Role
from hedgepair_runner.orders import Side
from hedgepair_runner.probe import steps, together
from hedgepair_runner.probe.bench import Bench, ProbeStopped
from hedgepair_runner.probe.prober import Prober
from hedgepair_runner.probe.tidying import tidy
from hedgepair_runner.probing import (
    Check,
    Finding,
    Status,
    judge_before,
    judge_cancel_all,
    judge_client_index,
    judge_dust,
    judge_failure,
    judge_fencing,
    judge_lag,
    judge_nonces,
    judge_self_trade,
    judge_switch,
    judge_tape,
)
from hedgepair_runner.venues.lighter.aiohttp_transport import AiohttpTransport, Endpoints
from hedgepair_runner.venues.lighter.client import LighterVenue, VenueParts
from hedgepair_runner.venues.lighter.limiting import UNLIMITED, Limiter
from hedgepair_runner.venues.lighter.signer import NativeSigner
from hedgepair_runner.venues.paper import keys
from hedgepair_runner.venues.paper.assembly import ExchangeOptions, serve
from hedgepair_runner.venues.paper.gateway_settings import GatewaySettings
from hedgepair_runner.venues.paper.lagging import Lag
from hedgepair_runner.venues.paper.markets import BTC, ETH
from hedgepair_runner.venues.paper.server import ExchangeServer
from hedgepair_runner.venues.paper.settings import ExchangeSettings
from tests.flow.ring import HEDGER_ACCOUNT, MAKER_ACCOUNT
from tests.flow.scripted_market import ScriptedMarket

PAPER = str(Path(__file__).parents[2] / "examples" / "paper.yaml")
PAIR = PairId(namespace="default", pairing="pair")
ACCOUNTS = {Role.MAKER: MAKER_ACCOUNT, Role.HEDGER: HEDGER_ACCOUNT}
SIBLINGS = frozenset({frozenset(ACCOUNTS.values())})
DELAYED = {"default_tier": "standard"}


@dataclass(frozen=True, slots=True)
class Place:
    """An exchange and both accounts at it, ready to be probed."""

    server: ExchangeServer
    maker: Bench
    hedger: Bench


async def _bench(server: ExchangeServer, role: Role, stack: contextlib.AsyncExitStack) -> Bench:
    account, clock = ACCOUNTS[role], SystemClock()
    transport = AiohttpTransport(Endpoints(rest_url=server.url, ws_url=server.ws_url, chain_id=300))
    stack.push_async_callback(transport.close)
    signer = NativeSigner(
        account_index=account,
        api_key_index=4,
        private_key=keys.private_hex(keys.private_key("7", account, 4)),
        chain_id=300,
    )
    parts = VenueParts(
        transport=transport, clock=clock, rng=random.Random(1), limiter=Limiter(UNLIMITED)
    )
    venue = LighterVenue(signer, parts, symbols=("ETH", "BTC"), watched=())
    markets = await venue.open()
    return Bench(
        venue,
        role=role,
        pair=PAIR,
        market=markets["ETH"],
        other=markets["BTC"],
        clock=clock,
    )


@contextlib.asynccontextmanager
async def place(*, gateway: GatewaySettings | None = None, **rules: Any) -> AsyncIterator[Place]:
    settings = ExchangeSettings(same_l1=SIBLINGS, **rules)
    options = ExchangeOptions(
        markets=(ETH, BTC), exchange=settings, gateway=gateway or GatewaySettings()
    )
    async with serve(options) as server, contextlib.AsyncExitStack() as stack:
        for market in (ETH, BTC):
            ScriptedMarket(
                server.gateway, middle_ticks=market.start_price_ticks, market_id=market.market_id
            ).stand()
        maker = await _bench(server, Role.MAKER, stack)
        hedger = await _bench(server, Role.HEDGER, stack)
        yield Place(server, maker, hedger)


Look = Callable[[Place], Awaitable[Sequence[Finding]]]


async def _fencing(at: Place) -> Sequence[Finding]:
    return [judge_fencing(await steps.try_fencing(at.maker))]


async def _nonces(at: Place) -> Sequence[Finding]:
    return [judge_nonces(await steps.try_nonces(at.maker))]


async def _failure(at: Place) -> Sequence[Finding]:
    return [judge_failure(await steps.try_failure(at.maker))]


async def _cancel_all(at: Place) -> Sequence[Finding]:
    cancel_all, index = await steps.try_cancel_all(at.maker)
    return [judge_cancel_all(cancel_all), judge_client_index(index)]


async def _switch(at: Place) -> Sequence[Finding]:
    return [judge_switch(await steps.try_switch(at.maker))]


async def _trades(at: Place) -> Sequence[Finding]:
    dust, before = await steps.try_trades(at.maker)
    return [judge_dust(dust), judge_before(before), judge_tape(before)]


async def _lag(at: Place) -> Sequence[Finding]:
    await steps.measure_lag(at.maker)
    return [judge_lag(at.maker.stale_s)]


async def _self_trade(at: Place) -> Sequence[Finding]:
    return [judge_self_trade(await together.try_self_trade(at.maker, at.hedger))]


BEHIND = GatewaySettings(lags={"accountActiveOrders": Lag(low_ms=2_500, high_ms=2_500)})
TURNED = [
    pytest.param(_fencing, {}, None, {}, id="fencing holds"),
    pytest.param(
        _fencing,
        {"refuse_skip_nonce": True},
        None,
        {Check.FENCING: "refuses to skip nonces"},
        id="skipping is refused",
    ),
    pytest.param(
        _fencing,
        {"skipped_nonces_live": True},
        None,
        {Check.FENCING: "a lower nonce was executed"},
        id="the fence leaks",
    ),
    pytest.param(_nonces, {}, None, {}, id="a refusal leaves the nonce"),
    pytest.param(
        _nonces,
        {"refusal_uses_nonce": True},
        None,
        {Check.NONCES: "at the same nonce was refused with 21104"},
        id="a refusal uses the nonce",
    ),
    pytest.param(_failure, DELAYED, None, {}, id="a failure uses the nonce"),
    pytest.param(
        _failure,
        {**DELAYED, "failure_keeps_nonce": True},
        None,
        {Check.FAILURES: "leaves the nonce unused"},
        id="a failure leaves the nonce",
    ),
    pytest.param(_cancel_all, DELAYED, None, {}, id="cancel-all keeps to its market"),
    pytest.param(
        _cancel_all,
        {"cancel_all_everywhere": True},
        None,
        {Check.CANCEL_ALL: "in another market, too"},
        id="cancel-all cancels everywhere",
    ),
    pytest.param(
        _cancel_all,
        {"client_index_once": True},
        None,
        {Check.CLIENT_INDEX: "used up"},
        id="an index is used up",
    ),
    pytest.param(_switch, {}, None, {}, id="the dead man's switch"),
    pytest.param(
        _switch,
        {"schedule_ignored": True},
        None,
        {Check.DEAD_MANS_SWITCH: "the account shows none"},
        id="the dead man's switch arms nothing",
    ),
    pytest.param(_trades, DELAYED, None, {}, id="one lot there and back"),
    pytest.param(
        _trades,
        {"ioc_dust_refused": True},
        None,
        {Check.IOC_DUST: "refused with 21706"},
        id="dust is refused",
    ),
    pytest.param(
        _trades,
        {"position_before_absent": True},
        None,
        {Check.POSITION_BEFORE: "should be 1 lots, but stream says 0"},
        id="trades lack the position before",
    ),
    pytest.param(
        _trades,
        {"public_trades_anonymous": True},
        None,
        {Check.PUBLIC_TAPE: "not to be found"},
        id="the tape is anonymous",
    ),
    pytest.param(_lag, {}, None, {}, id="reads are fresh"),
    pytest.param(
        _lag,
        {},
        BEHIND,
        {Check.REPLICA_LAG: "accountActiveOrders answered from"},
        id="a replica lags",
    ),
    pytest.param(_self_trade, {}, None, {}, id="two of one master do not trade"),
    pytest.param(
        _self_trade,
        {"self_trade_by_account": True},
        None,
        {Check.SELF_TRADE: "lots with each other"},
        id="two of one master trade",
    ),
]


@pytest.mark.parametrize(("look", "rules", "gateway", "wrong"), TURNED)
def test_each_check_holds_and_fails_for_its_own_reason(
    look: Look, rules: dict[str, Any], gateway: GatewaySettings | None, wrong: dict[Check, str]
) -> None:
    async def scenario() -> None:
        async with place(gateway=gateway, **rules) as at, asyncio.TaskGroup() as tasks:
            beside = [
                tasks.create_task(part)
                for bench in (at.maker, at.hedger)
                for part in (bench.venue.run(), bench.listen())
            ]
            for bench in (at.maker, at.hedger):
                await bench.ready()
            findings = await look(at)
            for task in beside:
                task.cancel()
        for finding in findings:
            is_wrong = finding.check in wrong
            assert finding.status is (Status.DIFFERS if is_wrong else Status.HOLDS), finding
            assert wrong.get(finding.check, "") in finding.saw
        assert set(wrong) <= {finding.check for finding in findings}

    asyncio.run(scenario())


def test_a_probe_that_breaks_off_says_so_and_takes_everything_away() -> None:
    """The book empties in the middle, when an order rests and a position is open."""

    async def scenario() -> None:
        async with place() as at, asyncio.TaskGroup() as tasks:
            bench = at.maker
            beside = [tasks.create_task(part) for part in (bench.venue.run(), bench.listen())]
            await bench.ready()
            await bench.place_far(bench.market)
            await steps.take(bench, Side.BUY, 3)
            assert at.server.gateway.exchange.active_orders(MAKER_ACCOUNT)

            assert await tidy(bench, start_lots=0) == ""

            assert at.server.gateway.exchange.active_orders(MAKER_ACCOUNT) == ()
            assert await bench.position_lots() == 0
            for task in beside:
                task.cancel()

    asyncio.run(scenario())


@pytest.mark.parametrize("cause", ["interrupted", "another process holds this account's lease"])
def test_an_interrupted_probe_sends_no_more_and_a_lost_lease_not_even_to_tidy_up(
    cause: str,
) -> None:
    async def scenario() -> None:
        async with place() as at, asyncio.TaskGroup() as tasks:
            bench = at.maker
            beside = [tasks.create_task(part) for part in (bench.venue.run(), bench.listen())]
            await bench.ready()
            await bench.place_far(bench.market)
            if cause == "interrupted":
                bench.is_interrupted = lambda: True
            else:
                bench.holds_lease = lambda: False

            with pytest.raises(ProbeStopped, match=cause):
                await steps.try_fencing(bench)
            left = await tidy(bench, start_lots=0)

            resting = at.server.gateway.exchange.active_orders(MAKER_ACCOUNT)
            is_lost = cause != "interrupted"
            assert bool(left) is bool(resting) is is_lost
            for task in beside:
                task.cancel()

    asyncio.run(scenario())


def test_an_account_with_resting_orders_is_not_probed() -> None:
    async def scenario() -> None:
        async with place() as at:
            async with asyncio.TaskGroup() as tasks:
                beside = [
                    tasks.create_task(part) for part in (at.maker.venue.run(), at.maker.listen())
                ]
                await at.maker.ready()
                await at.maker.place_far(at.maker.market)
                for task in beside:
                    task.cancel()
            orders = at.server.gateway.exchange.active_orders(MAKER_ACCOUNT)
            prober = Prober({Role.MAKER: at.maker}, accounts=ACCOUNTS, tell=lambda _: None)
            with pytest.raises(ExceptionGroup) as refused:
                await prober.run()
            assert refused.group_contains(ProbeStopped, match="has resting ETH orders")
            assert at.server.gateway.exchange.active_orders(MAKER_ACCOUNT) == orders

    asyncio.run(scenario())


@pytest.mark.slow
def test_the_command_probes_both_accounts_and_writes_their_records(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["probe", "-f", PAPER, "--probes", str(tmp_path), "-o", "json"])

    told = capsys.readouterr()
    records = json.loads(told.out)
    assert code == 0, told.err
    assert [record["account_index"] for record in records] == [111, 112]
    assert all(record["left"] == "" for record in records)
    statuses = {
        finding["check"]: finding["status"] for record in records for finding in record["findings"]
    }
    assert set(statuses) == {check.value for check in Check}
    assert set(statuses.values()) == {"holds"}
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "Paper-300-111-1.1.8.json",
        "Paper-300-112-1.1.8.json",
    ]
