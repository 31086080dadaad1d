"""Transactions and their verdicts as the venue's JSON says them (protocol §3.8–3.10)."""

from __future__ import annotations

from typing import Any

from hedgepair_runner.venues.paper.records import TxRecord

Json = dict[str, Any]


def tx(record: TxRecord) -> Json:
    """The `Tx` object of `account_tx` and accountTxs."""
    return {
        "hash": record.tx_hash,
        "type": record.tx_type,
        "info": record.info,
        "event_info": record.event_info,
        "status": int(record.status),
        "transaction_index": record.sequence_index % 1_000,
        "l1_address": record.l1_address,
        "account_index": record.account_index,
        "nonce": record.nonce,
        "expire_at": record.expired_at_ms,
        "block_height": record.block_height,
        "queued_at": record.queued_us // 1000,
        "executed_at": record.executed_us // 1000,
        "sequence_index": record.sequence_index,
        "parent_hash": "",
        "api_key_index": record.api_key_index,
        "transaction_time": record.executed_us,
    }


def enriched_tx(record: TxRecord) -> Json:
    """The `EnrichedTx` of `GET /tx`. Nothing is committed or verified on paper."""
    return {"code": 200, **tx(record), "committed_at": 0, "verified_at": 0}
