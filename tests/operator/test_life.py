"""The life of a pair under the operator, against the fake API server, with puppets for runners."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from hedgepair_runner.contract import keys
from hedgepair_runner.contract.identity import PairId, Role
from tests.operator.conftest import Play
from tests.operator.fake_api.store import Name
from tests.operator.world import NAMESPACE, World, pair_object


async def ready(here: World, name: str = "eth", **spec: Any) -> None:
    here.apply(pair_object(name, **spec))
    await here.until(lambda: here.is_ready(name), f"{name} is ready")


def test_an_applied_pair_is_run_and_reported(play: Play) -> None:
    async def story(here: World) -> None:
        await ready(here)

        assert here.names("statefulsets") == {"eth-maker", "eth-hedger"}
        assert here.names("configmaps") == {"eth-hedgepair"}
        assert here.names("secrets") == {"eth-hedgepair-redis"}
        assert here.names("services") == here.names("networkpolicies") == {"hedgepair-runners"}
        assert here.condition("eth", "Accepted") == ("True", "Accepted")
        assert here.condition("eth", "Hedged") == ("True", "NetFlat")
        assert here.status("eth")["netExposure"] == "0.0000"
        assert here.status("eth")["maker"]["pod"] == "eth-maker-0"

    play(story)


def test_an_unchanged_world_is_left_alone_by_a_new_operator_too(play: Play) -> None:
    async def story(here: World) -> None:
        await ready(here)
        await here.quiet()
        before = list(here.api.writes)

        here.services[0][0].desk.look_at_all()
        await here.quiet()
        await here.stop()
        service = here.start()
        await here.until(lambda: service.desk.is_ready, "the new operator is at work")
        await here.quiet()

        assert here.api.writes == before

    play(story)


def test_suspend_and_resume_restart_nothing(play: Play) -> None:
    async def story(here: World) -> None:
        await ready(here)
        started = here.kubelet.started_count

        here.set_spec("eth", suspend=True)
        await here.until(
            lambda: here.condition("eth", "Suspended") == ("True", "Suspended"), "suspended"
        )
        here.set_spec("eth", suspend=False)
        await here.until(
            lambda: here.condition("eth", "Suspended") == ("False", "NotSuspended"), "resumed"
        )
        await here.until(lambda: here.is_ready("eth"), "ready")

        assert here.kubelet.started_count == started
        await here.until(lambda: "Resumed" in here.events("eth"), "it is told")
        assert "Suspended" in here.events("eth")

    play(story)


def test_suspend_with_flatten_ends_flat(play: Play) -> None:
    async def story(here: World) -> None:
        await ready(here)
        here.puppet("eth-maker-0").lots, here.puppet("eth-hedger-0").lots = 500, -500

        here.set_spec("eth", suspend=True, suspendPolicy="Flatten")

        await here.until(
            lambda: here.condition("eth", "Suspended") == ("True", "Flattened"), "flattened"
        )

    play(story)


def test_a_changed_number_is_taken_in_without_a_restart(play: Play) -> None:
    async def story(here: World) -> None:
        await ready(here)
        started, before = here.kubelet.started_count, here.status("eth")["maker"]["configHash"]

        here.set_spec("eth", quantity="0.1")
        await here.until(
            lambda: here.status("eth")["maker"]["configHash"] != before and here.is_ready("eth"),
            "the runners run the new configuration",
        )

        assert here.kubelet.started_count == started

    play(story)


def test_children_that_are_deleted_edited_or_scaled_come_back(play: Play) -> None:
    async def story(here: World) -> None:
        await ready(here)

        here.store.delete(Name("configmaps", NAMESPACE, "eth-hedgepair"))
        here.store.delete(Name("services", NAMESPACE, "hedgepair-runners"))
        sts = here.item("statefulsets", "eth-maker")
        here.store.replace(
            Name("statefulsets", NAMESPACE, "eth-maker"),
            {**sts, "spec": {**sts["spec"], "replicas": 2}},
        )
        policy = here.item("networkpolicies", "hedgepair-runners")
        here.store.replace(
            Name("networkpolicies", NAMESPACE, "hedgepair-runners"),
            {**policy, "spec": {**policy["spec"], "egress": []}},
        )

        await here.until(lambda: here.names("configmaps") == {"eth-hedgepair"}, "the ConfigMap")
        await here.until(lambda: here.names("services") == {"hedgepair-runners"}, "the Service")
        await here.until(
            lambda: here.item("statefulsets", "eth-maker")["spec"]["replicas"] == 1, "one replica"
        )
        await here.until(
            lambda: here.item("networkpolicies", "hedgepair-runners")["spec"]["egress"], "the rules"
        )
        await here.until(lambda: "eth-maker-1" not in here.names("pods"), "one maker")

    play(story)


def test_a_deleted_pair_drains_proves_and_goes_makers_first(play: Play) -> None:
    async def story(here: World) -> None:
        await ready(here)

        here.delete("eth")
        await here.until(lambda: here.is_gone("eth"), "the pair is gone")

        ends = [pod for what, pod in here.kubelet.history if what == "end"]
        assert ends == ["eth-maker-0", "eth-hedger-0"]
        for plural in ("statefulsets", "configmaps", "secrets", "pods"):
            assert here.names(plural) == set()
        await here.until(lambda: here.names("services") == set(), "the shared Service is gone")
        assert {"TeardownStarted", "TornDown"} <= set(here.events("eth"))

    play(story)


def test_a_pair_of_the_same_name_is_not_greeted_by_old_wishes(play: Play) -> None:
    async def story(here: World) -> None:
        await ready(here)
        here.set_spec("eth", quantity="0.1")
        here.set_spec("eth", quantity="0.2")
        await here.until(lambda: here.is_ready("eth"), "generation 3 runs")
        here.delete("eth")
        await here.until(lambda: here.is_gone("eth"), "the pair is gone")

        await ready(here)

        assert here.condition("eth", "Suspended") == ("False", "NotSuspended")

    play(story)


@pytest.mark.slow
def test_deletion_waits_for_proof_and_says_so_when_it_is_late(play: Play) -> None:
    async def story(here: World) -> None:
        await ready(here, teardownTimeoutSeconds=10)
        here.puppet("eth-maker-0").obeys = False

        here.delete("eth")
        await here.until(
            lambda: here.condition("eth", "Stalled") == ("True", "TeardownTimedOut"), "it is late"
        )
        assert here.names("pods") == {"eth-maker-0", "eth-hedger-0"}
        assert "force-delete" in here.message("eth", "Stalled")

        here.puppet("eth-maker-0").obeys = True
        await here.until(lambda: here.is_gone("eth"), "the pair is gone")
        await here.until(lambda: "TeardownTimedOut" in here.events("eth"), "it is told")

    play(story)


def test_force_delete_lets_go_without_proof_and_tells(play: Play) -> None:
    async def story(here: World) -> None:
        await ready(here)
        here.puppet("eth-maker-0").obeys = False
        here.delete("eth")
        await here.until(lambda: "TeardownStarted" in here.events("eth"), "it drains")

        here.annotate("eth", force_delete="true")

        await here.until(lambda: here.is_gone("eth"), "the pair is gone")
        assert "ForceDeleted" in here.events("eth")

    play(story)


def test_an_orphan_is_let_go_as_it_is(play: Play) -> None:
    async def story(here: World) -> None:
        await ready(here, deletionPolicy="Orphan")
        here.puppet("eth-maker-0").lots = 500

        here.delete("eth")
        await here.until(lambda: here.is_gone("eth"), "the pair is gone")

    play(story)


def test_flatten_on_deletion_waits_for_zero(play: Play) -> None:
    async def story(here: World) -> None:
        await ready(here, deletionPolicy="Flatten")
        here.puppet("eth-hedger-0").obeys = False

        here.delete("eth")
        await here.until(lambda: "TeardownStarted" in here.events("eth"), "it drains")
        await asyncio.sleep(1.0)
        assert not here.is_gone("eth")

        here.puppet("eth-hedger-0").obeys = True
        await here.until(lambda: here.is_gone("eth"), "the pair is gone")

    play(story)


def test_a_pair_whose_namespace_ends_is_released_and_that_is_told(play: Play) -> None:
    async def story(here: World) -> None:
        await ready(here)
        here.store.ending.add(NAMESPACE)

        here.delete("eth")
        for plural in ("statefulsets", "pods", "configmaps", "secrets"):
            for name in here.names(plural):
                place = Name(plural, NAMESPACE, name)
                if place in here.store.items:
                    here.store.delete(place)

        await here.until(lambda: here.is_gone("eth"), "the pair is gone")

    play(story)


@pytest.mark.slow
def test_reports_that_stop_make_everything_unknown(play: Play) -> None:
    async def story(here: World) -> None:
        await ready(here)

        here.puppet("eth-hedger-0").is_mute = True
        await here.until(
            lambda: here.condition("eth", "Hedged") == ("Unknown", "LegUnknown"), "unknown"
        )

        assert here.status("eth")["hedger"]["position"] == "Unknown"
        assert here.status("eth")["netExposure"] == "Unknown"
        assert "its position was +0.0000 then" in here.message("eth", "Hedged")
        assert here.condition("eth", "Ready") == ("False", "RunnerUnreachable")
        await here.until(
            lambda: here.condition("eth", "Degraded") == ("True", "StaleReport"), "degraded"
        )

    play(story)


@pytest.mark.slow
def test_a_runner_that_does_not_hear_the_exchange_knows_no_position(play: Play) -> None:
    """Its report is fresh, and what it says of positions is from before (law 3)."""

    async def story(here: World) -> None:
        await ready(here)

        here.puppet("eth-maker-0").is_deaf = True
        await here.until(
            lambda: here.condition("eth", "Hedged") == ("Unknown", "LegUnknown"), "unknown"
        )

        assert here.status("eth")["maker"]["position"] == "Unknown"
        assert here.status("eth")["netExposure"] == "Unknown"
        assert "It last heard of +0.0000" in here.message("eth", "Hedged")
        await here.until(
            lambda: here.condition("eth", "Degraded") == ("True", "VenueUnreachable"), "degraded"
        )
        here.puppet("eth-maker-0").is_deaf = False
        await here.until(
            lambda: here.condition("eth", "Hedged") == ("True", "NetFlat"), "hedged again"
        )
        await here.until(
            lambda: here.condition("eth", "Degraded") != ("True", "VenueUnreachable"), "heard again"
        )

    play(story)


def test_a_flushed_redis_gets_its_wishes_again(play: Play, redis_url: str) -> None:
    async def story(here: World) -> None:
        await ready(here)
        client = Redis.from_url(redis_url)
        key = keys.desired(PairId(namespace=NAMESPACE, pairing="eth"), Role.MAKER)

        await client.flushdb()
        while await client.get(key) is None:
            await asyncio.sleep(0.01)

        await client.aclose()

    play(story)
