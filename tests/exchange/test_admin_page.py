"""The admin page as people see it: loaded by a real browser from a running exchange."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from threading import Thread

import pytest

from hedgepair_runner.venues.paper.admin import PAGE, AdminOptions
from hedgepair_runner.venues.paper.assembly import ExchangeOptions, serve
from hedgepair_runner.venues.paper.fault_files import read_fault
from hedgepair_runner.venues.paper.gateway import Gateway
from hedgepair_runner.venues.paper.gateway_settings import Checking, GatewaySettings
from hedgepair_runner.venues.paper.markets import BTC, ETH
from hedgepair_runner.venues.paper.records import OrderType, TimeInForce
from hedgepair_runner.venues.paper.rest import RestRequest
from hedgepair_runner.venues.paper.signing import sign_transaction
from hedgepair_runner.venues.paper.transactions import CreateOrder

pytestmark = pytest.mark.slow

TOKEN = "a-token-of-the-test"
SEED = "page"
MAKER, TAKER = 11, 12
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PAGE_LOADS_WITHIN_S = 60.0

in_a_browser = pytest.mark.skipif(
    CHROMIUM is None,
    reason="no chromium on the PATH: apt-get install chromium to see the page in a browser",
)


def test_the_page_loads_nothing_from_anywhere_else() -> None:
    page = read_page().decode()

    assert re.findall(r"https?://[^'\" ]+", page) == ["http://www.w3.org/2000/svg"]
    assert "default-src 'none'" in page


@in_a_browser
@pytest.mark.slow
def test_the_page_shows_a_resting_order_the_last_trade_and_an_armed_fault(tmp_path: Path) -> None:
    async def main() -> Rendered:
        options = ExchangeOptions(
            seed=SEED,
            markets=(ETH, BTC),
            gateway=GatewaySettings(checking=Checking.OFF),
            admin=AdminOptions(token=TOKEN),
        )
        async with serve(options) as server:
            await trade(server.gateway)
            server.gateway.troubles.arm(
                read_fault({"kind": "rate_limited", "when": {"account": TAKER}, "count": 3})
            )
            assert server.admin is not None
            return await render(server.admin.page_url, tmp_path)

    page = asyncio.run(main())

    assert page["pulse"] == "live"
    assert page["banner"] == ""
    assert page.rows("asks") == [["11", "2,361.50", "0.0300", "0.0300"]]
    assert page.rows("bids") == []
    [trade_row] = page.rows("trades")
    assert trade_row[1:] == ["▲ 2,361.50", "0.0200", "12", "11"]
    positions = {row[0][:2]: row[3] for row in page.rows("accounts")}
    assert positions == {"11": "−0.0200 ETH", "12": "+0.0200 ETH"}
    [order] = page.rows("orders")
    assert order[:6] == ["11", "ETH", "sell", "2,361.50", "0.0300", "0.0500"]
    assert order[6].endswith("7654321")
    [fault] = page.rows("faults")
    assert fault[0] == "active"
    assert fault[1].startswith("rate limited account 12")
    assert fault[2] == "03 left"
    assert page["limits-empty"].startswith("Rate limits are off")
    assert TOKEN not in page.source


@in_a_browser
@pytest.mark.slow
def test_a_wrong_token_is_a_sentence_and_a_place_to_write_the_right_one(tmp_path: Path) -> None:
    async def main() -> Rendered:
        options = ExchangeOptions(
            seed=SEED,
            markets=(ETH,),
            gateway=GatewaySettings(checking=Checking.OFF),
            admin=AdminOptions(token=TOKEN),
        )
        async with serve(options) as server:
            assert server.admin is not None
            return await render(f"{server.admin.url}/#token=some-other-token", tmp_path)

    page = asyncio.run(main())

    assert page["banner"] == "The exchange does not know this token. Is it from an earlier start?"
    assert "gate" not in page.hidden
    assert "main" in page.hidden


@in_a_browser
@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        pytest.param(None, "The exchange does not answer: it has stopped, or", id="stopped"),
        pytest.param((500, b"oops"), "The exchange answered with status 500.", id="broken"),
    ],
)
def test_an_exchange_that_gives_no_state_is_a_sentence(
    tmp_path: Path, answer: tuple[int, bytes] | None, sentence: str
) -> None:
    with page_alone(answer) as url:
        page = asyncio.run(render(f"{url}/#token={TOKEN}", tmp_path))

    assert sentence in page["banner"]
    assert page["banner"].endswith("Asking again every second.")
    assert page["pulse"] == "no answer"


def read_page() -> bytes:
    return resources.files("hedgepair_runner.venues.paper").joinpath(PAGE).read_bytes()


async def trade(gateway: Gateway) -> None:
    """Account 11 rests a sell, account 12 buys two fifths of it."""
    await send(gateway, MAKER, is_ask=True, lots=500, time_in_force=TimeInForce.GTT)
    await send(gateway, TAKER, is_ask=False, lots=200, time_in_force=TimeInForce.IOC)


async def send(
    gateway: Gateway, account: int, *, is_ask: bool, lots: int, time_in_force: TimeInForce
) -> None:
    now_ms = gateway.now_us() // 1_000
    nonce = gateway.exchange.next_nonce(account, 4)
    assert nonce is not None
    tx = CreateOrder(
        account_index=account,
        api_key_index=4,
        nonce=nonce,
        expired_at_ms=now_ms + 599_000,
        market_id=ETH.market_id,
        client_order_index=7_654_321,
        base_lots=lots,
        price_ticks=236_150,
        is_ask=is_ask,
        order_type=OrderType.LIMIT,
        time_in_force=time_in_force,
        expiry_ms=0 if time_in_force is TimeInForce.IOC else now_ms + 3_600_000,
    )
    signed = sign_transaction(tx, chain_id=300, private_key=None)
    form = {"tx_type": str(signed.tx_type), "tx_info": signed.tx_info}
    answer = await gateway.rest(RestRequest(method="POST", path="/api/v1/sendTx", form=form))
    assert answer.status == 200, answer.body


async def render(url: str, home: Path) -> Rendered:
    """The document as it stands after the page has asked a few times."""
    assert CHROMIUM is not None
    chromium = await asyncio.create_subprocess_exec(
        CHROMIUM,
        "--headless",
        "--no-sandbox",  # the tests may run as root, and load nothing but this page
        "--disable-gpu",
        "--disable-dev-shm-usage",
        f"--user-data-dir={home}",
        "--virtual-time-budget=2500",
        "--dump-dom",
        url,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(PAGE_LOADS_WITHIN_S):
            document, _ = await chromium.communicate()
    finally:
        if chromium.returncode is None:
            chromium.kill()
            await chromium.wait()
    assert chromium.returncode == 0
    return Rendered(document.decode())


class Rendered(HTMLParser):
    """What stands under each id, without scripts and styles; tables as rows of cells."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source
        self.hidden: set[str] = set()
        self._open: list[tuple[str, str]] = []
        self._texts: dict[str, str] = {}
        self._rows: dict[str, list[list[str]]] = {}
        self.feed(source)

    def __getitem__(self, name: str) -> str:
        return re.sub(r"\s+", " ", self._texts.get(name, "")).strip()

    def rows(self, name: str) -> list[list[str]]:
        """Of a table or one of its bodies, without the rows of headings."""
        return [cells for cells in self._rows.get(name, []) if cells]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("id") or ""
        if "hidden" in given:
            self.hidden.add(name)
        if tag == "tr":
            for holder in self._holders():
                self._rows.setdefault(holder, []).append([])
        if tag == "td":
            for holder in self._holders():
                self._rows[holder][-1].append("")
        if tag not in ("meta", "link", "input", "br"):
            self._open.append((tag, name))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        tags = [tag for tag, _ in self._open]
        if "script" in tags or "style" in tags:
            return
        for holder in self._holders():
            self._texts[holder] = self._texts.get(holder, "") + data
            if "td" in tags and self._rows.get(holder):
                self._rows[holder][-1][-1] += data

    def _holders(self) -> list[str]:
        return [name for _, name in self._open if name]


@contextmanager
def page_alone(answer: tuple[int, bytes] | None) -> Iterator[str]:
    """Serves the page, and for everything else this answer; None: the connection just ends."""
    page = read_page()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = (200, page) if self.path == "/" else answer
            if found is None:
                self.close_connection = True
                return
            self.send_response(found[0])
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(found[1])))
            self.end_headers()
            self.wfile.write(found[1])

        def log_message(self, *_: object) -> None:
            """Quiet."""

    # A browser opens connections ahead of their use: one thread would wait on an idle one.
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.block_on_close = False
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
