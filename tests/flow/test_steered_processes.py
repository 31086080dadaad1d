"""Edits, wishes, rotated keys and refused starts with real processes, sockets, signer and Redis."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from hedgepair_runner.contract.desired import Desired, Wish, write_desired
from hedgepair_runner.contract.identity import PairId, Role
from hedgepair_runner.contract.status import RunnerReport, RunnerState
from hedgepair_runner.local import redis_server
from hedgepair_runner.redis_bus import RedisBus, connect
from hedgepair_runner.venues.paper import keys
from hedgepair_runner.venues.paper.gateway_settings import Checking
from tests.flow.live_pair import ACCOUNTS, LivePair, live_pair, write_manifest
from tests.flow.ring import manifest_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

SEED = "7"
PATIENCE_S = 30.0


async def report_of(pair: LivePair, role: Role) -> RunnerReport | None:
    client = connect(pair.redis.url, timeout_s=5.0)
    bus = RedisBus(client, client, pair=PairId(namespace="default", pairing="pair"))
    try:
        return await bus.read_report(role)
    finally:
        await client.aclose()


async def reported(
    pair: LivePair, role: Role, holds: Callable[[RunnerReport], object], what: str
) -> RunnerReport:
    deadline_s = asyncio.get_running_loop().time() + PATIENCE_S
    while True:
        report = await report_of(pair, role)
        if report is not None and holds(report):
            return report
        if asyncio.get_running_loop().time() > deadline_s:
            words = "\n".join(child.last_words() for child in pair.children)
            raise AssertionError(f"not reported: {what}; last {report}\n{words}")
        await asyncio.sleep(0.05)


def secrets_of(home: Path) -> Path:
    """Keys as files, the ones that the paper exchange expects."""
    for role, account in ACCOUNTS.items():
        write_key(home, role, keys.private_key(SEED, account, 4))
    return home / "secrets"


def write_key(home: Path, role: Role, private: int) -> None:
    folder = home / "secrets" / role.label
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / "fresh"
    fresh.write_text(keys.private_hex(private))
    fresh.chmod(0o600)
    fresh.replace(folder / "apiKeyPrivateKey")


def signing(**parts: Any) -> dict[str, Any]:
    """A paper pair whose keys come from Secrets."""
    return {
        "maker": {"account": {"accountIndex": 101, "secretRef": {"name": "maker"}}},
        "hedger": {"account": {"accountIndex": 102, "secretRef": {"name": "hedger"}}},
        "cycle": "Accumulate",
        **parts,
    }


def alone(home: Path, journey: Callable[[LivePair], Awaitable[None]]) -> None:
    async def main() -> None:
        with redis_server.start() as redis:
            async with live_pair(redis=redis, home=home, checking=Checking.STRICT) as pair:
                await journey(pair)

    asyncio.run(main())


def test_a_running_pair_follows_its_file_and_its_rotated_keys(tmp_path: Path) -> None:
    """In one process life each: no pid changes, and the records are clean."""

    async def journey(pair: LivePair) -> None:
        secrets = secrets_of(tmp_path)
        write_manifest(tmp_path, signing())
        desired = tmp_path / "desired.json"
        words = ["-f", str(pair.manifest_path), "--exchange-url", pair.server.url]
        words += ["--secrets", str(secrets), "--desired", str(desired)]
        hedger = pair.start_command("hedger", *words)
        maker = pair.start_command("maker", *words)
        await pair.trade_on()

        quantity = manifest_of(signing(quantity="0.03")).as_manifest()
        wanted = Desired(generation=2, step=0, wish=Wish.RUN, manifest=quantity)
        desired.write_text(write_desired(wanted))
        await pair.until(
            lambda: [order.initial_lots for order in pair.quotes()] == [300], "300 lots rest"
        )
        await reported(pair, Role.MAKER, lambda told: told.generation == 2, "generation 2")

        for turn, (role, account) in enumerate(ACCOUNTS.items()):
            fresh = keys.private_key("another seed", account, 4)
            steps = [
                lambda account=account, fresh=fresh: pair.exchange.key_of.replace(
                    account, 4, fresh
                ),
                lambda role=role, fresh=fresh: write_key(tmp_path, role, fresh),
            ]
            for step in steps if turn == 0 else reversed(steps):
                step()
                await asyncio.sleep(1.5)
            for _ in range(2):
                await pair.trade_on()

        await reported(
            pair, Role.HEDGER, lambda told: told.state is RunnerState.RUNNING, "it runs on"
        )
        assert (maker.exit_code, hedger.exit_code) == (None, None)
        desired.write_text(write_desired(Desired(generation=2, step=1, wish=Wish.FLATTEN)))
        for role in ACCOUNTS:
            flat = await reported(pair, role, lambda told: told.state is RunnerState.FLAT, "flat")
            assert flat.flat_ms is not None
        await pair.stop(maker)
        await pair.stop(hedger)
        pair.audit()

    alone(tmp_path, journey)
    for account in ACCOUNTS.values():
        for seed in (SEED, "another seed"):
            secret = keys.private_hex(keys.private_key(seed, account, 4)).removeprefix("0x")
            assert not any(secret in log.read_text() for log in tmp_path.glob("*.log"))


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        pytest.param({"market": "NOPE"}, "UnknownMarket", id="market"),
        pytest.param(signing(), "KeyRefused", id="key"),
        pytest.param(
            {"maker": {"account": {"accountIndex": 101, "secretRef": {"name": "gone"}}}},
            "SecretMissing",
            id="secret",
        ),
    ],
)
def test_a_refused_start_leaves_a_word_for_the_operator(
    tmp_path: Path, spec: dict[str, Any], code: str
) -> None:
    async def journey(pair: LivePair) -> None:
        write_key(tmp_path, Role.MAKER, keys.private_key("another seed", 101, 4))
        path = tmp_path / "refused.yaml"
        path.write_text(json.dumps(manifest_of(spec).as_manifest()))
        child = pair.start_command(
            *("maker", "-f", str(path), "--exchange-url", pair.server.url),
            *("--secrets", str(tmp_path / "secrets")),
        )
        await pair.until(lambda: child.exit_code is not None, "it ends", is_stop=True)
        pair.children.remove(child)
        assert child.exit_code == 2
        report = await report_of(pair, Role.MAKER)
        assert report is not None
        assert (report.state, report.reason_code) == (RunnerState.STOPPED, code)
        assert report.reason

    alone(tmp_path, journey)
