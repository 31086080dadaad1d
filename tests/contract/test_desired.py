"""Halts and desired states: what is written is read back, and the newest counts."""

from __future__ import annotations

import pytest

from hedgepair_runner.contract.desired import (
    Desired,
    Wish,
    config_hash,
    newer,
    read_desired,
    write_desired,
)
from hedgepair_runner.contract.halts import Halt, HaltReason, new_halt, standing
from hedgepair_runner.contract.manifest import read_resource
from tests.contract.pairs import a_testnet_pair

HALT = new_halt(
    reason=HaltReason.UNHEDGED, message="Open for 10 s.", since_ms=5, role="hedger", pair="a/b"
)
DESIRED = Desired(
    generation=3,
    step=2,
    wish=Wish.FLATTEN,
    manifest={"spec": {"market": "ETH"}},
    halts=(HALT,),
    acknowledged=("0badc0de",),
)


def test_a_desired_state_survives_its_writing() -> None:
    assert read_desired(write_desired(DESIRED)) == DESIRED


def test_fields_of_a_newer_writer_are_passed_over() -> None:
    text = write_desired(DESIRED).replace('"step": 2', '"step": 2, "novelty": {"x": 1}')
    assert read_desired(text) == DESIRED


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"generation": 1, "step": 0}', "\x00"])
def test_what_is_no_desired_state_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_desired(text)


@pytest.mark.parametrize(
    ("generation", "step", "wins"), [(3, 3, True), (4, 0, True), (3, 2, False)]
)
def test_the_higher_generation_then_step_counts(generation: int, step: int, wins: bool) -> None:
    other = Desired(generation=generation, step=step, wish=Wish.RUN)
    assert newer(DESIRED, other) is (other if wins else DESIRED)
    assert newer(None, other) is other
    assert newer(DESIRED, None) is DESIRED
    assert newer(None, None) is None


def test_a_halt_is_told_once_and_ends_by_its_own_id() -> None:
    later = Halt(id="b", reason=HaltReason.LIQUIDATED, message="", since_ms=9, role="maker")
    assert standing([later, HALT, HALT], acknowledged=[]) == (HALT, later)
    assert standing([later, HALT], acknowledged=[HALT.id]) == (later,)
    assert standing([HALT], acknowledged=["another"]) == (HALT,)


def test_steering_does_not_change_the_configuration_and_quantity_does() -> None:
    tree = a_testnet_pair()
    before = config_hash(read_resource(tree))
    tree["spec"]["suspend"] = True
    assert config_hash(read_resource(tree)) == before
    tree["spec"]["quantity"] = "0.06"
    assert config_hash(read_resource(tree)) != before
