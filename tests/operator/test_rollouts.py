"""Restarts in order: pause → hedged → hedger → ready → maker → run (design §7)."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tests.operator.conftest import Play
from tests.operator.world import World, pair_object


def restarts(here: World) -> list[str]:
    """Pods that ended, in order."""
    return [pod for what, pod in here.kubelet.history if what == "end"]


async def _ready(here: World, **spec: object) -> None:
    here.apply(pair_object("eth") | {"spec": pair_object("eth")["spec"] | spec})
    await here.until(lambda: here.is_ready("eth"), "the pair runs")


def test_a_flat_pair_is_restarted_hedger_first_while_the_maker_is_paused(play: Play) -> None:
    async def story(here: World) -> None:
        await _ready(here)

        here.set_spec("eth", runner={"image": "runner:2"})
        await here.until(
            lambda: here.is_ready("eth") and here.status("eth")["runnerImage"] == "runner:2",
            "both run the new image",
        )

        assert restarts(here) == ["eth-hedger-0", "eth-maker-0"]
        # Each pod goes once, by its uid; a look through a cache that is behind tells it once more.
        assert here.events("eth").count("RunnerRestarted") >= 2
        await here.until(lambda: "RolledOut" in here.events("eth"), "it is told")
        assert here.condition("eth", "Suspended") == ("False", "NotSuspended")

    play(story)


def test_a_pair_that_holds_positions_waits_until_it_is_flat(play: Play) -> None:
    async def story(here: World) -> None:
        await _ready(here)
        here.puppet("eth-maker-0").lots, here.puppet("eth-hedger-0").lots = 500, -500
        await asyncio.sleep(0.5)

        here.set_spec("eth", runner={"image": "runner:2"})
        await here.until(
            lambda: here.condition("eth", "Ready") == ("False", "AwaitingFlat"), "it waits"
        )
        await asyncio.sleep(0.5)
        assert restarts(here) == []
        assert here.condition("eth", "Hedged") == ("True", "NetFlat")

        here.puppet("eth-maker-0").lots, here.puppet("eth-hedger-0").lots = 0, 0
        await here.until(lambda: here.is_ready("eth"), "it was restarted")
        assert restarts(here) == ["eth-hedger-0", "eth-maker-0"]

    play(story)


def test_immediate_does_not_wait_for_flat(play: Play) -> None:
    async def story(here: World) -> None:
        await _ready(here, rolloutPolicy="Immediate")
        here.puppet("eth-maker-0").lots, here.puppet("eth-hedger-0").lots = 500, -500

        here.set_spec("eth", runner={"image": "runner:2"})

        await here.until(lambda: len(restarts(here)) == 2, "both were restarted")
        await here.until(lambda: here.is_ready("eth"), "it runs")

    play(story)


def test_manual_reports_and_waits_for_a_person(play: Play) -> None:
    async def story(here: World) -> None:
        await _ready(here, rolloutPolicy="Manual")

        here.set_spec("eth", runner={"image": "runner:2"})
        await here.until(
            lambda: here.condition("eth", "Ready") == ("True", "RolloutPending"), "it reports"
        )
        await asyncio.sleep(0.3)
        assert restarts(here) == []

        here.edit(
            "eth",
            lambda item: (
                item["metadata"]
                .setdefault("annotations", {})
                .update({"hedgepair.io/restartedAt": "2026-01-01T00:00:00Z"})
            ),
        )
        await here.until(lambda: len(restarts(here)) == 2, "both were restarted")
        await here.until(lambda: here.condition("eth", "Ready") == ("True", "RunnersUp"), "ready")

    play(story)


def test_restarted_at_restarts_once(play: Play) -> None:
    async def story(here: World) -> None:
        await _ready(here)

        here.edit(
            "eth",
            lambda item: (
                item["metadata"]
                .setdefault("annotations", {})
                .update({"hedgepair.io/restartedAt": "now"})
            ),
        )
        await here.until(lambda: len(restarts(here)) == 2, "both were restarted")
        await here.until(lambda: here.is_ready("eth"), "ready")
        await here.quiet()

        assert restarts(here) == ["eth-hedger-0", "eth-maker-0"]

    play(story)


def test_a_standby_hedger_is_restarted_before_the_one_in_charge(play: Play) -> None:
    async def story(here: World) -> None:
        hedger = {"account": {"accountIndex": 102}, "standby": True}
        await _ready(here, hedger=hedger)
        await here.until(lambda: "eth-hedger-1" in here.names("pods"), "there is a standby")

        here.set_spec("eth", runner={"image": "runner:2"})
        await here.until(lambda: len(restarts(here)) == 3, "all were restarted")
        await here.until(lambda: here.is_ready("eth"), "ready")

        assert restarts(here) == ["eth-hedger-1", "eth-hedger-0", "eth-maker-0"]

    play(story)


def test_a_suspended_pair_is_restarted_without_waiting(play: Play) -> None:
    async def story(here: World) -> None:
        await _ready(here, suspend=True)
        here.puppet("eth-maker-0").lots, here.puppet("eth-hedger-0").lots = 500, -500

        here.set_spec("eth", runner={"image": "runner:2"})

        await here.until(lambda: len(restarts(here)) == 2, "both were restarted")
        await here.until(lambda: here.is_ready("eth"), "ready")
        assert here.condition("eth", "Suspended") == ("True", "Suspended")

    play(story)


def test_another_default_image_rolls_and_another_operator_alone_does_not(play: Play) -> None:
    async def story(here: World) -> None:
        await _ready(here)
        await here.stop()
        here.settings = replace(here.settings, own_name="another-operator")
        service = here.start()
        await here.until(lambda: service.desk.is_ready, "the operator is at work")
        await here.quiet()
        assert restarts(here) == []

        await here.stop()
        here.settings = replace(here.settings, runner_image="runner:2")
        here.start()
        await here.until(lambda: len(restarts(here)) == 2, "both were restarted")

    play(story)


def test_a_mode_change_after_suspend_prunes_what_is_not_wanted(play: Play) -> None:
    async def story(here: World) -> None:
        await _ready(here, suspend=True)

        here.set_spec("eth", mode="MakerOnly")
        await here.until(lambda: here.names("statefulsets") == {"eth-maker"}, "no hedger")
        here.set_spec("eth", mode="HedgerOnly")
        await here.until(lambda: here.names("statefulsets") == {"eth-hedger"}, "no maker")
        here.set_spec("eth", mode="Hedge", suspend=False)
        await here.until(lambda: here.is_ready("eth"), "both run")

        assert here.names("statefulsets") == {"eth-maker", "eth-hedger"}

    play(story)


def test_hands_off_means_no_write_and_deletion_still_works(play: Play) -> None:
    async def story(here: World) -> None:
        await _ready(here)
        here.annotate("eth", reconcile="Disabled")
        await here.until(
            lambda: here.condition("eth", "Reconciling") == ("True", "HandsOff"), "hands off"
        )

        before = here.item("statefulsets", "eth-maker")
        here.set_spec("eth", runner={"image": "runner:2"})
        await here.until(
            lambda: here.status("eth")["observedGeneration"] == 2, "it looked at the change"
        )
        assert here.item("statefulsets", "eth-maker") == before

        here.delete("eth")
        await here.until(lambda: here.is_gone("eth"), "the pair is gone")

    play(story)
