"""The auditor over REST: what it reads of a real paper exchange is what that exchange holds."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from hedgepair_runner.audit_facts import AuditFacts
from hedgepair_runner.audit_verdicts import AuditQuestion
from hedgepair_runner.auditing import audit
from hedgepair_runner.contract.identity import PairId, Role, client_order_index
from hedgepair_runner.local.audit_reader import AuditReader
from hedgepair_runner.local.exchange_audit import facts_of
from hedgepair_runner.local.patient_reader import PatientReader
from hedgepair_runner.local.records import PairAccounts, RecordsUnavailable
from hedgepair_runner.venues.paper.assembly import ExchangeOptions, serve
from hedgepair_runner.venues.paper.fault_files import read_fault
from hedgepair_runner.venues.paper.gateway_settings import Checking, GatewaySettings
from hedgepair_runner.venues.paper.keys import private_key
from hedgepair_runner.venues.paper.markets import ETH
from hedgepair_runner.venues.paper.records import TimeInForce
from hedgepair_runner.venues.paper.server import ExchangeServer
from hedgepair_runner.venues.paper.tokens import make_token
from tests.flow.ring import HEDGER_ACCOUNT, MAKER_ACCOUNT, manifest_of

SEED = "11"
OPTIONS = ExchangeOptions(seed=SEED, markets=(ETH,), gateway=GatewaySettings(checking=Checking.OFF))
ACCOUNTS = PairAccounts(symbol="ETH", maker_index=MAKER_ACCOUNT, hedger_index=HEDGER_ACCOUNT)
KEYS = {MAKER_ACCOUNT: 4, HEDGER_ACCOUNT: 4}
PAIR = PairId(namespace="default", pairing="pair")
STREET = 9
TICKS = ETH.start_price_ticks
LOTS = 100
EVER_US = 1 << 60


def token_of(account_index: int) -> str:
    return make_token(
        expiry_s=int(time.time()) + 600,
        account_index=account_index,
        api_key_index=4,
        private_key=private_key(SEED, account_index, 4),
    )


class Play:
    """Fills of the maker's quotes, and hedges, as the exchange records them."""

    def __init__(self, server: ExchangeServer) -> None:
        self.server = server
        self._nonce = 1 << 20

    def fill(self) -> None:
        self._place(MAKER_ACCOUNT, is_ask=False, role=Role.MAKER)
        self._place(STREET, is_ask=True)

    def hedge(self) -> None:
        self._place(STREET, is_ask=False)
        self._place(HEDGER_ACCOUNT, is_ask=True, role=Role.HEDGER)

    def _place(self, account: int, *, is_ask: bool, role: Role | None = None) -> None:
        gateway = self.server.gateway
        self._nonce += 1
        index = 0 if role is None else client_order_index(role, PAIR, self._nonce)
        gateway.exchange.place_direct(
            account,
            market_id=ETH.market_id,
            is_ask=is_ask,
            size_lots=LOTS,
            price_ticks=TICKS,
            now_us=gateway.now_us(),
            time_in_force=TimeInForce.IOC if role is Role.HEDGER else TimeInForce.GTT,
            client_order_index=index,
        )


async def read(server: ExchangeServer, *, tries: int = 5, from_us: int = 0) -> AuditFacts:
    told: list[str] = []
    async with PatientReader(server.url, token_of=token_of, tries=tries) as patient:
        reader = AuditReader(patient, ACCOUNTS, keys=KEYS, progress=told.append)
        facts = await reader.read(from_us=from_us, to_us=EVER_US)
    assert "maker: trades" in told
    return facts


def test_what_is_read_over_rest_is_what_the_exchange_holds() -> None:
    async def main() -> tuple[AuditFacts, AuditFacts]:
        async with serve(OPTIONS) as server:
            play = Play(server)
            # More of everything than a page holds.
            for _ in range(130):
                play.fill()
                play.hedge()
            held = facts_of(
                server.gateway.exchange,
                market_id=0,
                maker=MAKER_ACCOUNT,
                hedger=HEDGER_ACCOUNT,
                keys=KEYS,
            )
            return await read(server, from_us=held.trades[0].at_us - 1), held

    told, held = asyncio.run(main())

    assert told.trades == held.trades
    for leg, other in zip(told.legs, held.legs, strict=True):
        assert leg.position_lots == other.position_lots
        assert len(leg.orders) == 130
        precise = {order.order_index: order for order in other.orders}
        for order in leg.orders:
            # REST tells milliseconds.
            assert 0 <= precise[order.order_index].created_us - order.created_us <= order.blur_us
            same = replace(order, created_us=0, blur_us=0)
            assert same == replace(precise[order.order_index], created_us=0)
    question = AuditQuestion(pair=PAIR)
    assert audit(told, question).fills == audit(held, question).fills == 130
    assert audit(told, question).is_clean


def test_a_period_leaves_out_what_was_before() -> None:
    async def main() -> AuditFacts:
        async with serve(OPTIONS) as server:
            play = Play(server)
            play.fill()
            play.hedge()
            await asyncio.sleep(0.01)
            from_us = server.gateway.now_us()
            await asyncio.sleep(0.01)
            play.fill()
            play.hedge()
            return await read(server, from_us=from_us)

    facts = asyncio.run(main())

    assert len(facts.trades) == 2
    found = audit(facts, AuditQuestion(pair=PAIR))
    assert found.is_clean
    assert found.exposure is not None
    assert found.exposure.worst_lots == LOTS


def test_a_venue_that_fails_is_asked_again_and_one_that_refuses_is_not() -> None:
    async def main() -> None:
        async with serve(OPTIONS) as server:
            Play(server).fill()
            fault = {"kind": "bad_gateway", "count": 2, "for": "600s"}
            server.gateway.troubles.arm(read_fault(fault))
            assert (await read(server)).trades
            async with PatientReader(server.url, token_of=lambda _: "nonsense") as patient:
                reader = AuditReader(patient, ACCOUNTS, keys=KEYS, progress=lambda _: None)
                with pytest.raises(RecordsUnavailable, match="accountInactiveOrders answered 4"):
                    await reader.read(from_us=0, to_us=EVER_US)
                # The market, and one refusal that no second question mends.
                assert patient.requests == 2

    asyncio.run(main())


def test_the_command_ends_with_1_where_a_fill_is_not_hedged(tmp_path: Path) -> None:
    path = tmp_path / "pair.yaml"
    path.write_text(json.dumps(manifest_of({}).as_manifest()))

    async def main() -> tuple[int | None, str]:
        async with serve(OPTIONS) as server:
            Play(server).fill()
            words = ("audit", "-f", str(path), "--exchange-url", server.url, "--stopped")
            child = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "hedgepair_runner", *words, "--paper-seed", SEED),
                stdout=asyncio.subprocess.PIPE,
            )
            said, _ = await child.communicate()
            return child.returncode, said.decode()

    code, said = asyncio.run(main())

    assert code == 1
    assert "1 violation:\n  the trades leave 0.0100 ETH uncovered" in said
