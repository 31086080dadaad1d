"""One Helm release under test: installed as a user would, with the images under test."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.kubectl import CommandFailed, Kubectl, run, until
from tests.e2e.venue import Forward, PaperVenue

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "hedgepair"
INSTALL_TIMEOUT = "180s"
PAPER_SEED = "7"
REDIS_PASSWORD = "/etc/hedgepair/master/password"


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """Names under which the images are on the cluster's nodes."""

    operator: str
    runner: str
    redis: str

    @classmethod
    def from_environ(cls) -> Images:
        return cls(
            operator=os.environ["E2E_OPERATOR_IMAGE"],
            runner=os.environ["E2E_RUNNER_IMAGE"],
            redis=os.environ["E2E_REDIS_IMAGE"],
        )

    def flags(self) -> tuple[str, ...]:
        words: list[str] = []
        for name in ("operator", "runner", "redis"):
            repository, _, tag = getattr(self, name).rpartition(":")
            words += ["--set", f"images.{name}.repository={repository}"]
            words += ["--set-string", f"images.{name}.tag={tag}"]
        return tuple(words)


class Release:
    """Its namespace, name, and what it is made of."""

    def __init__(self, *, name: str, namespace: str, images: Images) -> None:
        self.name = name
        self.namespace = namespace
        self.images = images
        self.kubectl = Kubectl(namespace)

    def install(self, *flags: str, chart: Path = CHART) -> str:
        return self._helm("install", self.name, str(chart), *self._common(), *flags)

    def upgrade(self, *flags: str, chart: Path = CHART) -> str:
        return self._helm("upgrade", self.name, str(chart), *self._common(), *flags)

    def rollback(self) -> str:
        return self._helm("rollback", self.name, "--wait", "--timeout", INSTALL_TIMEOUT)

    def test(self) -> str:
        return self._helm("test", self.name, "--timeout", INSTALL_TIMEOUT)

    def uninstall(self, *flags: str) -> str:
        return self._helm("uninstall", self.name, *flags)

    # -- its parts -----------------------------------------------------------------------------

    def pod(self, component: str) -> str:
        """Name of the newest pod of a part: operator, redis or exchange."""
        pods = self.pods(component)
        if not pods:
            raise CommandFailed(("pod of", component), "there is none")
        return str(pods[-1]["metadata"]["name"])

    def pods(self, component: str) -> list[Any]:
        """Those that are not on their way out, oldest first."""
        found = [
            pod
            for pod in self.kubectl.items("pods", "-l", f"app.kubernetes.io/component={component}")
            if "deletionTimestamp" not in pod["metadata"]
        ]
        return sorted(found, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))

    def pod_ip(self, component: str) -> str:
        pod = self.kubectl.get("pod", self.pod(component))
        return str(pod["status"]["podIP"])

    def redis(self, *command: str) -> str:
        """`redis-cli` with the master's rights, inside Redis' own pod."""
        words = " ".join(f"'{word}'" for word in command)
        line = f'redis-cli --no-auth-warning -a "$(cat {REDIS_PASSWORD})" {words}'
        return self.kubectl.exec(self.pod("redis"), "sh", "-c", line)

    def exchange(self) -> PaperVenue:
        # Straight to the pod: its admin port is in no Service.
        service = f"statefulset/{self.name}-exchange"
        found = self.kubectl.get("secret", f"{self.name}-exchange-admin")
        token = base64.b64decode(found["data"]["token"]).decode()
        return PaperVenue(
            Forward(self.namespace, service, 8080),
            Forward(self.namespace, service, 8081),
            token=token,
            seed=PAPER_SEED,
        )

    def leader(self) -> str | None:
        """The pod that holds the operator's Lease, if it still lives."""
        holder = str(self.kubectl.get("lease", f"{self.name}-operator")["spec"]["holderIdentity"])
        names = [str(pod["metadata"]["name"]) for pod in self.pods("operator")]
        return next((name for name in names if name in holder), None)

    # -- taking parts away ---------------------------------------------------------------------

    def restart_operator(self) -> None:
        self.kubectl("rollout", "restart", f"deployment/{self.name}-operator")
        self.wait_up()

    def restart_redis(self) -> None:
        self._replace("redis")

    def restart_exchange(self) -> None:
        self._replace("exchange")

    @contextmanager
    def without_operator(self) -> Iterator[None]:
        deployment = f"deployment/{self.name}-operator"
        replicas = self.kubectl.get(deployment)["spec"]["replicas"]
        self.kubectl("scale", deployment, "--replicas=0")
        until(lambda: not self.pods("operator"), "the operator is away", within_s=60)
        try:
            yield
        finally:
            self.kubectl("scale", deployment, f"--replicas={replicas}")
            self.wait_up()

    def wait_up(self) -> None:
        for kind in ("deployment", "statefulset"):
            for item in self.kubectl.items(kind, "-l", f"app.kubernetes.io/instance={self.name}"):
                what = f"{kind}/{item['metadata']['name']}"
                self.kubectl("rollout", "status", what, "--timeout=120s")

    def _replace(self, component: str) -> None:
        pod = self.kubectl.get("pod", self.pod(component))
        uid = pod["metadata"]["uid"]
        self.kubectl("delete", "pod", pod["metadata"]["name"], "--wait=false")

        def is_back() -> bool:
            return any(
                new["metadata"]["uid"] != uid and _is_ready(new) for new in self.pods(component)
            )

        until(is_back, f"a new pod of {component}", within_s=90)

    def _common(self) -> tuple[str, ...]:
        return ("--wait", "--timeout", INSTALL_TIMEOUT, *self.images.flags())

    def _helm(self, *words: str) -> str:
        return run("helm", "-n", self.namespace, *words, timeout_s=300)


def _is_ready(pod: Any) -> bool:
    conditions = pod["status"].get("conditions", ())
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
