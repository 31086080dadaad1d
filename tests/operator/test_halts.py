"""Halts stay until a person acknowledges that very one, whatever is lost meanwhile (law 11)."""

from __future__ import annotations

from redis.asyncio import Redis

from hedgepair_runner.contract.halts import HaltReason, new_halt
from tests.operator.conftest import Play
from tests.operator.fake_api.store import Name
from tests.operator.world import NAMESPACE, World, pair_object

HALT = new_halt(
    reason=HaltReason.UNHEDGED,
    message="The gap stayed open for 10 s.",
    since_ms=1_700_000_000_000,
    role="hedger",
    pair="trading/eth",
)


def test_a_halt_survives_the_loss_of_redis_and_of_the_pods(play: Play, redis_url: str) -> None:
    async def story(here: World) -> None:
        here.apply(pair_object("eth"))
        await here.until(lambda: here.is_ready("eth"), "the pair runs")
        here.puppet("eth-hedger-0").halts = (HALT,)
        await here.until(lambda: here.condition("eth", "Halted") == ("True", "Unhedged"), "halted")
        assert here.status("eth")["halt"]["id"] == HALT.id
        assert HALT.id in here.message("eth", "Halted")

        client = Redis.from_url(redis_url)
        await client.flushdb()
        await client.aclose()
        started = here.kubelet.started_count
        for pod in ("eth-hedger-0", "eth-maker-0"):
            here.store.delete(Name("pods", NAMESPACE, pod))
        await here.until(lambda: here.kubelet.started_count == started + 2, "new runners")
        await here.until(
            lambda: here.puppet("eth-hedger-0").halts == (HALT,), "the halt was put back"
        )

        here.annotate("eth", acknowledge=HALT.id)
        await here.until(lambda: here.condition("eth", "Halted") == ("False", "NoHalt"), "ended")
        await here.until(lambda: here.puppet("eth-hedger-0").halts == (), "the runner knows")
        assert "halt" not in here.status("eth")
        await here.until(lambda: "HaltAcknowledged" in here.events("eth"), "it is told")

    play(story)


def test_another_id_ends_nothing(play: Play) -> None:
    async def story(here: World) -> None:
        here.apply(pair_object("eth"))
        await here.until(lambda: here.is_ready("eth"), "the pair runs")
        here.puppet("eth-hedger-0").halts = (HALT,)
        await here.until(lambda: here.condition("eth", "Halted") == ("True", "Unhedged"), "halted")

        here.annotate("eth", acknowledge="00000000")
        await here.quiet()

        assert here.condition("eth", "Halted") == ("True", "Unhedged")

    play(story)


def test_a_halt_in_the_status_alone_is_enough(play: Play) -> None:
    async def story(here: World) -> None:
        here.apply(pair_object("eth"))
        await here.until(lambda: here.is_ready("eth"), "the pair runs")
        here.puppet("eth-hedger-0").halts = (HALT,)
        await here.until(lambda: here.condition("eth", "Halted") == ("True", "Unhedged"), "halted")
        await here.stop()
        here.puppet("eth-hedger-0").halts = here.puppet("eth-maker-0").halts = ()
        for puppet in here.kubelet.puppets.values():
            puppet.obeys = False
        here.store.delete(Name("configmaps", NAMESPACE, "eth-hedgepair"))

        here.start()
        await here.until(lambda: here.names("configmaps") != set(), "the ConfigMap is back")

        assert HALT.id in here.item("configmaps", "eth-hedgepair")["data"]["desired.json"]

    play(story)
