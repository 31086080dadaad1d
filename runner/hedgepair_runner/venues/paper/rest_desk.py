"""HTTP requests at the gateway: limits, faults, tokens and replicas before the answer itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hedgepair_runner.venues.paper import sessions
from hedgepair_runner.venues.paper.fates import UNHARMED, Instead, Loss, RequestFate
from hedgepair_runner.venues.paper.gatekeeper import (
    BAD_GATEWAY,
    FIREWALL,
    RATE_LIMITED,
    TOO_MANY_CONNECTIONS,
)
from hedgepair_runner.venues.paper.parameters import Parameters
from hedgepair_runner.venues.paper.reading import Read
from hedgepair_runner.venues.paper.refusals import Code, refuse
from hedgepair_runner.venues.paper.rest import (
    NOT_FOUND,
    Auth,
    RestAnswer,
    RestRequest,
    Route,
    Submission,
    answer_read,
    answered,
    endpoint_of,
    find_route,
    read_sending,
    refused,
)
from hedgepair_runner.venues.paper.tokens import AuthToken
from hedgepair_runner.venues.paper.views import Accepted, AcceptedBatch, Refusal

if TYPE_CHECKING:
    from hedgepair_runner.venues.paper.gateway import Gateway

_BATCH_TOO_LONG = refuse(Code.BATCH_TOO_LONG)
_TOO_MANY_REQUESTS = refuse(Code.TOO_MANY_REQUESTS)
_INSTEAD = {
    Instead.RATE_LIMITED: RATE_LIMITED,
    Instead.FIREWALL: FIREWALL,
    Instead.BAD_GATEWAY: BAD_GATEWAY,
}


class RestDesk:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def answer(self, request: RestRequest) -> RestAnswer:
        """What a request comes to, faults included; a lost answer says so itself."""
        gateway = self._gateway
        route = find_route(request.method, request.path)
        if gateway.keeper.limiter.is_blocked(request.ip, gateway.now_us()):
            return FIREWALL
        fate = gateway.troubles.of_request(request, route)
        if fate is UNHARMED:
            return await self._served(request, route)
        if isinstance(route, Submission):
            gateway.note_copies(read_sending(request.form, route), fate)
        if fate.request is not Loss.NONE:
            return replace(RATE_LIMITED, loss=fate.request)
        if fate.before_us:
            await gateway.until(gateway.now_us() + fate.before_us)
        answer = self._instead(fate, request.ip) or await self._served(request, route)
        if fate.after_us:
            await gateway.until(gateway.now_us() + fate.after_us)
        return replace(answer, loss=fate.answer)

    def _instead(self, fate: RequestFate, ip: str) -> RestAnswer | None:
        gateway = self._gateway
        if fate.block_us is not None:
            gateway.keeper.limiter.block(ip, until_us=gateway.now_us() + fate.block_us)
        if fate.instead is not None:
            return _INSTEAD[fate.instead]
        return refused(fate.refusal) if fate.refusal is not None else None

    async def _served(self, request: RestRequest, route: Route | Submission | None) -> RestAnswer:
        gateway = self._gateway
        gateway.counts["other" if route is None else endpoint_of(request.path)] += 1
        match route:
            case None:
                return NOT_FOUND
            case Submission():
                return await self._submission(request, route)
            case Route():
                return await self._read(request, route)

    async def _read(self, request: RestRequest, route: Route) -> RestAnswer:
        gateway = self._gateway
        claim: AuthToken | None = None
        objection: Refusal | None = None
        if request.token and (route.auth is not Auth.NONE or gateway.keeper.is_on):
            found = gateway.authenticate(request.token)
            if not isinstance(found, AuthToken | Refusal):
                found = await found
            if isinstance(found, AuthToken):
                claim = found
            else:
                objection = found
        endpoint, now_us = endpoint_of(request.path), gateway.now_us()
        if not gateway.keeper.admits_read(endpoint, ip=request.ip, claim=claim, now_us=now_us):
            return self._refused(_TOO_MANY_REQUESTS)
        if objection is not None and route.auth is not Auth.NONE:
            return self._refused(objection)
        changes = request.method == "POST"
        exchange, at_us = (
            (gateway.exchange, now_us) if changes else gateway.replica(endpoint, now_us)
        )
        read = Read(
            exchange=exchange,
            settings=gateway.settings,
            chain_id=gateway.chain_id,
            now_us=at_us,
            parameters=Parameters(request.form if changes else request.query),
            claim=claim,
        )
        answer = answer_read(route, read)
        if changes:
            gateway.execute(now_us)
            gateway.wake()
        return answer

    async def _submission(self, request: RestRequest, submission: Submission) -> RestAnswer:
        gateway = self._gateway
        sending = read_sending(request.form, submission)
        if isinstance(sending, Refusal):
            admitted = gateway.keeper.admits_nonsense(ip=request.ip, now_us=gateway.now_us())
            return self._refused(sending if admitted else _TOO_MANY_REQUESTS)
        if len(sending.entries) > gateway.settings.txs_per_rest_batch:
            return self._refused(_BATCH_TOO_LONG)
        verdict = gateway.submit(sending, ip=request.ip)
        if not isinstance(verdict, Accepted | AcceptedBatch | Refusal):
            verdict = await verdict
        if isinstance(verdict, Refusal):
            return self._refused(verdict)
        gateway.execute(gateway.now_us())
        gateway.wake()
        complete = gateway.settings.complete_fields
        return answered(sessions.receipt(verdict, complete=complete))

    def _refused(self, refusal: Refusal) -> RestAnswer:
        self._gateway.refusals[refusal.code] += 1
        return refused(refusal)

    async def handshake(self, ip: str) -> RestAnswer | None:
        """Why no WebSocket is opened, as the answer to its first request; None: it is."""
        gateway = self._gateway
        now_us = gateway.now_us()
        if gateway.keeper.limiter.is_blocked(ip, now_us):
            return FIREWALL
        fate = gateway.troubles.of_handshake(ip)
        lost = fate.request if fate.request is not Loss.NONE else fate.answer
        if lost is not Loss.NONE:
            return replace(RATE_LIMITED, loss=lost)
        if fate.before_us + fate.after_us:
            await gateway.until(now_us + fate.before_us + fate.after_us)
        instead = self._instead(fate, ip)
        if instead is not None:
            return instead
        mine = sum(session.ip == ip for session in gateway.sessions)
        if gateway.is_full or not gateway.keeper.admits_connection(
            ip=ip, open_connections=mine, now_us=gateway.now_us()
        ):
            return TOO_MANY_CONNECTIONS
        return None
