"""Which wish counts and which configuration is in force: taken in whole, or not at all (law 10)."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgepair_runner.contract.desired import Desired, Wish
from hedgepair_runner.contract.manifest import HedgePair, load_manifest
from hedgepair_runner.steering import Course, Sentences, edited, first_course, turned, wish_of
from tests.contract.pairs import a_testnet_pair, as_yaml


def pair(changes: dict[str, Any] | None = None) -> HedgePair:
    return load_manifest(as_yaml(a_testnet_pair(changes)))


def tradable(_: HedgePair) -> Sentences:
    return ()


def untradable(_: HedgePair) -> Sentences:
    return ("spec.quantity is below the minimum; raise it.",)


RUNNING = first_course(pair())
SUSPENDED = first_course(pair({"spec/suspend": True}))


def desired(changes: dict[str, Any] | None = None, **parts: Any) -> Desired:
    manifest = pair(changes).as_manifest()
    whole = {"generation": 2, "step": 0, "wish": Wish.RUN, "manifest": manifest, **parts}
    return Desired(**whole)


@pytest.mark.parametrize(
    ("changes", "wish"),
    [
        pytest.param({}, Wish.RUN, id="running"),
        pytest.param({"spec/suspend": True}, Wish.SUSPEND, id="suspended"),
        pytest.param(
            {"spec/suspend": True, "spec/suspendPolicy": "Flatten"}, Wish.FLATTEN, id="flattened"
        ),
        pytest.param({"spec/suspendPolicy": "Flatten"}, Wish.RUN, id="a policy is no wish"),
    ],
)
def test_a_manifest_by_itself_is_a_wish(changes: dict[str, Any], wish: Wish) -> None:
    assert wish_of(pair(changes)) is wish
    assert first_course(pair(changes)).wish is wish


HOT: dict[str, dict[str, Any]] = {
    "quantity": {"spec/quantity": "0.06"},
    "depth": {"spec/depth": 7},
    "timeout": {"spec/timeoutSeconds": 9},
    "cycle": {"spec/cycle": "Accumulate"},
    "requoteTicks": {"spec/maker/requoteTicks": 3},
    "maxDistanceBps": {"spec/maker/maxDistanceBps": 30},
    "maxSlippageBps": {"spec/hedger/maxSlippageBps": 9},
    "maxPosition": {"spec/risk/maxPosition": "0.9"},
    "acceptedNet": {"spec/risk/acceptedNet": "0.01"},
    "onUnhedged": {"spec/risk/onUnhedged": "Halt"},
    "stopAfter": {"spec/stopAfter": {"rounds": 5}},
}


@pytest.mark.parametrize("changes", HOT.values(), ids=HOT.keys())
def test_what_may_change_in_flight_is_in_force_at_once(changes: dict[str, Any]) -> None:
    turn = turned(RUNNING, desired(changes), judge=tradable)

    assert turn.course.manifest == pair(changes)
    assert turn.course.version == (2, 0)
    assert turn.course.config_hash != RUNNING.config_hash
    assert not turn.problems


FORBIDDEN: dict[str, dict[str, Any]] = {
    "market": {"spec/market": "BTC"},
    "network": {"spec/exchange/network": "Mainnet"},
    "account": {"spec/maker/account/accountIndex": 9},
    "mode while running": {"spec/mode": "MakerOnly"},
    "side while running": {"spec/makerSide": "Sell"},
}


@pytest.mark.parametrize("changes", FORBIDDEN.values(), ids=FORBIDDEN.keys())
def test_what_may_not_change_is_refused_whole_and_the_wish_counts_all_the_same(
    changes: dict[str, Any],
) -> None:
    wanted = desired({**changes, "spec/quantity": "0.06"}, wish=Wish.SUSPEND)
    turn = turned(RUNNING, wanted, judge=tradable)

    assert turn.course.manifest == RUNNING.manifest
    assert turn.course.wish is Wish.SUSPEND
    assert turn.problems


def test_what_the_market_cannot_trade_is_refused() -> None:
    turn = turned(RUNNING, desired(HOT["quantity"]), judge=untradable)
    assert turn.course.manifest == RUNNING.manifest
    assert turn.problems == untradable(RUNNING.manifest)


def test_an_unreadable_manifest_leaves_the_one_in_force() -> None:
    broken = desired()
    turn = turned(RUNNING, replace(broken, manifest={"kind": "Pod"}), judge=tradable)
    assert turn.course.manifest == RUNNING.manifest
    assert turn.problems


def test_a_wish_without_a_manifest_changes_the_wish_alone() -> None:
    turn = turned(RUNNING, desired(manifest=None, wish=Wish.FLATTEN), judge=untradable)
    assert turn.course == replace(RUNNING, asked=Wish.FLATTEN, generation=2)


COLD: dict[str, tuple[dict[str, Any], bool]] = {
    "mode": ({"spec/mode": "HedgerOnly"}, True),
    "url": ({"spec/exchange/url": "https://x.example", "spec/exchange/chainId": 7}, True),
    "key index": ({"spec/maker/account/apiKeyIndex": 9}, False),
    "secret": ({"spec/hedger/account/secretRef": {"name": "other"}}, False),
}


@pytest.mark.parametrize(("changes", "holds"), COLD.values(), ids=COLD.keys())
def test_what_needs_a_fresh_process_waits_for_it(changes: dict[str, Any], holds: bool) -> None:
    """What changes the pair itself keeps it suspended until then; a key may wait in flight."""
    turn = turned(SUSPENDED, desired({**changes, "spec/quantity": "0.06"}), judge=tradable)

    assert turn.course.manifest == SUSPENDED.manifest
    assert turn.course.asked is Wish.RUN
    assert turn.course.wish is (Wish.SUSPEND if holds else Wish.RUN)
    assert all("next start" in sentence for sentence in turn.problems)


def test_taking_a_cold_change_back_lifts_what_it_held() -> None:
    held = turned(SUSPENDED, desired(COLD["mode"][0]), judge=tradable).course
    assert held.wish is Wish.SUSPEND
    lifted = turned(held, desired(generation=3), judge=tradable).course
    assert lifted.wish is Wish.RUN
    assert not lifted.awaits_restart


def test_the_side_may_change_while_suspended_and_counts_at_once() -> None:
    turn = turned(SUSPENDED, desired({"spec/makerSide": "Sell"}), judge=tradable)
    assert turn.course.manifest == pair({"spec/makerSide": "Sell"})


versions = st.tuples(st.integers(0, 4), st.integers(0, 3))


@given(st.lists(st.tuples(versions, st.sampled_from(Wish)), max_size=8))
def test_versions_never_go_backwards_in_whatever_order_they_come(
    said: list[tuple[tuple[int, int], Wish]],
) -> None:
    first_said: dict[tuple[int, int], Wish] = {}
    course: Course = RUNNING
    seen = [course.version]
    for (generation, step), wish in said:
        word = Desired(generation=generation, step=step, wish=wish)
        course = turned(course, word, judge=tradable).course
        seen.append(course.version)
        first_said.setdefault((generation, step), wish)

    assert all(later >= earlier for earlier, later in itertools.pairwise(seen))
    newest = max(first_said, default=(0, 0))
    if newest > (0, 0):
        assert (course.version, course.asked) == (newest, first_said[newest])


# -- edits of a manifest's own file --------------------------------------------------------------


def test_an_edit_is_a_wish_of_a_newer_generation() -> None:
    course = replace(RUNNING, generation=4, step=7)
    wanted = edited(course, as_yaml(a_testnet_pair({"spec/suspend": True})), judge=tradable)

    assert isinstance(wanted, Desired)
    assert (wanted.version, wanted.wish) == ((5, 0), Wish.SUSPEND)
    assert turned(course, wanted, judge=tradable).course.manifest.spec.suspend


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(as_yaml(a_testnet_pair({"spec/market": "BTC"})), id="forbidden"),
        pytest.param(as_yaml(a_testnet_pair({"spec/depht": 3})), id="misspelt"),
        pytest.param("{", id="no YAML"),
        pytest.param("", id="emptied"),
    ],
)
def test_an_edit_that_is_refused_is_refused_whole(text: str) -> None:
    refusal = edited(RUNNING, text, judge=tradable)
    assert isinstance(refusal, tuple)
    assert refusal
