"""The venue under random transactions of several accounts: 2,000 steps, 10,000 in CI.

`HEDGEPAIR_MODEL_STEPS=1000000` runs so many, from `HEDGEPAIR_MODEL_SEED` on. A failure is shortened
and told as a test that can be pasted and run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from hedgepair_runner.venues.paper.exchange import Exchange
from hedgepair_runner.venues.paper.settings import CancelAllRefresh, DeadCancel
from tests.exchange.actions import (
    ABORT,
    GTT,
    IMMEDIATE,
    IOC,
    LIMIT,
    MARKET,
    POST_ONLY,
    SCHEDULED,
    TRIGGERED,
    Action,
    Batch,
    Cancel,
    CancelAll,
    Halt,
    Leverage,
    Modify,
    Place,
    Wait,
    WrongNonce,
)
from tests.exchange.model import SETTINGS, TRADERS, Model

pytestmark = pytest.mark.slow

STEPS = int(os.environ.get("HEDGEPAIR_MODEL_STEPS", "2000"))
SEED = int(os.environ.get("HEDGEPAIR_MODEL_SEED", "0"))
PARTS = 5
STEPS_OF_A_STORY = 100
STEPS_BETWEEN_COMPARISONS = 25
KEYS = (4, 5)
BROKEN = (AssertionError, LookupError, TypeError, ValueError)
_LOTS = (1, 50, 60, 70, 90, 100, 100, 120, 130, 200, 300, 1_000, 200_000, 9_000_000)
_WAITS_MS = (0, 1, 20, 50, 100, 200, 200, 300, 300, 300, 500, 1_000, 1_000, 1_000, 400_000)


def draw(seed: int) -> Action:
    """One action by a seed of its own: chance that hypothesis picks bit by bit is too even.

    What it is aimed at is decided when it is carried out.
    """
    chance = Random(seed)
    account, key = chance.choice(TRADERS), chance.choice(KEYS)
    kinds: list[tuple[int, Callable[[], Action]]] = [
        (40, lambda: _place(chance, account, key)),
        (10, lambda: Cancel(account, key, chance.randrange(9), closed=chance.random() < 0.15)),
        (12, lambda: _modify(chance, account, key)),
        (3, lambda: _cancel_all(chance, account, key)),
        (3, lambda: Leverage(account, key, chance.randrange(2), chance.randint(100, 10_100))),
        (5, lambda: _batch(chance, account, key)),
        (4, lambda: WrongNonce(account, key, chance.choice((-2, -1, 1, 7)))),
        (1, lambda: Halt(chance.randrange(2))),
        (22, lambda: Wait(chance.choice(_WAITS_MS))),
    ]
    weights, makers = zip(*kinds, strict=True)
    [make] = chance.choices(makers, weights)
    action: Action = make()
    return action


def _lots(chance: Random) -> int:
    return chance.choice(
        (1, 50, 60, 70, 90, 100, 100, 120, 130, 200, 300, 1_000, 200_000, 9_000_000)
    )


def _place(chance: Random, account: int, key: int) -> Place:
    return Place(
        account,
        key,
        chance.randrange(2),
        chance.random() < 0.5,
        _lots(chance),
        chance.randint(-3, 3),
        tif=chance.choice((GTT, GTT, GTT, POST_ONLY, POST_ONLY, IOC)),
        kind=chance.choice((*[LIMIT] * 10, MARKET, MARKET, chance.choice(TRIGGERED))),
        reduce_only=chance.random() < 0.1,
        client=chance.choice((0, 0, chance.randrange(1, 12))),
        behaviour=chance.choice((0, 0, 1, 2, 3)),
        equality=chance.choice((0, 0, 1)),
        skip=chance.choice((0, 0, 0, 0, 0, 0, 0, 3)),
        trigger=chance.randint(-3, 3),
    )


def _modify(chance: Random, account: int, key: int) -> Modify:
    version = chance.choice((0, 0, 0, 1, 2))
    offset = chance.randint(-3, 3)
    return Modify(account, key, chance.randrange(9), _lots(chance), offset, version)


def _cancel_all(chance: Random, account: int, key: int) -> CancelAll:
    mode = chance.choice((IMMEDIATE, IMMEDIATE, SCHEDULED, ABORT))
    return CancelAll(account, key, mode, chance.choice((None, 0, 1)), chance.choice((1, 5, 6, 60)))


def _batch(chance: Random, account: int, key: int) -> Batch:
    return Batch(tuple(_place(chance, account, key) for _ in range(chance.randint(1, 4))))


def fails(actions: Sequence[Action]) -> bool:
    try:
        Model().replay(actions)
    except BROKEN:
        return True
    return False


def shortened(actions: Sequence[Action], *, tries: int = 400) -> list[Action]:
    """Leaves out ever smaller parts while it still fails."""
    kept, size = list(actions), len(actions) // 2
    while size:
        start = 0
        while start < len(kept) and tries:
            tries -= 1
            shorter = kept[:start] + kept[start + size :]
            if fails(shorter):
                kept = shorter
            else:
                start += size
        size //= 2
    return kept


def as_test(actions: Sequence[Action]) -> str:
    lines = "".join(f"        {action!r},\n" for action in actions)
    return (
        "from tests.exchange.actions import *\nfrom tests.exchange.model import Model\n\n\n"
        f"def test_it() -> None:\n    Model().replay([\n{lines}    ])\n"
    )


def story(seed: int, steps: int) -> Model:
    """So many random steps. Fails with the shortest story found that breaks the venue, too."""
    model, done = Model(), list[Action]()
    try:
        for step in range(steps):
            done.append(draw(seed + step))
            model.act(done[-1])
            if step % STEPS_BETWEEN_COMPARISONS == 0:
                model.compare()
        model.finish()
    except BROKEN as error:
        pytest.fail(f"seed {seed}: {error}\n{as_test(shortened(done))}")
    return model


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_no_story_breaks_the_venue(part: int) -> None:
    first = SEED + part * (STEPS // PARTS)
    models = [
        story(seed, STEPS_OF_A_STORY)
        for seed in range(first, first + STEPS // PARTS, STEPS_OF_A_STORY)
    ]

    assert sum(model.steps for model in models) == STEPS // PARTS
    assert sum(len(model.trades) for model in models) > STEPS // PARTS // 50


class Venue(RuleBasedStateMachine):
    """The same as hypothesis plays it, which also looks for short stories."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()

    @rule(action=strategies.integers(0, 2**32).map(draw))
    def act(self, action: Action) -> None:
        self.model.act(action)

    def teardown(self) -> None:
        self.model.finish()


