"""The simulator's checklist (protocol §9), row by row, each with the tests that prove it.

The fault list of the same section is walked by `test_faults.py`.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent

ROWS = {
    "1 every REST path of the list, JSON everywhere": (
        "test_sdk_models.py::test_the_tables_hold_every_path_of_the_api",
        "test_sdk_models.py::test_a_read_is_what_its_model_says",
    ),
    "2 every channel, ping and pong, idle close, shutdown": (
        "test_sdk_models.py::test_what_a_channel_carries_is_what_the_model_says",
        "test_sessions.py::test_the_server_pings_every_minute_and_closes_who_stays_silent_for_two",
        "test_sessions.py::test_the_shutdown_is_announced_and_every_socket_closed",
    ),
    "3 auth: token form, expiry, account, signature; 20001 without": (
        "test_sessions.py::test_a_private_channel_wants_the_accounts_own_token",
        "test_sdk_round_trip.py::test_a_private_read_with_a_forged_token_is_refused",
    ),
    "4 intake in the documented order; a refusal leaves the nonce": (
        "test_error_codes.py::",
        "test_nonces.py::test_a_refusal_consumes_nothing_and_queued_transactions_count",
    ),
    "5 a delay queue per key, first in, first out": (
        "test_nonces.py::test_takers_wait_longer_than_makers",
        "test_nonces.py::test_a_taker_holds_up_what_comes_behind_it_on_its_key_only",
    ),
    "6 the engine, one increasing nonce, order ids": (
        "test_matching_trades.py::test_every_change_has_its_own_engine_nonce_in_order",
        "test_matching_trades.py::test_order_indexes_count_up_for_asks_and_down_for_bids_per_market",
        "test_model.py::test_no_story_breaks_the_venue",
    ),
    "7 book batches of 50 ms, nonce chain, consistent snapshots": (
        "test_publishing.py::test_the_book_is_gathered_for_fifty_milliseconds",
        "test_publishing.py::test_whoever_follows_the_chain_holds_the_same_book",
    ),
    "8 account channels in causal order": (
        "test_publishing.py::test_a_fill_is_told_as_order_trade_position_and_last_the_verdict",
    ),
    "9 funding, fees, dead man's switch, expiry, rate limits, quota": (
        "test_funding.py::test_on_the_hour_longs_pay_shorts_to_the_last_unit",
        "test_quota.py::test_the_tiers",
        "test_cancel_all.py::test_a_scheduled_one_fires_at_its_time",
        "test_matching_trades.py::test_an_expired_maker_leaves_at_its_time",
        "test_rate_limits.py::test_the_sixty_first_request_of_a_minute_is_429_with_23000",
        "test_quota.py::test_at_zero_one_transaction_is_free_every_15_seconds",
    ),
    "10 several accounts and a market that trades with them": (
        "test_generator.py::test_an_order_fills_at_any_depth",
        "test_stranger.py::test_a_client_of_the_sdk_alone_makes_a_round_trip_on_two_accounts",
    ),
}


@pytest.mark.parametrize("row", ROWS)
def test_the_row_is_proved_by_tests_that_exist(row: str) -> None:
    for proof in ROWS[row]:
        file, _, name = proof.partition("::")
        text = (FOLDER / file).read_text(encoding="utf-8")

        assert re.search(rf"def {name or 'test_'}", text), proof
