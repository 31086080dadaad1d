"""Nonsense at every door: the documented error, and the venue as it was before."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hedgepair_runner.venues.paper.assembly import ExchangeOptions, serve
from hedgepair_runner.venues.paper.gateway_settings import Checking, GatewaySettings
from hedgepair_runner.venues.paper.keys import private_key
from hedgepair_runner.venues.paper.markets import ETH
from hedgepair_runner.venues.paper.records import TimeInForce
from hedgepair_runner.venues.paper.rest import RestRequest
from hedgepair_runner.venues.paper.server import ExchangeServer
from hedgepair_runner.venues.paper.tokens import make_token
from tests.exchange.booth import BOTH_ETH_AND_BTC, SEED, Booth, Json, Line, tx_frame
from tests.exchange.watching import read

pytestmark = pytest.mark.slow

TOUCH = 236_131
API = "/api/v1/"
DEEP = "[" * 20_000 + "]" * 20_000
MAD_NUMBERS = (-1, 2**31, 2**48, 2**53, 2**63 - 1, 2**63, 2**64, 10**40, 1.5, -0.0, 1e308)
MAD_VALUES: tuple[Any, ...] = (
    *MAD_NUMBERS, None, True, "", "5", "x", "NaN", "\x00", "ü" * 300, [], [1], {}, {"a": {}},
)  # fmt: skip
MAD_TEXTS = (
    "", " ", "-1", "1.5", "1e9", "NaN", "Infinity", "0x10", "٣", "true", "null", "[]", "{}",
    "9" * 19, "9" * 400, "\x00", "\ud800", "'; --", "../../etc", "%00", "x" * 100_000,
)  # fmt: skip
MAD_FRAMES = (
    b"", b"\x00", b"\xff\xfe", b"{", b"[]", b"0", b"null", b'"text"', b"NaN", b"{}", b'{"type":1}',
    b'{"type":NaN}', b'{"type":"subscribe"}', b'{"type":"subscribe","channel":7}',
    b'{"type":"subscribe","channel":"order_book"}', b'{"type":"subscribe","channel":"order_book/"}',
    b'{"type":"subscribe","channel":"order_book/-1"}',
    b'{"type":"subscribe","channel":"order_book/999"}',
    b'{"type":"subscribe","channel":"account_all/0"}',
    b'{"type":"subscribe","channel":"account_all/99999999999999999999"}',
    b'{"type":"subscribe","channel":"account_all_orders/1"}',
    b'{"type":"subscribe","channel":"account_all_orders/1","auth":7}',
    b'{"type":"subscribe","channel":"account_all_orders/1","auth":"1:2:3:4"}',
    b'{"type":"unsubscribe","channel":"trade/0"}', b'{"type":"jsonapi/sendtx"}',
    b'{"type":"jsonapi/sendtx","data":[]}', b'{"type":"jsonapi/sendtx","data":{"tx_type":"14"}}',
    b'{"type":"jsonapi/sendtx","data":{"tx_type":14,"tx_info":{}}}',
    b'{"type":"jsonapi/sendtx","data":{"tx_type":14,"tx_info":"{"}}',
    b'{"type":"jsonapi/sendtx","data":{"tx_type":1e400,"tx_info":{}}}',
    b'{"type":"jsonapi/sendtxbatch","data":{"tx_types":"[14]","tx_infos":"[7]"}}',
    b'{"type":"jsonapi/sendtxbatch","data":{"tx_types":[14],"tx_infos":[{}]}}',
    b'{"type":"subscribe","channel":"' + b"a" * 100_000 + b'"}', DEEP.encode(),
    b'{"type":"jsonapi/sendtx","data":' + DEEP.encode() + b"}",
)  # fmt: skip


@pytest.fixture
def booth() -> Booth:
    """Account 1 rested 0.05 ETH; account 2 took 0.03 of it."""
    booth = Booth(messages_per_minute=10**9)
    booth.send(booth.create(1, is_ask=False, price_ticks=TOUCH, client_order_index=11))
    ioc = TimeInForce.IOC
    booth.send(booth.create(2, is_ask=True, price_ticks=TOUCH, lots=300, time_in_force=ioc))
    return booth


def state(booth: Booth) -> list[Json]:
    """All that nonsense must not change."""
    paths = [f"orderBookOrders?market_id={rules.market_id}&limit=250" for rules in BOTH_ETH_AND_BTC]
    paths.append("recentTrades?market_id=0&limit=100")
    for account in (1, 2):
        paths += [
            f"account?by=index&value={account}",
            f"nextNonce?account_index={account}&api_key_index=4",
            f"accountTxs?by=account_index&value={account}&limit=100",
        ]
    return [read(booth, API + path) for path in paths]


def ask(booth: Booth, path: str, query: Mapping[str, str], *, auth: str) -> tuple[int, Json]:
    """A read whose parameters no URL could hold."""
    request = RestRequest(method="GET", path=path, query=query, authorization=auth)
    answer = asyncio.run(booth.gateway.rest(request))
    return answer.status, json.loads(answer.body)


def is_documented(error: Json) -> bool:
    """A code of Appendix B with a text; never 29500."""
    code, message = error.get("code"), error.get("message")
    known = type(code) is int and (20_001 <= code < 30_013) and code not in (29_500, 29_501)
    return known and isinstance(message, str) and bool(message)


def form(tx_type: str, tx_info: str) -> dict[str, str]:
    return {"tx_type": tx_type, "tx_info": tx_info}


def spoiled(info: Json) -> Iterator[tuple[str, str]]:
    """The transaction with one field wrong, missing or doubled, and what was done to it."""
    for name in info:
        yield f"without {name}", json.dumps({key: info[key] for key in info if key != name})
        for value in MAD_VALUES:
            if value != info[name] and type(value) is not bool:
                yield f"{name} = {str(value)[:20]!r}", json.dumps(info | {name: value})
        yield f"{name} = NaN", json.dumps(info | {name: "@"}).replace('"@"', "NaN")
        yield f"deep {name}", json.dumps(info | {name: "@"}).replace('"@"', DEEP)


def test_no_spoiled_transaction_is_accepted_or_leaves_a_trace(booth: Booth) -> None:
    signed = booth.create(1, is_ask=False, price_ticks=TOUCH - 5, client_order_index=12)
    before, harmless = state(booth), {"MarketIndex", "ClientOrderIndex", "BaseAmount", "Sig"}
    tried = 0
    for what, text in spoiled(json.loads(signed.tx_info)):
        field = what.split()[1] if what.startswith(("without", "deep")) else what.split()[0]
        if field in harmless or field == "L2TxAttributes":
            continue
        status, body = booth.request(API + "sendTx", method="POST", form=form("14", text))
        assert status == 400, f"{what}: {body}"
        assert is_documented(body), f"{what}: {body}"
        tried += 1
    assert tried > 150
    assert state(booth) == before


def test_a_field_that_may_vary_is_refused_or_means_what_it_says(booth: Booth) -> None:
    """Any size, market or name within bounds makes another order, not an error."""
    for what, text in spoiled(json.loads(booth.create(1, is_ask=False, price_ticks=TOUCH).tx_info)):
        status, body = booth.request(API + "sendTx", method="POST", form=form("14", text))
        assert status == 200 or is_documented(body), f"{what}: {body}"
    assert booth.exchange.height(booth.clock.us) > 0


@pytest.mark.parametrize("path", ["sendTx", "sendTxBatch"])
def test_no_nonsense_in_a_form_is_accepted(booth: Booth, path: str) -> None:
    before = state(booth)
    names = ("tx_type", "tx_info") if path == "sendTx" else ("tx_types", "tx_infos")
    texts = (*MAD_TEXTS, DEEP, "[14]", '["{}"]', '{"Nonce":NaN}', '{"Nonce":' + "9" * 5_000 + "}")
    for first in texts:
        for second in texts:
            fields = {names[0]: first, names[1]: second, "price_protection": "perhaps"}
            for chosen in (fields, {names[0]: first, names[1]: second}, {names[1]: second}):
                status, body = booth.request(API + path, method="POST", form=chosen)
                assert status == 400
                assert is_documented(body)
    assert state(booth) == before


READS = {
    "orderBooks": ("market_id", "filter"),
    "orderBookDetails": ("market_id", "filter"),
    "orderBookOrders": ("market_id", "limit"),
    "recentTrades": ("market_id", "limit"),
    "trades": ("sort_by", "limit", "account_index", "market_id", "role", "cursor", "order_index",
               "from", "ask_filter", "sort_dir", "type"),
    "candles": ("market_id", "resolution", "start_timestamp", "end_timestamp", "count_back"),
    "fundings": ("market_id", "resolution", "start_timestamp", "end_timestamp", "count_back"),
    "account": ("by", "value", "active_only"),
    "accountsByL1Address": ("l1_address",),
    "accountLimits": ("account_index",),
    "apikeys": ("account_index", "api_key_index"),
    "nextNonce": ("account_index", "api_key_index"),
    "accountActiveOrders": ("account_index", "market_id"),
    "accountInactiveOrders": ("account_index", "market_id", "ask_filter", "between_timestamps",
                              "cursor", "limit"),
    "accountOrders": ("client_order_indexes", "account_index"),
    "tx": ("by", "value"),
    "accountTxs": ("by", "value", "types", "index", "limit"),
    "positionFunding": ("account_index", "limit"),
}  # fmt: skip
GOOD = {
    "market_id": "0", "filter": "all", "limit": "5", "sort_by": "trade_id", "account_index": "1",
    "resolution": "1m", "start_timestamp": "1", "end_timestamp": "2000000000000", "by": "index",
    "count_back": "5", "value": "1", "l1_address": "0x1", "api_key_index": "4",
    "client_order_indexes": "11", "index": "100", "role": "all",
}  # fmt: skip


@pytest.mark.parametrize("path", list(READS))
def test_a_read_with_nonsense_in_it_is_answered_or_refused(booth: Booth, path: str) -> None:
    token = booth.token(1)
    for name in READS[path]:
        for text in MAD_TEXTS:
            query = {key: GOOD[key] for key in READS[path] if key in GOOD} | {name: text}
            status, body = ask(booth, API + path, query, auth=token)
            assert status == 200 or (status == 400 and is_documented(body)), (name, text[:30], body)


@pytest.mark.parametrize(
    "token",
    [*MAD_TEXTS, "1:2:3", ":::", "9999999999:1:4:" + "0" * 160, "ro:1:all:9999999999:00", "a" * 9],
    ids=lambda token: repr(token[:12]),
)
def test_a_bad_token_is_refused_wherever_it_is_shown(booth: Booth, token: str) -> None:
    strict = Booth(checking=Checking.STRICT, verifier=NeverTrue())
    for where in (booth, strict) if token.startswith("9999999999:") else (booth,):
        status, body = ask(where, API + "accountActiveOrders", {"account_index": "1"}, auth=token)
        if where is booth and token.startswith("9999999999:"):
            assert body["message"] == "invalid param: auth: auth token lives longer than 8 hours"
        assert status == 400
        assert is_documented(body)


class NeverTrue:
    """A verifier to which no signature holds."""

    async def verify(self, tx_hash: bytes, *, signature: bytes, public_key: bytes) -> bool:
        return False


def test_a_wrong_signature_is_refused_everywhere_and_leaves_the_nonce() -> None:
    booth = Booth(checking=Checking.STRICT, verifier=NeverTrue())
    before = state(booth)
    signed = booth.create(1, is_ask=False, price_ticks=TOUCH)

    by_rest = booth.request(API + "sendTx", method="POST", form=form("14", signed.tx_info))
    line = booth.line()
    asyncio.run(line.session.receive(json.dumps(tx_frame(signed))))

    assert by_rest == (400, {"code": 21_120, "message": "invalid signature"})
    assert line.take() == [{"error": by_rest[1]}]
    assert state(booth) == before


def answers(line: Line, frame: bytes) -> list[Json]:
    pending = line.session.begin(frame)
    assert pending is None
    return line.take()


def test_every_mad_frame_gets_its_documented_answer(booth: Booth) -> None:
    line, before = booth.line(), state(booth)
    for frame in MAD_FRAMES:
        [answer] = answers(line, frame)
        assert is_documented(answer["error"]), frame[:80]
    assert line.closed is None
    assert state(booth) == before
    assert line.say({"type": "ping"}) == [{"type": "pong"}]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
WORDS = st.sampled_from(
    ["type", "channel", "auth", "data", "subscribe", "unsubscribe", "jsonapi/sendtx", "id",
     "jsonapi/sendtxbatch", "tx_type", "tx_info", "tx_types", "tx_infos", "order_book/0", "trade/0"]
)  # fmt: skip
FRAMES = st.dictionaries(WORDS, WORDS | JSON | st.dictionaries(WORDS, WORDS | JSON, max_size=4))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(frames=st.lists(FRAMES.map(json.dumps) | st.binary(max_size=30), min_size=1, max_size=8))
def test_no_frame_breaks_a_session(frames: list[str | bytes]) -> None:
    booth = Booth(messages_per_minute=10**9)
    line, before = booth.line(), state(booth)
    for frame in frames:
        assert line.session.begin(frame) is None
    for answer in line.take():
        assert answer.get("type") or is_documented(answer["error"])
    assert line.say({"type": "ping"}) == [{"type": "pong"}]
    assert state(booth) == before


def test_of_ten_thousand_subscriptions_the_limit_is_kept_and_the_rest_refused(
    booth: Booth,
) -> None:
    line, codes = booth.line(), dict[int, int]()
    started = time.process_time()
    for account in range(1, 10_001):
        frame = {"type": "subscribe", "channel": f"account_all/{account}"}
        [answer] = answers(line, json.dumps(frame).encode())
        code = answer["error"]["code"] if "error" in answer else 0
        codes[code] = codes.get(code, 0) + 1
    assert codes == {0: 500, 23_001: 9_500}
    assert time.process_time() - started < 5
    line.session.close()
    assert not line.session.state.channels


def test_beyond_the_message_limit_every_frame_is_refused_and_transactions_pass() -> None:
    booth = Booth()
    line = booth.line()
    pings = [line.say({"type": "ping"})[0] for _ in range(205)]
    signed = booth.create(1, is_ask=False, price_ticks=TOUCH)

    assert pings[:200] == [{"type": "pong"}] * 200
    assert {answer["error"]["code"] for answer in pings[200:]} == {30_009}
    assert line.say(tx_frame(signed))[0]["code"] == 200
    booth.pass_ms(60_000)
    line.take()
    assert line.say({"type": "ping"}) == [{"type": "pong"}]


# -- over real sockets --

OPTIONS = ExchangeOptions(seed=SEED, markets=(ETH,), gateway=GatewaySettings(checking=Checking.OFF))
HANDSHAKE = (
    b"GET /stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
POST = b"POST /api/v1/sendTx HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
PARTS = b"Content-Type: multipart/form-data; boundary=b\r\n"


async def raw(server: ExchangeServer, request: bytes) -> tuple[int, Json]:
    """Status and body; the client says no more and waits for the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(request)
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/json" in head, answer[:300]
    return int(head.split()[1]), json.loads(body)