def test_hypothesis_finds_no_story_either() -> None:
    run_state_machine_as_test(
        Venue,
        settings=settings(
            max_examples=12,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_a_story_that_fails_is_told_as_a_short_test_that_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A venue is broken on purpose: fees vanish."""
    monkeypatch.setattr(Exchange, "fees_collected_pico", 0)

    with pytest.raises(pytest.fail.Exception) as failed:
        story(SEED, 8 * STEPS_OF_A_STORY)

    _, _, text = str(failed.value).partition("\n")
    told: dict[str, Any] = {}
    exec(text, told)
    assert text.count("\n        ") <= 4
    with pytest.raises(AssertionError):
        told["test_it"]()


@pytest.mark.parametrize(
    "variant",
    [
        pytest.param({"dead_cancel": DeadCancel.NO_EFFECT}, id="dead cancels have no effect"),
        pytest.param(
            {"scheduled_cancel_all": CancelAllRefresh.OVERWRITE}, id="a schedule overwrites"
        ),
        pytest.param({"refuse_skip_nonce": True, "ioc_dust_refused": True}, id="strict intake"),
    ],
)
def test_the_switches_of_what_is_uncertain_break_nothing(variant: dict[str, Any]) -> None:
    model = Model(replace(SETTINGS, **variant))

    model.replay([draw(seed) for seed in range(500, 700)])

    assert model.trades
