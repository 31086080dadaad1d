"""What others lost money on, and the test that would catch it here.

Threads of other bots' and SDKs' users, by what went wrong (issue and pull-request numbers are those
of their projects). Each names tests of this repository that must exist.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent

THREADS: dict[str, tuple[str, ...]] = {
    # -- maker filled, hedge missing --
    "hummingbot 2501, 7139, 7729, 8094, 8468: a fill during its cancel": (
        "test_a_partly_filled_quote_is_withdrawn_at_once",
        "test_a_maker_killed_around_a_fill_leaves_no_order_and_no_gap",
        "test_no_law_is_broken_under_faults_by_chance",
    ),
    "hummingbot 8468: the retried taker that completes late is counted twice": (
        "test_lost_requests_and_answers_trade_nothing_twice",
        "test_whatever_the_door_says_the_whole_order_stays_in_flight",
        "test_a_planted_bug_is_found",
    ),
    "hummingbot 3849: a taker that does not fill is not tried again": (
        "test_each_attempt_reaches_further_and_none_beyond_the_last",
        "test_what_the_book_does_not_hedge_within_the_bound_is_undone",
    ),
    "hummingbot 855, Kelp 73, 700: more is quoted than can be covered": (
        "test_nothing_is_quoted_that_an_account_could_not_carry",
        "test_nothing_rests_with_anything_unknown_forbidden_or_uncovered",
    ),
    "hummingbot 7127: the taker is refused for want of balance": (
        "test_a_hedge_that_the_account_could_not_carry_is_not_quoted_for",
        "test_what_b_refuses_for_longer_than_the_ladder_is_undone_and_told",
    ),
    "hummingbot 4779: new quotes while a hedge is pending": (
        "test_nothing_rests_with_anything_unknown_forbidden_or_uncovered",
        "test_a_quote_while_something_is_uncovered_is_found",
    ),
    "perp-dex-tools 26: flattening by the hour as a safety net": (
        "test_a_fill_hedged_twice_is_found",
        "test_what_two_sources_prove_is_undone_by_reducing_a_within_the_bound",
    ),
    # -- dust and minimum size --
    "hummingbot 5688, 5984, 6055, 6431: a partial fill below the minimum": (
        "test_what_the_venue_refuses_as_too_small_is_carried",
        "test_carried_dust_goes_with_the_next_fill",
        "test_dust_that_the_network_refuses_is_carried_into_the_next_hedge",
    ),
    "lighter-bot: clips below the minimum are refused all night": (
        "test_what_the_venue_refuses_as_too_small_is_carried",
        "test_attempts_that_fill_nothing_wait_longer_and_longer",
    ),
    # -- orders without an owner --
    "hummingbot-kubernetes: orders of a re-created pod stay": (
        "test_a_maker_killed_around_a_fill_leaves_no_order_and_no_gap",
        "test_runners_that_die_or_sleep_leave_no_order_and_every_fill_hedged_once",
    ),
    "hummingbot 366, 720, 1508, 2534, 2955: a stop that leaves or makes orders": (
        "test_a_pair_in_one_two_or_three_processes_trades_and_stops_in_order",
        "test_a_suspended_pair_runs_reports_and_rests_nothing",
    ),
    "hummingbot 3214: stopping one bot cancels the orders of others": (
        "test_orders_of_another_pair_on_the_account_are_foreign",
        "test_foreign_orders_halt_a_first_start_which_leaves_them_alone",
        "test_two_pairs_on_one_account_share_the_renewal_and_a_stop_leaves_it_to_the_other",
    ),
    "Krypto 924: stale orders after a reconnect": (
        "test_a_cut_connection_loses_no_fill",
        "test_what_a_dead_maker_left_resting_is_hedged_when_it_fills",
    ),
    # -- wrong position after a restart --
    "hummingbot-api 243, 115; condor 25: a position is left alone after a kill": (
        "test_a_hedger_killed_around_a_fill_leaves_it_hedged_once",
        "test_a_runner_killed_at_any_step_leaves_the_fill_hedged_once",
    ),
    "hummingbot 3324, 8440: a restart opens a second position": (
        "test_a_runner_that_dies_again_and_again_does_no_harm",
        "test_both_die_in_the_middle_of_a_fill",
    ),
    "nautilus 4736, 3046, 3104, 3176, 3878, 5000: reconciliation invents or repeats": (
        "test_duplicate_frames_count_once",
        "test_a_redis_that_lost_everything_costs_time_only",
        "test_what_was_compacted_is_still_a_duplicate",
        "test_an_unknown_trade_behind_the_head_puts_the_chain_in_doubt_until_proved",
        "test_one_seed_is_one_run",
    ),
    "freqtrade 10436, 2054, 3650, 8560: a trade by hand is found late": (
        "test_a_suspended_hedger_still_hedges_what_a_hand_trades",
        "test_a_foreign_position_halts_and_is_left_alone_until_it_is_named",
    ),
    # -- false alarms that trade --
    "passivbot: a hard stop closes a healthy position; 477: no stop at all": (
        "test_what_two_sources_prove_is_undone_by_reducing_a_within_the_bound",
        "test_an_unknown_result_is_never_a_breach",
    ),
    "go-trader 1366: a missing mark price liquidates a healthy leg": (
        "test_an_unknown_closes_nothing",
        "test_an_unsound_chain_on_either_side_makes_the_gap_unknown",
    ),
    # -- WebSocket --
    "lighter-python 11, 12, 84: pings are not answered, sockets close": (
        "test_ping_is_answered_with_pong",
        "test_a_lost_connection_is_told_and_what_follows_its_return_is_heard",
    ),
    "passivbot_lighter 3: a socket that is open and silent": (
        "test_a_silent_venue_is_left_after_twenty_seconds",
    ),
    "lighter-python 105, 62: offsets are not contiguous; fills lack the client's id": (
        "test_a_gap_makes_the_book_unknown_until_a_fresh_snapshot",
        "test_an_order_settles_the_slot_whose_index_it_carries",
    ),
    "OctoBot 717, hummingbot 5896, ccxt 26945, Lean 95: fill frames that never come": (
        "test_a_missing_trade_blocks_the_position_until_it_arrives",
        "test_a_cut_connection_loses_no_fill",
        "test_no_law_is_broken_under_faults_by_chance",
    ),
    # -- nonces, ids, SDK --
    "lighter-python 60, 23; ccxt 28073, 28443; hummingbot 7737: nonces collide": (
        "test_a_nonce_outside_the_band_is_never_carried",
        "test_the_lowest_open_nonce_comes_first_in_whatever_order_they_were_put",
        "test_two_transactions_at_one_nonce_are_found",
    ),
    "lighter-python 101, 103, 98: a signature is refused, a market ignored": (
        "test_the_native_signer_signs_as_the_sdk_does",
        "test_a_natively_signed_transaction_is_read_hashed_and_verified",
    ),
    "lighter-python 79, 88: a reduce-only that does nothing; directions; the sign of a position": (
        "test_a_position_is_sign_times_size",
        "test_the_sign_of_a_size_is_its_side",
    ),
    # -- rate limits and outages --
    "hummingbot 8309, Backpack-MM-Simple 18: 429s, and an empty answer read as flat": (
        "test_repeated_429s_double_the_pause_and_an_answer_forgets_them",
        "test_rest_may_fail_at_any_step_of_the_recovery",
        "test_a_planted_bug_is_found",
    ),
    "simbayippy: 503 in maintenance ends the bot; perp-dex-tools 33: None for a list": (
        "test_a_runner_waits_for_an_exchange_that_is_down_at_its_restart",
    ),
}


@cache
def named_tests() -> frozenset[str]:
    found: set[str] = set()
    for path in TESTS.rglob("test_*.py"):
        found.update(re.findall(r"^(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE))
    return frozenset(found)


@pytest.mark.parametrize("thread", THREADS)
def test_every_thread_has_tests_that_exist(thread: str) -> None:
    missing = [name for name in THREADS[thread] if name not in named_tests()]
    assert THREADS[thread]
    assert not missing
