"""Journey 8: restricted everywhere, no token in a runner, no secret in anything that is shown."""

from __future__ import annotations

import base64
import json
import re

from hedgepair_runner.venues.paper.keys import private_hex, private_key
from tests.e2e.conftest import MakePair, make_namespace
from tests.e2e.kubectl import Kubectl, attempt, run
from tests.e2e.pairs import Pair
from tests.e2e.release import Release
from tests.e2e.venue import PaperVenue


def test_no_runner_has_a_service_account_token(trading: Pair) -> None:
    for role in ("maker", "hedger"):
        pod = trading.pod(role)
        assert pod["spec"].get("automountServiceAccountToken") is False
        mounts = [m["mountPath"] for c in pod["spec"]["containers"] for m in c["volumeMounts"]]
        assert not any("serviceaccount" in path for path in mounts), mounts


def test_everything_runs_restricted(trading: Pair, release: Release) -> None:
    """The namespaces enforce the profile, so that what runs has passed it."""
    for namespace in (trading.kubectl.namespace, release.namespace):
        labels = json.loads(run("kubectl", "get", "namespace", namespace, "-o", "json"))
        enforced = labels["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
        assert enforced == "restricted"
    for pod in [*trading.kubectl.items("pods"), *release.kubectl.items("pods")]:
        for container in pod["spec"]["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True, pod["metadata"]["name"]
            assert context["capabilities"]["drop"] == ["ALL"]


def test_network_policies_are_present_and_name_every_runner(
    trading: Pair, namespace: Kubectl
) -> None:
    policies = namespace.items("networkpolicies")
    assert policies
    for role in ("maker", "hedger"):
        labels = trading.pod(role)["metadata"]["labels"]
        matched = [
            p
            for p in policies
            if all(
                labels.get(k) == v
                for k, v in p["spec"]["podSelector"].get("matchLabels", {}).items()
            )
        ]
        assert matched, f"no policy selects the {role}"
        assert any("Egress" in p["spec"]["policyTypes"] for p in matched)


def test_no_secret_is_shown_anywhere(trading: Pair, venue: PaperVenue, release: Release) -> None:
    """Logs, Events, statuses, ConfigMaps and command lines, against all known key material."""
    known = _known_secrets(trading, venue, release)
    shown = {}
    for kubectl in (trading.kubectl, release.kubectl):
        kinds = "hedgepairs,statefulsets,deployments,pods,configmaps,services,events,leases"
        shown[f"{kubectl.namespace} resources"] = kubectl("get", kinds, "-o", "yaml")
        for pod in kubectl.items("pods"):
            name = pod["metadata"]["name"]
            words = ("logs", "--all-containers", f"pod/{name}")
            shown[f"log of {name}"] = attempt("kubectl", "-n", kubectl.namespace, *words)
            argv = ("exec", name, "--", "sh", "-c", "cat /proc/1/cmdline")
            shown[f"argv of {name}"] = attempt("kubectl", "-n", kubectl.namespace, *argv)
    assert len(known) >= 3
    for where, text in shown.items():
        for name, secret in known.items():
            assert secret not in text, f"{name} is shown in {where}"


def _known_secrets(pair: Pair, venue: PaperVenue, release: Release) -> dict[str, str]:
    """Name → text. Paper keys are public by design, but a runner must not show even those."""
    known = {}
    for role, index in (("maker", pair.maker_account), ("hedger", pair.hedger_account)):
        known[f"{role} key"] = private_hex(private_key(venue.seed, index, 4)).removeprefix("0x")
    for kubectl in (pair.kubectl, release.kubectl):
        for secret in kubectl.items("secrets"):
            if secret["type"].startswith("helm.sh"):
                continue
            for key, text in secret.get("data", {}).items():
                value = base64.b64decode(text).decode(errors="replace")
                for part in re.findall(r"[A-Za-z0-9_+/=-]{20,}", value):
                    known[f"{secret['metadata']['name']}/{key}/{part[:2]}"] = part
    return known


HOSTILE = """
import sys, redis
url = open(sys.argv[1]).read().strip()
client = redis.Redis.from_url(url)
client.ping()
report, fills, lease = sys.argv[2:]
for command in (
    ("KEYS", "*"), ("GET", report), ("SET", report, "1"), ("XRANGE", fills, "-", "+"),
    ("DEL", lease), ("SET", lease, "mine"), ("ACL", "LIST"), ("FLUSHALL",), ("CONFIG", "GET", "*"),
):
    try:
        client.execute_command(*command)
    except redis.exceptions.ResponseError as refused:
        assert "NOPERM" in str(refused) or "permission" in str(refused), refused
    else:
        print("allowed:", *command)
"""


def test_a_hostile_namespace_gets_nowhere(
    trading: Pair, make_pair: MakePair, release: Release
) -> None:
    """A pair of the same name elsewhere, and its own Redis user against the victim's keys."""
    victim = f"hp:{{{trading.kubectl.namespace}/{trading.name}}}"
    hostile = make_namespace(f"{trading.kubectl.namespace}-hostile")
    try:
        pair = make_pair(trading.name, kubectl=hostile)
        pair.wait("Ready", within_s=90)
        squatter = make_pair("squatter", trading.spec, kubectl=hostile)
        squatter.wait("Accepted", "False", reason="AccountInUse", within_s=30)
        where = next(
            mount["mountPath"]
            for mount in pair.pod("maker")["spec"]["containers"][0]["volumeMounts"]
            if "redis" in mount["name"]
        )
        name = hostile.exec(f"{pair.name}-maker-0", "sh", "-c", f"ls {where}").split()[0]
        lease = _lease_key(trading, release)
        keys = (f"{victim}:report:maker", f"{victim}:fills", lease)
        words = ("python3", "-c", HOSTILE, f"{where}/{name}", *keys)
        said = hostile.exec(f"{pair.name}-maker-0", *words)
        assert "allowed" not in said, said
    finally:
        for each in hostile.items("hedgepairs"):
            name = each["metadata"]["name"]
            hostile("annotate", "hedgepair", name, "hedgepair.io/force-delete=true")
        run("kubectl", "delete", "namespace", hostile.namespace, "--wait=false")


def _lease_key(pair: Pair, release: Release) -> str:
    """Of the victim's maker, as Redis itself lists it."""
    keys = release.redis("--scan", "--pattern", f"hp:lease:*:{pair.maker_account}:4")
    return keys.split()[0]
