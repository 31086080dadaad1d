"""The paper exchange without its sockets: requests and frames in, answers and frames out.

The HTTP server and the in-process transport drive the same object. Where no signature has to be
waited for, everything happens synchronously: a transaction is answered, executed and published
before its call returns. Transactions of one key keep the order in which they came (protocol §7.10).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from random import Random
from typing import Protocol

from hedgepair_runner.venues.paper import sessions, switches
from hedgepair_runner.venues.paper.agenda import Agenda
from hedgepair_runner.venues.paper.checker import SignatureChecker, Verifier
from hedgepair_runner.venues.paper.chronicling import Chronicle
from hedgepair_runner.venues.paper.events import Event
from hedgepair_runner.venues.paper.exchange import Exchange
from hedgepair_runner.venues.paper.fates import RequestFate
from hedgepair_runner.venues.paper.gatekeeper import Gatekeeper
from hedgepair_runner.venues.paper.gateway_settings import GatewaySettings
from hedgepair_runner.venues.paper.lagging import Lag, Lags
from hedgepair_runner.venues.paper.lanes import Lanes, Turn
from hedgepair_runner.venues.paper.parameters import INVALID_PARAM
from hedgepair_runner.venues.paper.past_exchange import PastExchange
from hedgepair_runner.venues.paper.publishing import Publisher
from hedgepair_runner.venues.paper.refusals import Code, refuse
from hedgepair_runner.venues.paper.rest import RestAnswer, RestRequest, Sending
from hedgepair_runner.venues.paper.rest_desk import RestDesk
from hedgepair_runner.venues.paper.session import CloseSocket, SendFrame, Session
from hedgepair_runner.venues.paper.tokens import AuthToken, TokenRefused, parse_token
from hedgepair_runner.venues.paper.troubles import Troubles
from hedgepair_runner.venues.paper.verifier import VerifierUnavailable
from hedgepair_runner.venues.paper.views import Accepted, AcceptedBatch, Examined, Refusal

Verdict = Accepted | AcceptedBatch | Refusal
INVALID_SIGNATURE = Refusal(code=21_120, message="invalid signature")
_UNVERIFIED = Refusal(code=29_500, message="internal server error")
_TOO_MANY_REQUESTS = refuse(Code.TOO_MANY_REQUESTS)


class Clock(Protocol):
    def now_us(self) -> int:
        """Unix microseconds that never run backwards."""
        ...


class Driver(Protocol):
    """Acts on the exchange by the clock, as the market generator does."""

    def next_due_us(self) -> int | None: ...

    def advance(self, now_us: int) -> list[Event]: ...


class TooManyConnections(Exception):
    """The connection limit is reached: 23003 (protocol §6.8)."""


def _nothing() -> None:
    """Nobody has to be woken: the default."""


def _unheard(events: Sequence[Event]) -> None:
    """Nobody listens beside the channels: the default."""


class Gateway:
    """`advance` must be called when `next_due_us` comes; `wake` is called when it may be sooner."""

    def __init__(
        self,
        exchange: Exchange,
        *,
        chain_id: int,
        clock: Clock,
        settings: GatewaySettings | None = None,
        verifier: Verifier | None = None,
    ) -> None:
        """Raises ValueError if the settings want signatures checked and there is no verifier."""
        self.exchange = exchange
        self.settings = settings or GatewaySettings()
        self.publisher = Publisher(exchange, self.settings)
        self.checker = SignatureChecker(verifier, self.settings)
        self.lanes = Lanes()
        self.wake: Callable[[], None] = _nothing
        self.witness: Callable[[Sequence[Event]], None] = _unheard
        """Hears all events in their causal order, before any listener of a channel."""
        self.chain_id = chain_id
        self.keeper = Gatekeeper(self.settings.limits, exchange.doors)
        self.agenda = Agenda()
        self.counts: Counter[str] = Counter()
        """Requests by endpoint, and `transactions` that were accepted."""
        self.refusals: Counter[int] = Counter()
        """By code."""
        self.answer_shape = self.settings.sendtx_answer
        self.lags = Lags(Random(self.settings.fault_seed), self.settings.lags)
        self.troubles = Troubles(self, chance=Random(self.settings.fault_seed))
        self._rest_desk = RestDesk(self)
        self.publisher.tamper(self.troubles.book, now_us=clock.now_us)
        self._clock = clock
        self._drivers: list[Driver] = []
        self._sessions: dict[Session, None] = {}
        self._sessions_opened = 0
        self._chronicle: Chronicle | None = None
        self._keep_chronicle()

    def now_us(self) -> int:
        return self._clock.now_us()

    def attach(self, driver: Driver) -> None:
        self._drivers.append(driver)
        self.wake()

    # -- time --

    def next_due_us(self) -> int | None:
        dues = [self.exchange.next_due_us(), self.publisher.next_due_us()]
        dues += [self.agenda.next_due_us(), self.troubles.next_due_us()]
        dues += [driver.next_due_us() for driver in self._drivers]
        dues += [session.state.next_due_us() for session in self._sessions]
        return min((due for due in dues if due is not None), default=None)

    def advance(self, now_us: int | None = None) -> None:
        """Does all that is due: executions, expiries, drivers, batches, pings, idle closes."""
        now_us = self.now_us() if now_us is None else now_us
        self.troubles.advance(now_us)
        self.agenda.advance(now_us)
        self.execute(now_us)
        for driver in self._drivers:
            due_us = driver.next_due_us()
            if due_us is not None and due_us <= now_us:
                self._tell(driver.advance(now_us), now_us)
        self.publisher.advance(now_us)
        for session in tuple(self._sessions):
            session.keep_alive(now_us)

    def execute(self, now_us: int) -> None:
        """Lets the engine do what is due, and tells of it."""
        self._tell(self.exchange.advance(now_us), now_us)

    def publish(self, events: Sequence[Event]) -> None:
        """For events that a test or a fault switch brought about through the exchange itself."""
        self._tell(events, self.now_us())
        self.wake()

    def _tell(self, events: Sequence[Event], now_us: int) -> None:
        if self._chronicle is not None:
            self._chronicle.note(events, now_us=now_us)
        self.witness(events)
        self.publisher.publish(events, now_us=now_us)

    async def until(self, due_us: int) -> None:
        """Returns when the exchange's clock is there."""
        came: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.agenda.note(due_us, lambda: None if came.done() else came.set_result(None))
        self.wake()
        await came

    # -- REST --

    async def rest(self, request: RestRequest) -> RestAnswer:
        return await self._rest_desk.answer(request)

    async def handshake(self, ip: str) -> RestAnswer | None:
        """Why no WebSocket is opened, as the answer to its first request; None: it is."""
        return await self._rest_desk.handshake(ip)

    # -- replicas and switches --

    def set_lag(self, endpoint: str, lag: Lag | None) -> Lag | None:
        """How far behind an endpoint (`*`: every read) answers; returns what held before."""
        before = self.lags.set(endpoint, lag)
        self._keep_chronicle()
        return before

    def _keep_chronicle(self) -> None:
        """As long as an endpoint may lag, what was true is remembered."""
        longest_us = self.lags.longest_us
        if not longest_us:
            self._chronicle = None
        elif self._chronicle is None:
            self._chronicle = Chronicle(self.exchange, window_us=longest_us, now_us=self.now_us())
        else:
            self._chronicle.window_us = max(self._chronicle.window_us, longest_us)

    def replica(self, endpoint: str, now_us: int) -> tuple[Exchange, int]:
        """What the endpoint answers from, and its time."""
        lag_us = self.lags.draw_us(endpoint)
        if not lag_us or self._chronicle is None:
            return self.exchange, now_us
        at_us = now_us - lag_us
        return PastExchange.of(self.exchange, self._chronicle, at_us), at_us

    def switch(self, name: str, value: object) -> switches.SwitchValue:
        """Turns an uncertain rule; returns how it was. Raises ValueError with a sentence."""
        position = switches.read_position(name, value)
        before = self.switch_positions()[name]
        if name == switches.SENDTX_ANSWER:
            self.answer_shape = switches.AnswerShape(str(position))
        else:
            self.exchange.switch(name, position)
        return before

    def switch_positions(self) -> dict[str, switches.SwitchValue]:
        told = switches.positions(self.exchange.doors.settings)
        return {**told, switches.SENDTX_ANSWER: self.answer_shape.value}

    # -- transactions and tokens --

    def note_copies(self, sending: Sending | Refusal, fate: RequestFate) -> None:
        """The same bytes arrive once more: whatever comes of it, nobody is answered."""
        if isinstance(sending, Refusal):
            return
        for delay_us in fate.copies_us:
            self.agenda.note(self.now_us() + delay_us, partial(self._take_copy, sending))

    def _take_copy(self, sending: Sending) -> None:
        # Its signature was checked when it came first.
        examined = self._examine(sending)
        if not isinstance(examined, Refusal):
            self._admit(examined, sending)
            self.execute(self.now_us())

    def submit(self, sending: Sending, *, ip: str = "") -> Verdict | Coroutine[None, None, Verdict]:
        """The verdict, or what to wait for where signatures come first. Execution is the caller's:
        `execute`, once the verdict is on its way."""
        if not self.keeper.admits_sends(sending, ip=ip, now_us=self.now_us()):
            return _TOO_MANY_REQUESTS
        examined = self._examine(sending)
        if isinstance(examined, Refusal):
            return examined
        key = (examined[0].account_index, examined[0].api_key_index)
        unproved = [each for each in examined if self.checker.comes_first(each)]
        if unproved or self.lanes.is_busy(key):
            return self._submit_proved(examined, unproved, sending, turn=self.lanes.enter(key))
        return self._admit(examined, sending)

    def _examine(self, sending: Sending) -> list[Examined] | Refusal:
        now_us = self.now_us()
        examined: list[Examined] = []
        for entry in sending.entries:
            found = self.exchange.examine(entry.tx_type, entry.tx_info, now_us=now_us)
            if isinstance(found, Refusal):
                return found
            examined.append(found)
        return examined

    async def _submit_proved(
        self,
        examined: Sequence[Examined],
        unproved: Sequence[Examined],
        sending: Sending,
        *,
        turn: Turn,
    ) -> Verdict:
        try:
            for each in unproved:
                if not await self.checker.holds(each):
                    return INVALID_SIGNATURE
            await turn.comes()
            return self._admit(examined, sending)
        except VerifierUnavailable:
            return _UNVERIFIED
        finally:
            turn.leave()

    def _admit(self, examined: Sequence[Examined], sending: Sending) -> Verdict:
        now_us = self.now_us()
        protection = sending.price_protection
        treated = self.troubles.treat(examined)
        verdict: Verdict
        if sending.is_batch:
            verdict = self.exchange.admit_batch(
                examined, now_us=now_us, price_protection=protection
            )
        else:
            verdict = self.exchange.admit(examined[0], now_us=now_us, price_protection=protection)
        if isinstance(verdict, Refusal):
            for tx_hash in treated:
                self.exchange.treat(tx_hash, None)
            return verdict
        self.counts["transactions"] += len(examined)
        for each in examined:
            self.checker.note_accepted(each)
        return verdict

    def authenticate(
        self, text: str
    ) -> AuthToken | Refusal | Coroutine[None, None, AuthToken | Refusal]:
        """The token, why it is refused, or what to wait for where its signature is checked."""
        token = parse_token(text, now_s=self.now_us() // 1_000_000)
        if isinstance(token, TokenRefused):
            message = f"invalid param: auth: {token.fault.value}"
            return Refusal(code=INVALID_PARAM, message=message)
        public_key = self.exchange.public_key(token.account_index, token.api_key_index)
        if public_key is None:
            return refuse(Code.API_KEY_NOT_FOUND)
        if self.checker.trusts_token(token):
            return token
        return self._prove(token, public_key)

    async def _prove(self, token: AuthToken, public_key: str) -> AuthToken | Refusal:
        try:
            if await self.checker.token_holds(token, public_key):
                return token
        except VerifierUnavailable:
            return _UNVERIFIED
        return INVALID_SIGNATURE

    # -- sessions --

    @property
    def is_full(self) -> bool:
        """No more connections are taken (protocol §6.8)."""
        return len(self._sessions) >= self.settings.connections

    @property
    def sessions(self) -> tuple[Session, ...]:
        return tuple(self._sessions)

    def open_session(self, send: SendFrame, close: CloseSocket, *, ip: str = "") -> Session:
        """Sends `connected` at once. `close(code, reason)` is called if the server hangs up."""
        if self.is_full:
            raise TooManyConnections(f"{self.settings.connections} connections are open")
        self._sessions_opened += 1
        state = sessions.SessionState(
            f"paper-{self._sessions_opened:08x}", self.settings, now_us=self.now_us()
        )
        session = Session(self, state, send=send, close=close, ip=ip)
        self._sessions[session] = None
        session.send(state.connected())
        self.wake()
        return session

    def forget(self, session: Session) -> None:
        self._sessions.pop(session, None)

    def announce_shutdown(self, close_in_ms: int) -> None:
        for session in tuple(self._sessions):
            session.send(sessions.shutdown(close_in_ms))

    def hang_up(
        self, code: int, reason: str, *, account: int | None = None, ip: str | None = None
    ) -> None:
        """Closes every session, or those that listen to an account or come from an IP.

        With 1006 there is no closing frame: the connection just breaks.
        """
        for session in tuple(self._sessions):
            heard = {channel.account_index for channel in session.state.channels.values()}
            if (account is None or account in heard) and ip in (None, session.ip):
                session.hang_up(code, reason)
