"""The admin port: what it shows, what it changes, what it refuses; and the flags that open it."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from hedgepair_runner.venues.paper import keys
from hedgepair_runner.venues.paper.admin import AdminOptions, AdminServer
from hedgepair_runner.venues.paper.administering import AdminDesk
from hedgepair_runner.venues.paper.assembly import ExchangeOptions, serve
from hedgepair_runner.venues.paper.fault_files import read_fault
from hedgepair_runner.venues.paper.fault_rules import BadFaultError, FaultKind
from hedgepair_runner.venues.paper.gateway_settings import Checking, GatewaySettings
from hedgepair_runner.venues.paper.lagging import Lag
from hedgepair_runner.venues.paper.limiting_requests import LimitSettings
from hedgepair_runner.venues.paper.markets import ETH
from hedgepair_runner.venues.paper.server import ExchangeServer
from hedgepair_runner.venues.paper.trouble_flags import (
    ADMIN_TOKEN,
    BadFlagError,
    TroubleFlags,
    add_trouble_arguments,
    understand_troubles,
)
from tests.exchange.booth import SEED, Booth, Json

TOKEN = "a token of the tests"


class Desk:
    """An admin desk over a booth."""

    def __init__(self, **settings: Any) -> None:
        self.booth = Booth(**settings)
        self._desk = AdminDesk(self.booth.gateway, seed=SEED)

    def ask(self, method: str, path: str, content: object = None) -> tuple[int, Json]:
        body = b"" if content is None else orjson.dumps(content)
        answer = self._desk.answer(method, path, body)
        told: Json = json.loads(answer.encoded)
        return answer.status, told

    def done(self, method: str, path: str, content: object = None) -> Json:
        status, body = self.ask(method, path, content)
        assert status == 200, body
        return body


def test_the_state_has_the_shape_that_the_page_reads() -> None:
    desk = Desk(limits=LimitSettings(is_on=True), lags={"tx": Lag(low_ms=1, high_ms=2)})
    booth = desk.booth
    booth.rest_order(900_001, is_ask=False, price_ticks=236_000, lots=700)
    booth.send(booth.create(1, is_ask=True, price_ticks=236_000, client_order_index=7))
    booth.send(booth.create(1, is_ask=False, price_ticks=230_000, client_order_index=8))
    desk.done("POST", "/api/faults", {"kind": "book_gap", "at": "5s"})

    state = desk.done("GET", "/api/state")

    assert state["now_ms"] == booth.now_ms
    assert (state["height"], state["chain_id"]) == (1, 300)
    assert state["markets"][0] == {
        "market_id": 0,
        "symbol": "ETH",
        "status": "active",
        "mark_price": state["markets"][0]["mark_price"],
        "index_price": state["markets"][0]["index_price"],
        "last_trade_price": "2360.00",
        "min_base": "0.0050",
        "min_quote": "10.000000",
    }
    assert state["books"]["0"] == {
        "asks": [],
        "bids": [
            {"price": "2360.00", "size": "0.0200"},
            {"price": "2300.00", "size": "0.0500"},
        ],
    }
    assert state["trades"] == [
        {
            "trade_id": 1_000_000,
            "market_id": 0,
            "price": "2360.00",
            "size": "0.0500",
            "maker": 900_001,
            "taker": 1,
            "is_maker_ask": False,
            "at_ms": booth.now_ms,
        }
    ]
    client, market = state["accounts"]
    assert [client["is_market"], market["is_market"]] == [False, True]
    assert (client["account_index"], client["tier"], client["collateral"]) == (
        1,
        "none",
        "100000.000000",
    )
    assert client["positions"] == [
        {
            "market_id": 0,
            "size": "-0.0500",
            "entry_price": "2360.00",
            "unrealized_pnl": client["positions"][0]["unrealized_pnl"],
        }
    ]
    [order] = client["open_orders"]
    assert order | {"order_index": ""} == {
        "order_index": "",
        "client_order_index": "8",
        "market_id": 0,
        "side": "buy",
        "price": "2300.00",
        "size": "0.0500",
        "remaining": "0.0500",
        "type": "limit",
        "time_in_force": "good-till-time",
        "reduce_only": False,
        "created_ms": booth.now_ms,
    }
    [fault] = state["faults"]
    assert (fault["kind"], fault["state"], fault["begins_at_ms"]) == (
        "book_gap",
        "waiting",
        booth.now_ms + 5_000,
    )
    assert state["limits"]["enabled"] is True
    assert state["limits"]["headroom"] == [
        {
            "scope": "l1",
            "name": client["l1_address"],
            "used": 800,
            "limit": 24_000,
            "left": 23_200,
        }
    ]
    assert state["lag"] == {"tx": {"low_ms": 1, "high_ms": 2}}
    assert state["switches"]["dead_cancel"] == "refuse"
    assert state["counts"] == {
        "sessions": 0,
        "requests": {"sendTx": 2},
        "refused": {},
        "transactions": 2,
        "faults_fired": 0,
    }


def test_books_and_trades_are_shown_as_far_as_the_page_needs_them() -> None:
    desk = Desk()
    for number in range(30):
        desk.booth.rest_order(2, is_ask=False, price_ticks=230_000 + number, lots=20)
    for _ in range(60):
        desk.booth.rest_order(3, is_ask=True, price_ticks=230_000, lots=5)
    state = desk.done("GET", "/api/state")

    assert state["books"]["0"]["bids"][0]["price"] == "2300.14"
    assert len(state["trades"]) == 50
    newest = [trade["trade_id"] for trade in state["trades"]]
    assert newest == sorted(newest, reverse=True)
    assert len(desk.done("GET", "/api/state")["books"]["0"]["bids"]) <= 20


# -- faults --


def test_faults_are_armed_listed_disarmed_and_cleared() -> None:
    desk = Desk()
    one = desk.done("POST", "/api/faults", {"kind": "drop_answer", "when": {"account": 2}})
    both = desk.done("POST", "/api/faults", [{"kind": "book_gap"}, {"kind": "stop_pings"}])

    assert [each["id"] for each in one["armed"] + both["armed"]] == [1, 2, 3]
    assert one["armed"][0]["rule"] == {
        "kind": "drop_answer",
        "when": {"account": 2},
        "at": "0ms",
        "count": 1,
        "cut": False,
    }
    left = desk.done("DELETE", "/api/faults/1")["faults"]
    assert [each["state"] for each in left] == ["spent", "active", "active"]
    assert desk.done("DELETE", "/api/faults") == {"cleared": 2}
    assert {each["state"] for each in desk.done("GET", "/api/faults")["faults"]} == {"spent"}


def test_of_a_list_with_a_bad_fault_none_is_armed() -> None:
    desk = Desk()
    for bad in ({"kind": "x"}, {"kind": "book_gap", "when": {"market": 77}}):
        status, _ = desk.ask("POST", "/api/faults", [{"kind": "market_status"}, bad])
        assert status == 400

    assert desk.done("GET", "/api/faults") == {"faults": []}
    assert desk.booth.exchange.markets[0].status == "active"


def test_the_kinds_of_faults_explain_themselves() -> None:
    kinds = {each["kind"]: each for each in Desk().done("GET", "/api/kinds")["kinds"]}

    assert set(kinds) == set(FaultKind)
    assert kinds["refuse"]["needs"] == ["code"]
    assert all(each["about"] for each in kinds.values())


# -- lag, switches, limits --


def test_lag_is_set_by_endpoint_as_a_number_a_range_or_none() -> None:
    desk = Desk()
    told = desk.done("PUT", "/api/lag", {"tx": 5, "*": {"low_ms": 1, "high_ms": 9}})
    assert told == {"lag": {"tx": {"low_ms": 5, "high_ms": 5}, "*": {"low_ms": 1, "high_ms": 9}}}

    assert desk.done("PUT", "/api/lag", {"tx": None, "*": 0}) == {"lag": {}}


def test_switches_are_shown_with_their_choices_and_turned() -> None:
    desk = Desk()
    told = desk.done("GET", "/api/switches")
    assert set(told["switches"]) == set(told["choices"])
    assert told["choices"]["scheduled_cancel_all"] == ["strict21712", "overwrite"]

    desk.done("PUT", "/api/switches", {"refuse_skip_nonce": True, "dead_cancel": "no-effect"})
    assert desk.booth.send(desk.booth.cancel(1, 4711))["code"] == 200
    assert desk.booth.exchange.doors.settings.refuse_skip_nonce is True


def test_limits_are_turned_on_and_a_blocked_ip_is_let_in_again() -> None:
    desk = Desk()
    desk.done("PUT", "/api/limits", {"enabled": True, "firewall_after": 1})
    for _ in range(61):
        desk.booth.request("/api/v1/orderBooks")

    limits = desk.done("GET", "/api/limits")["limits"]
    assert limits["blocked"] == [{"ip": "", "until_ms": desk.booth.now_ms + 60_000}]
    assert desk.done("DELETE", "/api/limits/blocked")["limits"]["blocked"] == []
    desk.done("PUT", "/api/limits", {"enabled": False})
    assert desk.booth.get("/api/v1/orderBooks")["code"] == 200


# -- markets and accounts --


def test_a_markets_status_minimums_and_index_price_are_changed() -> None:
    desk = Desk()
    wanted = {
        "status": "inactive",
        "min_base": "0.5",
        "min_quote": 25,
        "index_price": "2400.5",
    }
    market = desk.done("PATCH", "/api/markets/0", wanted)["market"]

    assert {name: market[name] for name in wanted} == {
        "status": "inactive",
        "min_base": "0.5000",
        "min_quote": "25.000000",
        "index_price": "2400.50",
    }
    assert desk.booth.exchange.markets[1].status == "active"


def test_an_account_is_made_under_an_l1_address_with_its_tier_collateral_and_keys() -> None:
    desk = Desk()
    told = desk.done(
        "POST",
        "/api/accounts",
        {"account_index": 70, "collateral": "5000.5", "tier": "premium", "siblings": [71, 72]},
    )

    account = told["account"]
    assert (account["collateral"], account["tier"]) == ("5000.500000", "premium")
    assert [key["api_key_index"] for key in told["credentials"]] == [4, 5, 6, 7]
    private = keys.private_hex(keys.private_key(SEED, 70, 4))
    assert told["credentials"][0]["api_key_private_key"] == private
    body = desk.booth.get(f"/api/v1/accountsByL1Address?l1_address={account['l1_address']}")
    assert [each["index"] for each in body["sub_accounts"]] == [70, 71, 72]


def test_an_account_of_its_own_has_an_address_of_its_own() -> None:
    desk = Desk()
    one, two = (
        desk.done("POST", "/api/accounts", {"account_index": index})["account"]
        for index in (70, 71)
    )
    assert one["l1_address"] != two["l1_address"]
    assert one["collateral"] == "100000.000000"


def test_deposits_and_tiers() -> None:
    desk = Desk()
    deposit = desk.done("POST", "/api/accounts/1/deposit", {"amount": "12.25"})
    assert deposit["account"]["collateral"] == "100012.250000"
    withdrawal = desk.done("POST", "/api/accounts/1/deposit", {"amount": -100_012})
    assert withdrawal["account"]["collateral"] == "0.250000"
    assert desk.done("PUT", "/api/accounts/1/tier", {"tier": "plus"})["account"]["tier"] == "plus"


BAD: list[tuple[str, str, object, str]] = [
    ("POST", "/api/faults", {"kind": "x"}, "kind: input should be"),
    ("PUT", "/api/lag", [], "the body: input should be a valid dictionary"),
    ("PUT", "/api/lag", {"tx": 99_999}, "tx."),
    ("PUT", "/api/lag", {"tx": {"low_ms": 2, "high_ms": 1}}, "low_ms: must not be more"),
    ("PUT", "/api/switches", {"x": True}, "there is no switch 'x'"),
    ("PUT", "/api/switches", {"dead_cancel": "x"}, "dead_cancel is one of refuse, no-effect"),
    ("PUT", "/api/limits", {"enabled": "perhaps"}, "enabled: input should be a valid boolean"),
    ("PATCH", "/api/markets/0", {"status": "closed"}, "status: input should be 'active'"),
    ("PATCH", "/api/markets/0", {"min_base": "0.00001"}, "min_base: 0.00001 has more than 4"),
    ("PATCH", "/api/markets/0", {"index_price": -1}, "index_price: input should be greater"),
    ("PATCH", "/api/markets/0", {"prize": 1}, "prize: there is no such field"),
    ("POST", "/api/accounts", {"account_index": 0}, "account_index: 0 is no account index"),
    ("POST", "/api/accounts", {"account_index": 9, "tier": "x"}, "account_index: there is no tier"),
    (
        "POST",
        "/api/accounts",
        {"account_index": 9, "siblings": [-1]},
        "account_index: a sibling is an account index",
    ),
    ("POST", "/api/accounts/1/deposit", {"amount": "x"}, "amount: input should be a valid dec"),
    ("POST", "/api/accounts/1/deposit", {"amount": -100_001}, "amount: more than the account"),
    ("PUT", "/api/accounts/1/tier", {"tier": "x"}, "tier: there is no 'x'; there are none"),
]


@pytest.mark.parametrize(
    ("method", "path", "content", "sentence"), BAD, ids=[f"{each[1]} {each[3]}" for each in BAD]
)
def test_bad_input_is_400_with_a_sentence(
    method: str, path: str, content: object, sentence: str
) -> None:
    status, body = Desk().ask(method, path, content)

    assert status == 400
    assert body["error"].startswith(sentence)


def test_an_account_is_made_once() -> None:
    desk = Desk()
    desk.done("POST", "/api/accounts", {"account_index": 9})

    status, body = desk.ask("POST", "/api/accounts", {"account_index": 9})
    assert (status, body["error"]) == (400, "account_index: account 9 is in use already")


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [
        ("GET", "/api/nothing", None),
        ("POST", "/api/state", {}),
        ("DELETE", "/api/faults/7", None),
        ("PATCH", "/api/markets/77", {}),
        ("POST", "/api/accounts/0/deposit", {"amount": 1}),
        ("PUT", "/api/accounts/0/tier", {"tier": "none"}),
    ],
)
def test_what_is_not_there_is_404_with_a_sentence(method: str, path: str, content: object) -> None:
    status, body = Desk().ask(method, path, content)

    assert status == 404
    assert body["error"].startswith("there is no ")


def test_a_body_that_is_not_json_is_400() -> None:
    desk = AdminDesk(Booth().gateway, seed=SEED)
    answer = desk.answer("POST", "/api/faults", b"{")
    assert (answer.status, answer.body["error"][:20]) == (400, "the body is not JSON")


# -- on its port --


@asynccontextmanager
async def served(*faults: Json) -> AsyncIterator[ExchangeServer]:
    options = ExchangeOptions(
        seed=SEED,
        markets=(ETH,),
        gateway=GatewaySettings(checking=Checking.OFF),
        faults=tuple(read_fault(each) for each in faults),
        admin=AdminOptions(token=TOKEN),
    )
    async with asyncio.timeout(10), serve(options) as server:
        yield server


def _admin(server: ExchangeServer) -> str:
    assert server.admin is not None
    return server.admin.url


async def _ask(
    session: aiohttp.ClientSession, method: str, url: str, token: str, body: bytes = b""
) -> tuple[int, bytes]:
    headers = {"Authorization": token} if token else {}
    async with session.request(method, url, headers=headers, data=body) as answer:
        return answer.status, await answer.read()


async def _over_http() -> None:
    async with served() as server, aiohttp.ClientSession() as session:
        admin = _admin(server)
        for token in ("", "Bearer wrong", "wrong"):
            status, body = await _ask(session, "GET", admin + "/api/state", token)
            assert (status, b"Bearer TOKEN" in body) == (401, True)
        for token in (f"Bearer {TOKEN}", TOKEN):
            status, body = await _ask(session, "GET", admin + "/api/state", token)
            assert (status, orjson.loads(body)["chain_id"]) == (200, 300)
        status, page = await _ask(session, "GET", admin + "/", "")
        assert (status, page[:15].lower()) == (200, b"<!doctype html>")
        status, _ = await _ask(session, "POST", admin + "/api/faults", TOKEN, b"x" * 300_000)
        assert status == 413
        assert server.admin is not None
        assert server.admin.page_url == f"{admin}/#token={TOKEN}"
        status, _ = await _ask(session, "GET", server.url + "/api/state", TOKEN)
        assert status == 404, "the venue's own port knows nothing of it"


def test_the_port_wants_its_token_for_everything_but_the_page() -> None:
    asyncio.run(_over_http())


async def _faults_over_sockets() -> None:
    gap = {"kind": "bad_gateway", "when": {"endpoint": "orderBooks"}}
    async with served(gap) as server, aiohttp.ClientSession() as session:
        books = server.url + "/api/v1/orderBooks"
        assert await _ask(session, "GET", books, "") == (
            502,
            b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>",
        )
        for cut in (True, False):
            rule = {"kind": "drop_answer", "cut": cut, "when": {"endpoint": "sendTx"}}
            body = orjson.dumps(rule)
            assert (await _ask(session, "POST", _admin(server) + "/api/faults", TOKEN, body))[
                0
            ] == 200
            with pytest.raises((aiohttp.ServerDisconnectedError, TimeoutError)):
                async with asyncio.timeout(0.2):
                    await _ask(session, "POST", server.url + "/api/v1/sendTx", "")
        assert (await _ask(session, "GET", books, ""))[0] == 200
        async with session.ws_connect(server.ws_url) as socket:
            await socket.receive()
            body = b'{"kind": "close_sockets"}'
            await _ask(session, "POST", _admin(server) + "/api/faults", TOKEN, body)
            closed = await socket.receive()
            assert (closed.type, socket.close_code) == (aiohttp.WSMsgType.CLOSED, 1006)
        body = b'{"kind": "firewall", "when": {"endpoint": "stream"}}'
        await _ask(session, "POST", _admin(server) + "/api/faults", TOKEN, body)
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(server.ws_url)
        assert refused.value.status == 405
        assert (await _ask(session, "GET", books, ""))[0] == 405


def test_faults_reach_real_sockets() -> None:
    asyncio.run(_faults_over_sockets())


def test_a_fault_that_the_exchange_cannot_have_keeps_it_from_starting() -> None:
    async def start() -> None:
        async with served({"kind": "book_gap", "when": {"market": 7}}):
            raise AssertionError("it must not start")

    with pytest.raises(BadFaultError, match="there is no market 7"):
        asyncio.run(start())


# -- flags --


def flags(*arguments: str, tier: str = "none") -> TroubleFlags:
    parser = argparse.ArgumentParser()
    add_trouble_arguments(parser)
    return understand_troubles(parser.parse_args(arguments), tier=tier)


@pytest.mark.parametrize(
    ("arguments", "tier", "is_on"),
    [
        ((), "none", False),
        ((), "standard", True),
        ((), "premium", True),
        (("--rate-limits",), "none", True),
        (("--no-rate-limits",), "premium", False),
    ],
)
def test_rate_limits_come_with_a_tier_unless_told(
    arguments: tuple[str, ...], tier: str, is_on: bool
) -> None:
    assert flags(*arguments, tier=tier).limits.is_on is is_on


def test_lag_flags() -> None:
    wanted = flags("--lag-ms", "250", "--lag-ms", "nextNonce=0-40")
    assert wanted.lags == {
        "*": Lag(low_ms=250, high_ms=250),
        "nextNonce": Lag(low_ms=0, high_ms=40),
    }


def test_the_admin_token_comes_from_the_file_or_the_environment_or_is_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(ADMIN_TOKEN, raising=False)
    path = tmp_path / "token"
    path.write_text("from the file\n")
    assert flags().admin is None

    news = [flags("--admin-port", "0").admin for _ in range(2)]
    assert news[0] != news[1]
    monkeypatch.setenv(ADMIN_TOKEN, "from the environment")
    told = flags("--admin-port", "81").admin
    assert told == AdminOptions(token="from the environment", port=81, is_brought=True)
    filed = flags("--admin-port", "81", "--admin-token-file", str(path)).admin
    assert filed == AdminOptions(token="from the file", port=81, is_brought=True)


def test_a_token_that_was_brought_is_not_printed() -> None:
    desk = AdminDesk(Booth().gateway, seed=SEED)
    made = AdminServer(desk, AdminOptions(token=TOKEN))
    brought = AdminServer(desk, AdminOptions(token=TOKEN, is_brought=True))
    assert TOKEN in made.announced_url
    assert TOKEN not in brought.announced_url


def test_a_scenario_file_is_armed(tmp_path: Path) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text("seed: s\nfaults:\n  - kind: book_gap\n")
    scenario = flags("--faults", str(path)).scenario

    assert (scenario.seed, scenario.faults) == ("s", (read_fault({"kind": "book_gap"}),))


BAD_FLAGS: list[tuple[tuple[str, ...], str]] = [
    (("--lag-ms", "soon"), "--lag-ms: 'soon' is not a lag such as"),
    (("--lag-ms", "x=5"), "--lag-ms: there is no endpoint 'x'"),
    (("--lag-ms", "9-5"), "--lag-ms: '9-5': a lag is between"),
    (("--lag-ms", "70000"), "--lag-ms: '70000': a lag is between"),
    (("--faults", "/nowhere"), "--faults: cannot read /nowhere: "),
    (("--faults", "{bad}"), "--faults: {bad}: fault 1: kind: field required"),
    (("--admin-port", "70000"), "--admin-port: 70000 is not between"),
    (("--admin-token-file", "{bad}"), "--admin-token-file: without --admin-port"),
    (("--admin-port", "0", "--admin-token-file", "/nowhere"), "--admin-token-file: cannot read"),
    (("--admin-port", "0", "--admin-token-file", "{empty}"), "--admin-token-file: {empty} is"),
    (("--admin-port", "0", "--admin-token-file", "{short}"), "--admin-token-file: the token"),
]


@pytest.mark.parametrize(("arguments", "sentence"), BAD_FLAGS, ids=[each[1] for each in BAD_FLAGS])
def test_a_flag_that_cannot_be_followed_is_named(
    arguments: tuple[str, ...], sentence: str, tmp_path: Path
) -> None:
    files = {name: tmp_path / name for name in ("bad", "empty", "short")}
    for name, text in (("bad", "[{}]"), ("empty", "\n"), ("short", "x")):
        files[name].write_text(text)
    places = {name: str(path) for name, path in files.items()}

    with pytest.raises(BadFlagError) as refused:
        flags(*(argument.format(**places) for argument in arguments))
    assert str(refused.value).startswith(sentence.format(**places))
