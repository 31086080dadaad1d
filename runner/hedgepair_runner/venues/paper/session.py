"""Carries out what a WebSocket session's frames ask for."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, assert_never

from hedgepair_runner.venues.paper import sessions
from hedgepair_runner.venues.paper.channels import ALL_MARKETS, Channel
from hedgepair_runner.venues.paper.fates import UNHARMED, Instead, Loss, RequestFate
from hedgepair_runner.venues.paper.reading import auth_required, foreign_token
from hedgepair_runner.venues.paper.refusals import Code, refuse
from hedgepair_runner.venues.paper.timed_faults import ABNORMAL_CLOSURE
from hedgepair_runner.venues.paper.tokens import AuthToken
from hedgepair_runner.venues.paper.views import Accepted, AcceptedBatch, Refusal

if TYPE_CHECKING:
    from hedgepair_runner.venues.paper.gateway import Gateway, Verdict
    from hedgepair_runner.venues.paper.lanes import Turn

SendFrame = Callable[[bytes], None]
"""Must not block and must not call back into the gateway."""
CloseSocket = Callable[[int, str], None]

POLICY_VIOLATION = 1_008
Pending = Coroutine[None, None, None]


class Session:
    """One connection. After `close`, or once hung up, it sends nothing more."""

    def __init__(
        self,
        gateway: Gateway,
        state: sessions.SessionState,
        *,
        send: SendFrame,
        close: CloseSocket,
        ip: str = "",
    ) -> None:
        self.state = state
        self.ip = ip
        self.is_open = True
        self._gateway = gateway
        self._send = send
        self._close = close

    # -- frames out --

    def send(self, frame: bytes) -> None:
        if self.is_open:
            self._send(frame)

    def close(self) -> None:
        """The client is gone, or will be."""
        if not self.is_open:
            return
        self.is_open = False
        for channel in self.state.channels.values():
            self._gateway.publisher.unsubscribe(channel, self)
        self.state.channels.clear()
        self._gateway.forget(self)

    def hang_up(self, code: int, reason: str) -> None:
        if self.is_open:
            self.close()
            self._close(code, reason)

    # -- liveness --

    def heard(self) -> None:
        """A sign of life below the frames, such as a protocol-level ping (protocol §12)."""
        self.state.heard_us = self._gateway.now_us()

    def keep_alive(self, now_us: int) -> None:
        if self.state.is_idle(now_us):
            self.hang_up(POLICY_VIOLATION, "idle")
        elif self.state.wants_ping(now_us):
            self.state.pinged_us = now_us
            if not self._gateway.troubles.withholds_ping(self, is_answer=False):
                self.send(sessions.PING)

    # -- frames in --

    async def receive(self, frame: str | bytes) -> None:
        """Returns when the frame is answered."""
        pending = self.begin(frame)
        if pending is not None:
            await pending

    def begin(self, frame: str | bytes) -> Pending | None:
        """Answers at once, or says what is left to be awaited where a signature comes first.

        Later frames may begin before: answers that wait keep their order, and so do the
        transactions of a key.
        """
        if not self.is_open:
            return None
        now_us = self._gateway.now_us()
        command = self._within_limits(self.state.read(frame, now_us=now_us), now_us)
        match command:
            case sessions.Ping():
                if not self._gateway.troubles.withholds_ping(self, is_answer=True):
                    self.send(sessions.PONG)
            case sessions.Pong():
                pass
            case sessions.Refused(refusal=refusal, request_id=request_id):
                self.send(sessions.error(refusal, request_id))
            case sessions.Submit():
                return self._submit(command)
            case sessions.Subscribe() | sessions.Unsubscribe():
                return self._change(command)
            case _:
                assert_never(command)
        return None

    def _within_limits(self, command: sessions.Command, now_us: int) -> sessions.Command:
        """Messages of all connections of an IP count together (protocol §6.8)."""
        if isinstance(command, sessions.Submit | sessions.Refused):
            return command
        limiter = self._gateway.keeper.limiter
        if limiter.admit_message(ip=self.ip, now_us=now_us):
            return command
        return sessions.Refused(refusal=sessions.TOO_MANY_MESSAGES)

    # -- transactions --

    def _submit(self, command: sessions.Submit) -> Pending | None:
        gateway = self._gateway
        fate = gateway.troubles.of_frame(command.sending, self.ip)
        if fate is not UNHARMED:
            gateway.note_copies(command.sending, fate)
            if fate.request is not Loss.NONE:
                self._lose(fate.request)
                return None
        if fate.before_us or gateway.lanes.is_busy(self._wire):
            return self._submit_late(command, fate, turn=gateway.lanes.enter(self._wire))
        return self._submit_now(command, fate)

    @property
    def _wire(self) -> tuple[str, str]:
        """On one connection a frame that is late holds up those behind it."""
        return ("wire", self.state.session_id)

    async def _submit_late(
        self, command: sessions.Submit, fate: RequestFate, *, turn: Turn
    ) -> None:
        try:
            if fate.before_us:
                await self._gateway.until(self._gateway.now_us() + fate.before_us)
            await turn.comes()
            pending = self._submit_now(command, fate)
        finally:
            turn.leave()
        if pending is not None:
            await pending

    def _submit_now(self, command: sessions.Submit, fate: RequestFate) -> Pending | None:
        refusal = fate.refusal
        if fate.instead is Instead.RATE_LIMITED:
            refusal = refuse(Code.TOO_MANY_REQUESTS)
        if refusal is not None:
            self._tell(command, refusal, fate)
            return None
        verdict = self._gateway.submit(command.sending, ip=self.ip)
        if isinstance(verdict, Accepted | AcceptedBatch | Refusal):
            self._tell(command, verdict, fate)
            return None
        return self._tell_later(command, verdict, fate)

    async def _tell_later(
        self, command: sessions.Submit, verdict: Coroutine[None, None, Verdict], fate: RequestFate
    ) -> None:
        self._tell(command, await verdict, fate)

    def _tell(self, command: sessions.Submit, verdict: Verdict, fate: RequestFate) -> None:
        """The answer first, then what the transaction brought about."""
        gateway = self._gateway
        if isinstance(verdict, Refusal):
            gateway.refusals[verdict.code] += 1
            self._answer(sessions.tx_refused(command, verdict, shape=gateway.answer_shape), fate)
            return
        complete = gateway.settings.complete_fields
        shape = gateway.answer_shape
        self._answer(sessions.accepted(command, verdict, complete=complete, shape=shape), fate)
        gateway.execute(gateway.now_us())
        gateway.wake()

    def _answer(self, frame: bytes, fate: RequestFate) -> None:
        if fate.answer is not Loss.NONE:
            self._lose(fate.answer)
        elif fate.after_us:
            gateway = self._gateway
            gateway.agenda.note(gateway.now_us() + fate.after_us, partial(self.send, frame))
            gateway.wake()
        else:
            self.send(frame)

    def _lose(self, loss: Loss) -> None:
        if loss is Loss.CUT:
            self.hang_up(ABNORMAL_CLOSURE, "fault")

    # -- subscriptions --

    def _change(self, command: sessions.Subscribe | sessions.Unsubscribe) -> Pending | None:
        lanes, lane = self._gateway.lanes, ("session", self.state.session_id)
        token: AuthToken | Refusal | Coroutine[None, None, AuthToken | Refusal] | None = None
        if isinstance(command, sessions.Subscribe) and command.channel.needs_token:
            token = self._authenticated(command)
        if lanes.is_busy(lane) or not (token is None or isinstance(token, AuthToken | Refusal)):
            self.state.in_flight += 1
            return self._change_later(command, token, turn=lanes.enter(lane))
        self._carry_out(command, token)
        return None

    def _authenticated(
        self, command: sessions.Subscribe
    ) -> AuthToken | Refusal | Coroutine[None, None, AuthToken | Refusal]:
        if command.token is None:
            return auth_required(command.channel.name)
        return self._gateway.authenticate(command.token)

    async def _change_later(
        self,
        command: sessions.Subscribe | sessions.Unsubscribe,
        token: AuthToken | Refusal | Coroutine[None, None, AuthToken | Refusal] | None,
        *,
        turn: Turn,
    ) -> None:
        try:
            if not (token is None or isinstance(token, AuthToken | Refusal)):
                token = await token
            await turn.comes()
            if self.is_open:
                self._carry_out(command, token)
        finally:
            self.state.in_flight -= 1
            turn.leave()

    def _carry_out(
        self,
        command: sessions.Subscribe | sessions.Unsubscribe,
        token: AuthToken | Refusal | None,
    ) -> None:
        channel = command.channel
        if isinstance(command, sessions.Subscribe):
            refusal = self._objection(channel, token)
            if refusal is not None:
                self.send(sessions.error(refusal))
                return
            self.state.channels[channel.name] = channel
            self._gateway.publisher.subscribe(channel, self, now_us=self._gateway.now_us())
            self._gateway.wake()
        elif channel.name not in self.state.channels:
            self.send(sessions.error(sessions.not_subscribed(channel)))
        else:
            held = self.state.channels.pop(channel.name)
            self._gateway.publisher.unsubscribe(held, self)
            self.send(sessions.unsubscribed(channel))

    def _objection(self, channel: Channel, token: AuthToken | Refusal | None) -> Refusal | None:
        if isinstance(token, Refusal):
            return token
        if token is not None and token.account_index != channel.account_index:
            return foreign_token()
        exchange = self._gateway.exchange
        market_id = channel.market_id
        if market_id not in (None, ALL_MARKETS) and market_id not in exchange.markets:
            return sessions.INVALID_CHANNEL
        if channel.account_index is not None and exchange.account(channel.account_index) is None:
            return sessions.INVALID_CHANNEL
        return self.state.objection(channel) or self._past_limits_of_ip(channel)

    def _past_limits_of_ip(self, channel: Channel) -> Refusal | None:
        """Subscriptions and accounts of all connections of an IP (protocol §6.8)."""
        gateway = self._gateway
        if not gateway.keeper.is_on:
            return None
        limits = gateway.keeper.limiter.settings
        held = [
            each
            for session in gateway.sessions
            if session.ip == self.ip
            for each in session.state.channels.values()
        ]
        if len(held) >= limits.subscriptions_per_ip:
            return sessions.TOO_MANY_SUBSCRIPTIONS
        accounts = {each.account_index for each in held} - {None}
        is_new = channel.account_index is not None and channel.account_index not in accounts
        if is_new and len(accounts) >= limits.accounts_per_ip:
            return sessions.TOO_MANY_ACCOUNTS
        return None
