"""What the chart's Jobs decide, and how they speak to an API server."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from hedgepair_operator.redis_access import RedisFiles
from hedgepair_operator.release import guard, secret_maker, trial
from hedgepair_operator.release.in_cluster import Answer
from hedgepair_runner.contract.manifest import read_resource
from tests.contract.pairs import CRD


def test_the_redis_secret_is_what_operator_and_server_read(tmp_path: Any) -> None:
    secret = secret_maker.redis_secret("r", host="redis.ns.svc", password="p" * 32, master="m" * 32)
    for key, text in secret["stringData"].items():
        (tmp_path / key).write_text(text)
    access = RedisFiles(url_file=tmp_path / "url", master_file=tmp_path / "master").read()
    assert access.runner_url == "redis://redis.ns.svc:6379/0"
    assert access.url_of("user", "word") == "redis://user:word@redis.ns.svc:6379/0"
    assert "p" * 32 in access.url


def test_no_pair_no_refusal() -> None:
    assert guard.verdict([]) is None


def test_pairs_that_are_left_are_named_with_the_remedy() -> None:
    told = guard.verdict([f"trading/p{number}" for number in range(30)])
    assert told is not None
    for words in ("30 HedgePairs", "trading/p0", " …", "kubectl delete hedgepairs", "--no-hooks"):
        assert words in told
    assert "trading/p29" not in told


def test_the_trial_pair_is_a_good_one() -> None:
    manifest = trial.manifest("hedgepair-test-abcdef", 9_000_000)
    read_resource(json.loads(json.dumps(manifest)))
    assert CRD.errors(manifest) == []


def answer(ready: str, hedged: str, position: str | None) -> Answer:
    conditions = [
        {"type": "Ready", "status": ready, "reason": "R"},
        {"type": "Hedged", "status": hedged, "reason": "H"},
    ]
    leg = {} if position is None else {"position": position}
    return Answer(status=200, body={"status": {"conditions": conditions, "maker": leg}})


@pytest.mark.parametrize(
    ("ready", "hedged", "position", "reached"),
    [
        ("True", "True", "0.0100", True),
        ("True", "True", "0.0000", None),
        ("True", "True", None, None),
        ("True", "Unknown", "0.0100", None),
        ("False", "True", "-0.0100", None),
    ],
)
def test_the_trial_is_passed_when_ready_hedged_and_traded(
    ready: str, hedged: str, position: str | None, reached: bool | None
) -> None:
    verdict, line = trial.Hedged()(answer(ready, hedged, position))
    assert verdict is reached
    assert f"Ready={ready}(R)" in line


def test_a_trade_that_was_seen_is_remembered() -> None:
    judge = trial.Hedged()
    assert judge(answer("True", "False", "0.0100"))[0] is None
    assert judge(answer("True", "True", "0.0000"))[0] is True


def test_a_pair_that_vanishes_fails_the_trial_and_then_is_what_is_wanted() -> None:
    gone = Answer(status=404, body={"message": "not found"})
    assert trial.Hedged()(gone)[0] is False
    assert trial.removed(gone)[0] is True
    assert trial.removed(Answer(status=200, body={}))[0] is None


def test_the_jobs_need_neither_kopf_nor_the_kubernetes_client() -> None:
    names = "secret_maker, guard, trial"
    code = f"import sys; from hedgepair_operator.release import {names}; " + (
        "print({'kopf', 'kubernetes', 'aiohttp'} & set(sys.modules))"
    )
    done = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