def with_body(head: bytes, body: bytes) -> bytes:
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


MAD_REQUESTS = {
    "no body": POST + b"\r\n",
    "huge body": with_body(POST + FORM, b"tx_info=" + b"a" * 5_000_000),
    "unknown charset": with_body(
        POST + b"Content-Type: application/x-www-form-urlencoded; charset=nope\r\n", b"tx_type=14"
    ),
    "not the charset": with_body(POST + FORM, b"tx_type=\xff\xfe&tx_info=\xc3"),
    "parts without a boundary": with_body(POST + b"Content-Type: multipart/form-data\r\n", b"x"),
    "parts that never end": with_body(POST + PARTS, b"--b\r\nContent-Disposition: form-data"),
    "parts that are none": with_body(POST + PARTS, b"nothing of the kind"),
    "a file as a field": with_body(
        POST + PARTS,
        b'--b\r\nContent-Disposition: form-data; name="tx_info"; filename="x"\r\n\r\n{}'
        b"\r\n--b--\r\n",
    ),
    "not zipped": with_body(POST + FORM + b"Content-Encoding: gzip\r\n", b"plain"),
    "JSON for a form": with_body(POST + b"Content-Type: application/json\r\n", b'{"tx_type":14}'),
    "thousands of fields": with_body(POST + FORM, b"&".join(b"a%d=" % n for n in range(20_000))),
    "a mad path": b"GET /%00/..%2f%c3%28 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "a mad token": (
        b"GET /api/v1/accountLimits?account_index=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Authorization: \xff\xfe\r\n\r\n"
    ),
    "an odd method": b"DELETE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
}


