"""Cluster tests: one release for the session, one namespace for each test.

They run against the cluster of `KUBECONFIG`, with `make e2e` around them (`scripts/e2e`), and are
not collected otherwise. A test that harms the whole release is marked `alone`.
"""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import dumping
from tests.e2e.kubectl import Kubectl, attempt, run
from tests.e2e.pairs import LIVELY, SMALLEST, Pair, fresh_accounts, merged
from tests.e2e.release import Images, Release
from tests.e2e.venue import PaperVenue

ENABLED = "E2E_OPERATOR_IMAGE"
SYSTEM = "hedgepair-system"
RELEASE = "hedgepair"
LABELS = (
    "pod-security.kubernetes.io/enforce=restricted",
    "pod-security.kubernetes.io/warn=restricted",
)

collect_ignore_glob = [] if ENABLED in os.environ else ["test_*.py"]

MakePair = Callable[..., Pair]


def make_namespace(name: str) -> Kubectl:
    """With the restricted Pod Security profile enforced."""
    run("kubectl", "create", "namespace", name)
    run("kubectl", "label", "namespace", name, *LABELS)
    return Kubectl(name)


@pytest.fixture(scope="session")
def release() -> Release:
    """Installed once by `scripts/e2e`'s first test process; every test and worker shares it."""
    return Release(name=RELEASE, namespace=SYSTEM, images=Images.from_environ())


@pytest.fixture(scope="session")
def venue(release: Release) -> Iterator[PaperVenue]:
    found = release.exchange()
    yield found
    found.close()


@pytest.fixture
def namespace(request: pytest.FixtureRequest, release: Release) -> Iterator[Kubectl]:
    """A fresh one. Of a failed test everything is kept in a folder first."""
    kubectl = make_namespace(f"t-{uuid.uuid4().hex[:8]}")
    yield kubectl
    if getattr(request.node, "failed", False):
        folder = Path(os.environ.get("E2E_DUMPS", "dist/e2e")) / request.node.name
        kept = dumping.dump(folder, kubectl.namespace, release.namespace)
        sys.stderr.write(f"\nkept of this failure: {kept}\n")
    _remove(kubectl)


def _remove(kubectl: Kubectl) -> None:
    """Pairs first, by break-glass: what is left of a failed test must not hold the next one up."""
    for name in attempt(
        "kubectl", "-n", kubectl.namespace, "get", "hedgepair", "-o", "name"
    ).split():
        if name.startswith("hedgepair"):
            kubectl("annotate", "--overwrite", name, "hedgepair.io/force-delete=true")
    attempt("kubectl", "delete", "namespace", kubectl.namespace, "--wait=false")


@pytest.fixture
def make_pair(namespace: Kubectl, worker_id: str) -> MakePair:
    """Applies a pair on two fresh accounts: `make_pair("name", {changes of the spec})`."""

    def make(
        name: str = "eth",
        changes: dict[str, Any] | None = None,
        *,
        lively: bool = True,
        apply: bool = True,
        kubectl: Kubectl | None = None,
    ) -> Pair:
        maker, hedger = fresh_accounts(worker_id)
        spec = merged(
            SMALLEST,
            {
                "maker": {"account": {"accountIndex": maker}},
                "hedger": {"account": {"accountIndex": hedger}},
            },
        )
        spec = merged(merged(spec, LIVELY if lively else {}), changes or {})
        pair = Pair(kubectl or namespace, name, spec)
        if apply:
            pair.apply()
        return pair

    return make


@pytest.fixture
def trading(make_pair: MakePair, venue: PaperVenue) -> Pair:
    """A pair that is Ready and has traded."""
    pair = make_pair()
    pair.wait("Ready", within_s=90)
    venue.wait_fills(pair, 3, within_s=60)
    return pair


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    if report.when in ("setup", "call") and report.failed:
        item.failed = True  # type: ignore[attr-defined]
    return report
