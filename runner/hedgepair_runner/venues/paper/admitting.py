"""From the text of a transaction to its place in the queue (protocol §9.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import orjson

from hedgepair_runner.venues.paper.accounts import Account, is_account_index, is_key_index
from hedgepair_runner.venues.paper.engine import Engine
from hedgepair_runner.venues.paper.events import TxChanged
from hedgepair_runner.venues.paper.intake import Intake, uses_quota
from hedgepair_runner.venues.paper.queueing import DelayQueue, Queued
from hedgepair_runner.venues.paper.records import TxRecord, TxStatus
from hedgepair_runner.venues.paper.refusals import Code, refuse
from hedgepair_runner.venues.paper.transaction_shapes import TX_TYPES
from hedgepair_runner.venues.paper.transactions import (
    InvalidTransaction,
    parse_transaction,
    transaction_hash,
)
from hedgepair_runner.venues.paper.treatments import UNTREATED
from hedgepair_runner.venues.paper.views import Accepted, AcceptedBatch, Examined, Refusal

MAX_BATCH = 50
_REDUCE_ONLY = frozenset({Code.REDUCE_ONLY_INCREASES, Code.INVALID_REDUCE_ONLY_DIRECTION})
_NO_QUOTA_USED = '{"ratelimit": "didn\'t use volume quota"}'


class Admission:
    """Examines transactions and puts those without objection in the queue."""

    def __init__(
        self, engine: Engine, queue: DelayQueue, *, chain_id: int, key_of: Callable[[int, int], str]
    ) -> None:
        self._engine = engine
        self._queue = queue
        self._intake = Intake(engine, queue)
        self._chain_id = chain_id
        self._key_of = key_of
        self._sequence = 0

    def examine(
        self, tx_type: int, tx_info: str | Mapping[str, object], *, now_us: int
    ) -> Examined | Refusal:
        """Form, account, key, ExpiredAt; a transaction whose time has passed is 21501."""
        try:
            tx = parse_transaction(tx_type, tx_info)
        except InvalidTransaction as error:
            return Refusal(code=error.code, message=error.message)
        if not is_account_index(tx.account_index):
            return refuse(Code.ACCOUNT_NOT_FOUND)
        if not is_key_index(tx.api_key_index):
            return refuse(Code.API_KEY_NOT_FOUND)
        if tx.expired_at_ms * 1_000 <= now_us:
            return refuse(Code.INVALID_TX_INFO)
        return Examined(
            tx=tx,
            tx_type=TX_TYPES[type(tx)],
            tx_hash=transaction_hash(tx, chain_id=self._chain_id).hex(),
            info=tx_info if isinstance(tx_info, str) else orjson.dumps(tx_info).decode(),
            account_index=tx.account_index,
            api_key_index=tx.api_key_index,
            public_key=self._key_of(tx.account_index, tx.api_key_index),
        )

    def admit(
        self, examined: Examined, *, now_us: int, price_protection: bool
    ) -> Accepted | Refusal:
        account = self._engine.accounts.use(examined.account_index, now_us)
        outcome = self._enqueue(examined, account, now_us, price_protection)
        if isinstance(outcome, Refusal):
            return outcome
        self._tell(outcome, now_us)
        return Accepted(
            tx_hash=examined.tx_hash,
            predicted_execution_ms=self._predicted_ms(outcome),
            volume_quota_remaining=quota_of(account),
            message=_message(account, [examined]),
            due_us=outcome.due_us,
        )

    def admit_batch(
        self, batch: Sequence[Examined], *, now_us: int, price_protection: bool
    ) -> AcceptedBatch | Refusal:
        """All or none (protocol §12)."""
        conflict = _batch_conflict(batch)
        if conflict is not None:
            return refuse(conflict)
        account = self._engine.accounts.use(batch[0].account_index, now_us)
        quota_before = account.quota.snapshot()
        queued: list[Queued] = []
        for examined in batch:
            outcome = self._enqueue(examined, account, now_us, price_protection)
            if isinstance(outcome, Refusal):
                for earlier in reversed(queued):
                    self._queue.withdraw(earlier)
                    self._engine.history.forget_tx(earlier.record.tx_hash)
                account.quota.restore(quota_before)
                return outcome
            queued.append(outcome)
        for each in queued:
            self._tell(each, now_us)
        return AcceptedBatch(
            tx_hashes=tuple(examined.tx_hash for examined in batch),
            predicted_execution_ms=self._predicted_ms(queued[-1]),
            volume_quota_remaining=quota_of(account),
            message=_message(account, batch),
        )

    def _enqueue(
        self, examined: Examined, account: Account, now_us: int, price_protection: bool
    ) -> Queued | Refusal:
        tx = examined.tx
        objection = self._intake.objection(
            tx, account, now_us=now_us, price_protection=price_protection
        )
        treatment = self._engine.treatments.get(examined.tx_hash, UNTREATED)
        if objection in _REDUCE_ONLY and treatment.hides_reduce_only:
            objection = None
        if objection is not None:
            if self._engine.settings.refusal_uses_nonce and objection is not Code.INVALID_NONCE:
                self._queue.use_up(tx)
            return refuse(objection)
        if account.tier.has_volume_quota and uses_quota(tx):
            account.quota.spend(now_us)
        due_us = self._queue.due_us(tx, now_us, self._intake.delay_us(tx, account))
        self._sequence += 1
        record = TxRecord(
            tx_hash=examined.tx_hash,
            tx_type=examined.tx_type,
            info=examined.info,
            account_index=tx.account_index,
            api_key_index=tx.api_key_index,
            nonce=tx.nonce,
            expired_at_ms=tx.expired_at_ms,
            status=TxStatus.PENDING,
            queued_us=now_us,
            sequence_index=self._sequence,
            l1_address=self._engine.accounts.l1_address(tx.account_index),
        )
        self._engine.history.put_tx(record)
        return self._queue.put(tx, record, due_us + treatment.extra_us)

    def _predicted_ms(self, queued: Queued) -> int:
        """Without the lateness that a fault adds."""
        treatment = self._engine.treatments.get(queued.record.tx_hash, UNTREATED)
        return (queued.due_us - treatment.extra_us) // 1_000

    def _tell(self, queued: Queued, now_us: int) -> None:
        """A transaction that waits is news; one that is due at once has its verdict at once."""
        if queued.due_us > now_us:
            self._engine.emit(TxChanged(record=queued.record))


def quota_of(account: Account) -> int | None:
    return account.quota.remaining if account.tier.has_volume_quota else None


def _message(account: Account, batch: Sequence[Examined]) -> str:
    quota = quota_of(account)
    if quota is None or not any(uses_quota(examined.tx) for examined in batch):
        return _NO_QUOTA_USED
    return f"{quota} volume quota remaining."


def _batch_conflict(batch: Sequence[Examined]) -> Code | None:
    """One account, one key, rising nonces, at most 50 (protocol §3.9)."""
    if not batch:
        return Code.INVALID_TX_INFO
    if len(batch) > MAX_BATCH:
        return Code.BATCH_TOO_LONG
    if len({(examined.account_index, examined.api_key_index) for examined in batch}) > 1:
        return Code.BATCH_OF_MANY_KEYS
    nonces = [examined.tx.nonce for examined in batch]
    if any(later <= earlier for earlier, later in pairwise(nonces)):
        return Code.BATCH_NONCE_NOT_INCREASING
    return None
