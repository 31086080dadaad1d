"""What goes wrong on purpose in one gateway: armed by tests, scenarios and the admin port.

The gateway asks here at each occasion, and carries out what it is told. Where nothing is armed
every question costs one look.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

from hedgepair_runner.venues.paper.channels import Kind, parse_channel
from hedgepair_runner.venues.paper.fates import (
    UNHARMED,
    RequestFate,
    fate_of_request,
    treatment_of,
)
from hedgepair_runner.venues.paper.fault_rules import (
    BadFaultError,
    FaultKind,
    FaultRule,
    Group,
    Occasion,
)
from hedgepair_runner.venues.paper.faulting import Armed, FaultBook
from hedgepair_runner.venues.paper.lagging import EVERY
from hedgepair_runner.venues.paper.peeking import Peek, asked_for, peek
from hedgepair_runner.venues.paper.records import TimeInForce
from hedgepair_runner.venues.paper.rest import (
    RestRequest,
    Sending,
    Submission,
    endpoint_of,
    endpoints,
    read_sending,
)
from hedgepair_runner.venues.paper.switches import read_position
from hedgepair_runner.venues.paper.timed_faults import TimedFaults
from hedgepair_runner.venues.paper.transaction_shapes import CreateOrder
from hedgepair_runner.venues.paper.views import Examined, Refusal

if TYPE_CHECKING:
    from hedgepair_runner.venues.paper.gateway import Gateway
    from hedgepair_runner.venues.paper.session import Session

STREAM = "stream"
"""The endpoint name of the WebSocket handshake."""
_NOBODY = Peek(tx_types=(), accounts=(), keys=(), markets=())
_HTTP_ONLY = frozenset({FaultKind.FIREWALL, FaultKind.BAD_GATEWAY})
_ON_A_SOCKET = frozenset(FaultKind) - _HTTP_ONLY
_OF_ANY_TX = frozenset({FaultKind.ENGINE_FAILURE, FaultKind.SLOW_EXECUTION})


class Troubles:
    def __init__(self, gateway: Gateway, *, chance: Random) -> None:
        self.book = FaultBook(chance)
        self._gateway = gateway
        self._timed = TimedFaults(gateway)

    # -- arming --

    def arm(self, rule: FaultRule) -> Armed:
        """A fault by time that is due takes effect before this returns. Raises BadFaultError."""
        self.check(rule)
        armed = self.book.arm(rule, now_us=self._gateway.now_us())
        self.advance(self._gateway.now_us())
        self._gateway.wake()
        return armed

    def check(self, rule: FaultRule) -> None:
        """Whether this exchange has what the rule speaks of. Raises BadFaultError."""
        when = rule.when
        markets = self._gateway.exchange.markets
        if when.market is not None and when.market not in markets:
            raise BadFaultError(f"when.market: there is no market {when.market}")
        known = endpoints() | {STREAM}
        if when.endpoint is not None and when.endpoint not in known | {EVERY}:
            listed = ", ".join(sorted(known))
            raise BadFaultError(f"when.endpoint: there is no {when.endpoint!r}; there are {listed}")
        channel = when.channel
        if channel is not None and channel not in set(Kind) and parse_channel(channel) is None:
            raise BadFaultError(f"when.channel: there is no channel {channel!r}")
        if rule.kind is FaultKind.SWITCH:
            try:
                read_position(rule.details.name, rule.details.value)
            except ValueError as error:
                raise BadFaultError(f"value: {error}") from None

    def disarm(self, fault_id: int) -> None:
        """Undoes what it has changed, too. Raises KeyError if there is no such fault."""
        turn = self.book.disarm(fault_id)
        if turn is not None:
            self._timed.end(turn.armed)
        self._gateway.wake()

    def clear(self) -> int:
        """Disarms everything and opens the firewall; how many there were."""
        numbers = [armed.fault_id for armed in self.book.in_force()]
        # The last first: of two that changed the same thing the first knows how it was.
        for fault_id in reversed(numbers):
            self.disarm(fault_id)
        self._gateway.keeper.limiter.unblock_all()
        return len(numbers)

    def next_due_us(self) -> int | None:
        return self.book.next_due_us()

    def advance(self, now_us: int) -> None:
        while turns := self.book.turns(now_us):
            for turn in turns:
                if turn.begins:
                    self._timed.begin(turn.armed)
                else:
                    self._timed.end(turn.armed)

    # -- occasions --

    def of_request(self, request: RestRequest, route: object) -> RequestFate:
        if not self.book.has(Group.REQUEST):
            return UNHARMED
        seen = asked_for(request)
        if isinstance(route, Submission):
            sending = read_sending(request.form, route)
            seen = _NOBODY if isinstance(sending, Refusal) else peek(sending.entries)
        return self._fate(seen, endpoint_of(request.path), "rest", request.ip)

    def of_frame(self, sending: Sending, ip: str) -> RequestFate:
        """Of a frame with transactions."""
        if not self.book.has(Group.REQUEST):
            return UNHARMED
        endpoint = "sendTxBatch" if sending.is_batch else "sendTx"
        return self._fate(peek(sending.entries), endpoint, "socket", ip, kinds=_ON_A_SOCKET)

    def of_handshake(self, ip: str) -> RequestFate:
        """Of a WebSocket's first request: it is of neither transport yet."""
        if not self.book.has(Group.REQUEST):
            return UNHARMED
        return self._fate(_NOBODY, STREAM, "handshake", ip)

    def _fate(
        self,
        seen: Peek,
        endpoint: str,
        transport: str,
        ip: str,
        *,
        kinds: frozenset[FaultKind] | None = None,
    ) -> RequestFate:
        occasion = _occasion(seen, endpoint=endpoint, transport=transport, ip=ip)
        now_us = self._gateway.now_us()
        rules = self.book.draw(Group.REQUEST, occasion, now_us=now_us, kinds=kinds)
        return fate_of_request(rules) if rules else UNHARMED

    def treat(self, batch: Sequence[Examined]) -> list[str]:
        """Marks the transactions that a fault is for; their hashes."""
        if not self.book.has(Group.TRANSACTION):
            return []
        exchange = self._gateway.exchange
        treated = []
        for examined in batch:
            known = exchange.tx(examined.tx_hash)
            rules = [] if known is not None else self._rules_of(examined)
            if rules:
                exchange.treat(examined.tx_hash, treatment_of(rules))
                treated.append(examined.tx_hash)
        return treated

    def _rules_of(self, examined: Examined) -> list[FaultRule]:
        tx = examined.tx
        kinds = set(_OF_ANY_TX)
        if isinstance(tx, CreateOrder) and tx.time_in_force is TimeInForce.IOC:
            kinds.add(FaultKind.IOC_SHORT_FILL)
        if isinstance(tx, CreateOrder) and tx.reduce_only:
            kinds.add(FaultKind.HIDE_REDUCE_ONLY)
        market_id = getattr(tx, "market_id", None)
        occasion = Occasion(
            tx_types=frozenset({examined.tx_type}),
            accounts=frozenset({examined.account_index}),
            keys=frozenset({examined.api_key_index}),
            markets=frozenset() if market_id is None else frozenset({market_id}),
        )
        now_us = self._gateway.now_us()
        return self.book.draw(Group.TRANSACTION, occasion, now_us=now_us, kinds=kinds)

    def withholds_ping(self, session: Session, *, is_answer: bool) -> bool:
        """Whether the server's ping, or its answer to one, stays away."""
        if not self.book.has(Group.PING):
            return False
        held = session.state.channels.values()
        accounts = {each.account_index for each in held if each.account_index is not None}
        occasion = Occasion(transport="socket", accounts=frozenset(accounts), ip=session.ip)
        kinds = {FaultKind.STOP_PONGS if is_answer else FaultKind.STOP_PINGS}
        now_us = self._gateway.now_us()
        return bool(self.book.draw(Group.PING, occasion, now_us=now_us, kinds=kinds))


def _occasion(seen: Peek, *, endpoint: str, transport: str, ip: str) -> Occasion:
    return Occasion(
        endpoint=endpoint,
        transport=transport,
        tx_types=frozenset(seen.tx_types),
        accounts=frozenset(seen.accounts),
        keys=frozenset(seen.keys),
        markets=frozenset(seen.markets),
        ip=ip,
    )
