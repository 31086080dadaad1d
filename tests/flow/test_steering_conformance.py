"""What runners may rely on of wishes and halts in Redis, asked of both stores."""

from __future__ import annotations

from hedgepair_runner.contract.halts import Halt, HaltReason, write_halt
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.steering_store import HaltsRead
from tests.flow.bus_worlds import OTHER_PAIR, Live, World


def halt(halt_id: str, reason: HaltReason = HaltReason.UNHEDGED) -> Halt:
    return Halt(
        id=halt_id, reason=reason, message="why: do this", since_ms=1_800_000_000_123, role="maker"
    )


def test_a_desired_state_is_read_as_it_was_written_by_role_and_pair(live: Live) -> None:
    async def scenario(world: World) -> None:
        steering = world.steering()
        assert await steering.read_desired(Role.MAKER) is None

        await world.say_desired(Role.MAKER, b'{"step": 1}')

        assert await steering.read_desired(Role.MAKER) == b'{"step": 1}'
        assert await steering.read_desired(Role.HEDGER) is None
        assert await world.steering(OTHER_PAIR).read_desired(Role.MAKER) is None

    live(scenario)


def test_progress_is_read_as_it_was_last_written(live: Live) -> None:
    async def scenario(world: World) -> None:
        steering = world.steering()
        assert await steering.read_progress() is None
        await steering.write_progress("{}")
        await steering.write_progress('{"rounds": 2}')
        assert await steering.read_progress() == b'{"rounds": 2}'
        assert await world.steering(OTHER_PAIR).read_progress() is None

    live(scenario)


def test_halts_are_put_read_and_dropped_by_id(live: Live) -> None:
    async def scenario(world: World) -> None:
        steering = world.steering()
        assert await steering.read_halts() == HaltsRead()

        await steering.put_halts([halt("aa"), halt("bb", HaltReason.LIQUIDATED)])
        await steering.put_halts([halt("aa")])
        found = await steering.read_halts()
        assert sorted(each.id for each in found.halts) == ["aa", "bb"]
        assert halt("bb", HaltReason.LIQUIDATED) in found.halts

        await steering.drop_halts(["aa", "unheard of"])
        assert [each.id for each in (await steering.read_halts()).halts] == ["bb"]
        assert await world.steering(OTHER_PAIR).read_halts() == HaltsRead()

    live(scenario)


def test_acknowledgements_are_read_and_outlive_the_halts_they_end(live: Live) -> None:
    async def scenario(world: World) -> None:
        steering = world.steering()
        await steering.put_halts([halt("aa")])
        await world.acknowledge("aa")
        assert (await steering.read_halts()).acknowledged == {"aa"}

        await steering.drop_halts(["aa"])
        assert await steering.read_halts() == HaltsRead(acknowledged=frozenset({"aa"}))

    live(scenario)


def test_a_halt_that_cannot_be_read_hides_no_other(live: Live) -> None:
    async def scenario(world: World) -> None:
        await world.say_halt("xx", "no halt")
        await world.say_halt("yy", write_halt(halt("yy")).replace("Unhedged", "OfNextYear"))
        await world.say_halt("zz", write_halt(halt("zz")))
        assert [each.id for each in (await world.steering().read_halts()).halts] == ["zz"]

    live(scenario)