def test_no_request_brings_out_a_500_and_the_next_one_is_served() -> None:
    async def story() -> None:
        async with serve(OPTIONS) as server:
            for what, request in MAD_REQUESTS.items():
                status, body = await raw(server, request)
                assert status in (400, 404, 413), (what, status, body)
                assert is_documented(body), (what, body)
            healthy = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            assert (await raw(server, healthy))[0] == 200

    asyncio.run(story())


MAD_SOCKETS = {
    "text that is no UTF-8": b"\x81\x82\x00\x00\x00\x00\xff\xfe",
    "a frame of 8 EB": b"\x81\xff\x7f" + b"\xff" * 7 + b"\x00" * 4,
    "reserved bits": b"\xf1\x80\x00\x00\x00\x00",
    "an unknown opcode": b"\x83\x80\x00\x00\x00\x00",
    "noise": Random(1).randbytes(500),
}


def test_half_open_and_broken_sockets_cost_nothing_but_themselves() -> None:
    """Half a request, half a frame, silence and noise; the others are served, the stop is quick."""

    async def story() -> None:
        async with serve(OPTIONS) as server, aiohttp.ClientSession() as client:
            healthy = await client.ws_connect(server.ws_url)
            await healthy.receive_json()
            half = [
                HANDSHAKE[:40],
                b"",
                POST + FORM + b"Content-Length: 90\r\n\r\ntx_ty",
                HANDSHAKE,
            ]
            held = [await _said(server, said) for said in half]
            held += [await _said(server, HANDSHAKE + said) for said in MAD_SOCKETS.values()]
            held.append(await _said(server, HANDSHAKE + b"\x81\xfe\x01"))
            for _ in range(3):
                await healthy.send_json({"type": "ping"})
                assert await healthy.receive_json(timeout=2) == {"type": "pong"}
            assert (await raw(server, MAD_REQUESTS["no body"]))[0] == 400
            for _, writer in held[::2]:
                writer.transport.abort()
            await healthy.close()
            started = time.monotonic()
        assert time.monotonic() - started < 4
        for _, writer in held:
            writer.close()

    asyncio.run(story())


async def _said(
    server: ExchangeServer, said: bytes
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(said)
    await writer.drain()
    return reader, writer


def test_a_reader_that_never_reads_is_cut_off_while_others_see_every_frame() -> None:
    async def story() -> None:
        async with serve(OPTIONS) as server, aiohttp.ClientSession() as client:
            lazy = socket.create_connection(("127.0.0.1", server.port))
            lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1_024)
            lazy.sendall(HANDSHAKE)
            healthy = await client.ws_connect(server.ws_url)
            await healthy.receive_json()
            await asyncio.sleep(0.05)
            token = make_token(
                expiry_s=int(time.time()) + 600,
                account_index=1,
                api_key_index=4,
                private_key=private_key(SEED, 1, 4),
            )
            await healthy.send_json({"type": "subscribe", "channel": "account_tx/1", "auth": token})
            assert (await healthy.receive_json())["type"] == "subscribed/account_tx"
            slow, *_ = server.gateway.sessions
            while slow.is_open:
                slow.send(b"x" * 1_000_000)
                await asyncio.sleep(0)
            await healthy.send_json({"type": "ping"})
            assert await healthy.receive_json() == {"type": "pong"}
            await healthy.close()
            lazy.close()

    asyncio.run(story())
