"""Journey 5: the exchange key and the Redis password change while the pair trades."""

from __future__ import annotations

import pytest

from hedgepair_runner.venues.paper.keys import private_hex, private_key
from tests.e2e.conftest import MakePair
from tests.e2e.kubectl import Kubectl, until
from tests.e2e.release import Release
from tests.e2e.venue import PaperVenue


def test_an_exchange_key_is_rotated_under_load(
    make_pair: MakePair, venue: PaperVenue, namespace: Kubectl
) -> None:
    """The same Secret with the same key file anew: kubelet swaps the file, no runner restarts."""
    pair = make_pair(apply=False)
    for role, index in (("maker", pair.maker_account), ("hedger", pair.hedger_account)):
        text = private_hex(private_key(venue.seed, index, 4))
        flag = f"--from-literal=apiKeyPrivateKey={text}"
        namespace("create", "secret", "generic", f"lighter-{role}", flag)
        pair.spec[role]["account"]["secretRef"] = {"name": f"lighter-{role}"}
    pair.apply()
    pair.wait("Ready", within_s=90)
    venue.wait_fills(pair, 3)
    runners = pair.restarts()
    for role, index in (("maker", pair.maker_account), ("hedger", pair.hedger_account)):
        text = private_hex(private_key(venue.seed, index, 4))
        namespace("delete", "secret", f"lighter-{role}")
        flag = f"--from-literal=apiKeyPrivateKey={text}"
        namespace("create", "secret", "generic", f"lighter-{role}", flag)
        # Any change of the pod's annotations makes the kubelet look at once.
        namespace("annotate", "pod", f"{pair.name}-{role}-0", "example.com/look=now", "--overwrite")
    venue.wait_fills(pair, 5)
    pair.wait("Hedged", within_s=60)
    assert pair.restarts() == runners
    assert venue.audit(pair)["violations"] == []


def test_a_missing_secret_is_named_and_its_coming_heals(
    make_pair: MakePair, venue: PaperVenue, namespace: Kubectl
) -> None:
    pair = make_pair(apply=False)
    pair.spec["maker"]["account"]["secretRef"] = {"name": "not-there"}
    pair.apply()
    pair.wait("Accepted", "False", reason="SecretMissing", within_s=90)
    assert "not-there" in pair.condition("Accepted")["message"]
    text = private_hex(private_key(venue.seed, pair.maker_account, 4))
    flag = f"--from-literal=apiKeyPrivateKey={text}"
    namespace("create", "secret", "generic", "not-there", flag)
    pair.wait("Ready", within_s=150)


@pytest.mark.alone
def test_the_redis_passwords_are_rotated_under_load(
    make_pair: MakePair, venue: PaperVenue, release: Release
) -> None:
    pair = make_pair()
    pair.wait("Ready", within_s=90)
    venue.wait_fills(pair, 3)
    release.upgrade("--reuse-values", "--set-string", "redis.rotation=2")
    until(lambda: pair.condition("Ready").get("status") == "True", "Ready", within_s=120)
    venue.wait_fills(pair, 5)
    pair.wait("Hedged", within_s=60)
    assert venue.audit(pair)["violations"] == []
