"""The rate limiter at the gateway's doors: who pays for what (protocol §6.8, §8)."""

from __future__ import annotations

from collections.abc import Iterable

from hedgepair_runner.venues.paper.doors import Doors
from hedgepair_runner.venues.paper.limiting_requests import LimitSettings, Owner, RequestLimiter
from hedgepair_runner.venues.paper.peeking import peek
from hedgepair_runner.venues.paper.rest import RestAnswer, Sending
from hedgepair_runner.venues.paper.tokens import AuthToken

TOO_MANY_CONNECTIONS = RestAnswer(
    status=429, body=b'{"code":23003,"message":"Too Many Connections!"}'
)
RATE_LIMITED = RestAnswer(status=429, body=b'{"code":23000,"message":"Too Many Requests!"}')
FIREWALL = RestAnswer(
    status=405, body=b"<html><body>Not Allowed</body></html>", content_type="text/html"
)
BAD_GATEWAY = RestAnswer(
    status=502,
    body=b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>",
    content_type="text/html",
)


class Gatekeeper:
    def __init__(self, settings: LimitSettings, doors: Doors) -> None:
        self.limiter = RequestLimiter(settings, default_tier=doors.settings.default_tier)
        self._doors = doors

    @property
    def is_on(self) -> bool:
        return self.limiter.settings.is_on

    def admits_read(self, endpoint: str, *, ip: str, claim: AuthToken | None, now_us: int) -> bool:
        if not self.is_on:
            return True
        owner = self._doors.owner(claim.account_index) if claim is not None else None
        return self.limiter.admit_read(endpoint, ip=ip, owner=owner, now_us=now_us)

    def admits_sends(self, sending: Sending, *, ip: str, now_us: int) -> bool:
        if not self.is_on:
            return True
        seen = peek(sending.entries)
        owner = self._owner(seen.accounts)
        return self.limiter.admit_sends(seen.tx_types, ip=ip, owner=owner, now_us=now_us)

    def admits_nonsense(self, *, ip: str, now_us: int) -> bool:
        """A send that names no transaction."""
        return self.limiter.admit_sends((), ip=ip, owner=None, now_us=now_us)

    def admits_connection(self, *, ip: str, open_connections: int, now_us: int) -> bool:
        if self.is_on and open_connections >= self.limiter.settings.connections_per_ip:
            return False
        return self.limiter.admit_connection(ip=ip, now_us=now_us)

    def _owner(self, accounts: Iterable[int]) -> Owner | None:
        for account_index in accounts:
            return self._doors.owner(account_index)
        return None
