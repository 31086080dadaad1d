"""The admin port of the paper exchange: faults, lag, switches, accounts, and a page to look at.

Off unless asked for. `GET /` serves the page (package file `admin_page.html`) without a token;
everything under `/api/` wants `Authorization: Bearer TOKEN` (the bare token does, too), else 401.
The page reads its token from the fragment of its address: `http://host:port/#token=TOKEN`. Answers
are JSON; bad input is 400 `{"error": "a sentence"}`, an unknown path 404.

`GET /api/state` → everything there is to see. Amounts, sizes and prices are decimal strings, base
sizes signed (+ long), times Unix ms, order indexes strings:

    {"now_ms": 1795344000000, "height": 12, "chain_id": 300,
     "markets": [{"market_id": 0, "symbol": "ETH", "status": "active", "mark_price": "4000.00",
                  "index_price": "4000.00", "last_trade_price": "4000.00",
                  "min_base": "0.0050", "min_quote": "10.000000"}],
     "books": {"0": {"asks": [{"price": "4000.50", "size": "1.2000"}], "bids": []}},
     "trades": [{"trade_id": 1000000, "market_id": 0, "price": "4000.00", "size": "0.5000",
                 "maker": 1, "taker": 2, "is_maker_ask": true, "at_ms": 1795344000000}],
     "accounts": [{"account_index": 1, "l1_address": "0x…", "tier": "none", "is_market": false,
                   "collateral": "100000.000000", "value": "100000.000000",
                   "cancel_all_time_ms": 0, "open_order_count": 1,
                   "volume_quota_remaining": null,
                   "positions": [{"market_id": 0, "size": "-0.5000", "entry_price": "4000.00",
                                  "unrealized_pnl": "-0.120000"}],
                   "open_orders": [{"order_index": "281474976710657", "client_order_index": "7",
                                    "market_id": 0, "side": "buy", "price": "3999.00",
                                    "size": "1.0000", "remaining": "0.5000", "type": "limit",
                                    "time_in_force": "post-only", "reduce_only": false,
                                    "created_ms": 1795344000000}]}],
     "faults": [{"id": 1, "kind": "rate_limited", "about": "what it does, a sentence",
                 "state": "waiting", "fired": 0, "left": 3, "begins_at_ms": 1795344005000,
                 "ends_at_ms": null, "rule": {"kind": "rate_limited", "when": {"account": 2}}}],
     "limits": {"enabled": true,
                "headroom": [{"scope": "ip", "name": "127.0.0.1", "used": 800, "limit": 24000,
                              "left": 23200}],
                "blocked": [{"ip": "127.0.0.1", "until_ms": 1795344060000}]},
     "lag": {"nextNonce": {"low_ms": 0, "high_ms": 250}},
     "switches": {"refuse_skip_nonce": false, "…": "see /api/switches"},
     "counts": {"sessions": 2, "requests": {"nextNonce": 12}, "refused": {"23000": 1},
                "transactions": 40, "faults_fired": 3}}

The rest, in and out:

    GET /api/faults                 {"faults": [as above]}
    POST /api/faults                a fault or a list of them (`fault_files`) → {"armed": […]}
    DELETE /api/faults[/ID]         disarms, and undoes what it changed
    GET /api/kinds                  what faults there are, with their options
    GET, PUT /api/lag               {"nextNonce": 250, "*": {"low_ms": 0, "high_ms": 9}}; null: none
    GET, PUT /api/switches          {"dead_cancel": "no-effect"}: the uncertain rules (§12)
    GET, PUT /api/limits            {"enabled": true, "firewall_after": 20}
    DELETE /api/limits/blocked      opens the firewall
    PATCH /api/markets/ID           {"status", "min_base", "min_quote", "index_price"}, any of them
    POST /api/accounts              {"account_index", "collateral", "tier", "siblings"} → with keys
    POST /api/accounts/ID/deposit   {"amount"}; negative: a withdrawal
    PUT /api/accounts/ID/tier       {"tier"}

`books` has the best 20 levels of each side, best first; `trades` the last 50 of all markets, newest
first; `accounts` the clients' accounts first, then those that make the market (`is_market`), with
up to 50 open orders each, newest first; `faults.state` is `waiting`, `active` or `spent`.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import resources
from types import TracebackType
from typing import Self

from aiohttp import web

from hedgepair_runner.venues.paper.administering import AdminDesk

PAGE = "admin_page.html"
_JSON = "application/json"
_LONGEST_BODY = 256 * 1024
_SHUTDOWN_S = 1.0
_LEAST_TOKEN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminOptions:
    """Port 0: any free one. Raises ValueError for a token that is as good as none.

    `is_brought`: the token is the user's own, by file or environment: it is shown nowhere (law 9).
    """

    token: str
    port: int = 0
    is_brought: bool = False

    def __post_init__(self) -> None:
        token = self.token
        if len(token) < _LEAST_TOKEN or not token.isascii() or not token.isprintable():
            raise ValueError(f"the token needs at least {_LEAST_TOKEN} printable characters")


async def _at_once() -> None:
    """What has happened may be told: the default."""


class AdminPortError(Exception):
    """The admin port cannot be opened; the text is a sentence."""


class AdminServer:
    """Serves a desk on a port of its own. An async context manager."""

    def __init__(
        self,
        desk: AdminDesk,
        options: AdminOptions,
        *,
        host: str = "127.0.0.1",
        settled: Callable[[], Awaitable[None]] = _at_once,
    ) -> None:
        """No answer leaves before `settled` has returned."""
        self.host = host
        self.port = options.port
        self.token = options.token
        self._is_brought = options.is_brought
        self._desk = desk
        self._settled = settled
        self._runner: web.AppRunner | None = None
        self._page = _read_page()

    @property
    def url(self) -> str:
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)
        return f"http://{host}:{self.port}"

    @property
    def page_url(self) -> str:
        """With the token in its fragment, which no server ever sees."""
        return f"{self.url}/#token={self.token}"

    @property
    def announced_url(self) -> str:
        """What may be printed: with a token only if nobody else knows it yet."""
        return self.url if self._is_brought else self.page_url

    async def __aenter__(self) -> Self:
        """Raises AdminPortError if the port cannot be opened."""
        app = web.Application(client_max_size=_LONGEST_BODY)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_S)
        await self._runner.setup()
        try:
            site = web.TCPSite(self._runner, self.host, self.port)
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            reason = error.strerror or str(error)
            raise AdminPortError(f"cannot listen on {self.host}:{self.port}: {reason}") from error
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.Response:
        if request.path == "/" and request.method == "GET":
            headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
            return web.Response(body=self._page, content_type="text/html", headers=headers)
        if not self._knows(request.headers.get("Authorization", "")):
            return _said(401, "this needs the header Authorization: Bearer TOKEN")
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return _said(413, f"the body is longer than {_LONGEST_BODY} bytes")
        answer = self._desk.answer(request.method, request.path, body)
        # What it brought about is on its way before the caller goes on.
        await asyncio.sleep(0)
        await self._settled()
        return web.Response(status=answer.status, body=answer.encoded, content_type=_JSON)

    def _knows(self, given: str) -> bool:
        token = given.removeprefix("Bearer ").strip()
        return hmac.compare_digest(token.encode(), self.token.encode())


def _said(status: int, sentence: str) -> web.Response:
    return web.json_response({"error": sentence}, status=status)


def _read_page() -> bytes:
    """The page, or a word on where everything is if this build has none."""
    try:
        return resources.files(__package__ or "").joinpath(PAGE).read_bytes()
    except FileNotFoundError:
        return b"<!doctype html><title>Paper exchange</title><p>See /api/state.</p>"
