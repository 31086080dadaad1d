"""A pair's StatefulSets: one for each role, with everything that a runner's pod needs.

One replica (two hedgers with `standby`), and OnDelete: the operator, not the controller, knows when
a restart is safe. The template follows from the resource and the release's values alone, never
from the operator's version: an upgrade of the operator restarts no runner (design §7).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from hedgepair_operator import names
from hedgepair_operator.facts import PairFact
from hedgepair_operator.settings import OperatorSettings
from hedgepair_operator.wanting import REDIS_URL_KEY, owned
from hedgepair_runner.contract.desired import DESIRED_FILE, MANIFEST_FILE
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.manifest import HedgePair
from hedgepair_runner.contract.placement import RunnerPods
from hedgepair_runner.contract.spec import Account, HedgePairSpec, Network

CONFIG_DIR: Final = "/etc/hedgepair"
REDIS_DIR: Final = "/etc/hedgepair-redis"
KEYS_DIR: Final = "/etc/hedgepair-keys"
CA_DIR: Final = "/etc/hedgepair-ca"
PROBES_DIR: Final = "/etc/hedgepair-probes"
USER: Final = 65532
"""Of the runner image. Numeric, so that `runAsNonRoot` can be checked."""
OWNER_READS: Final = 0o400
GRACE_S: Final = 60

_REQUESTS: Final = {"cpu": "50m", "memory": "128Mi"}
_LIMITS: Final = {"memory": "256Mi"}


def roles_of(spec: HedgePairSpec) -> tuple[Role, ...]:
    """The roles that this resource runs, hedger first: the order in which they start."""
    roles = ((Role.HEDGER, spec.runs_hedger), (Role.MAKER, spec.runs_maker))
    return tuple(role for role, runs in roles if runs)


def account_of(spec: HedgePairSpec, role: Role) -> Account:
    if role is Role.MAKER:
        return spec.maker.account
    if spec.hedger is None:
        raise AssertionError("a pair with a hedger has hedger.account, by the manifest's rules")
    return spec.hedger.account


def image_of(spec: HedgePairSpec, settings: OperatorSettings) -> str:
    if spec.runner is not None and spec.runner.image is not None:
        return spec.runner.image
    return settings.runner_image


def restart_hash(pair: HedgePair, role: Role) -> str:
    """Of what a running process cannot take in: who it is, where it signs, and for whom."""
    spec = pair.spec
    exchange = spec.exchange
    facts: list[Any] = [
        pair.pairing,
        spec.mode.value,
        exchange.name.value,
        exchange.network.value,
        exchange.effective_url,
        exchange.effective_chain_id,
        exchange.require_fencing,
        *(_signs_with(account_of(spec, each)) for each in roles_of(spec) if each is role),
        spec.maker.account.account_index,
        None if spec.hedger is None else spec.hedger.account.account_index,
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def stateful_set(
    pair: PairFact, manifest: HedgePair, role: Role, settings: OperatorSettings
) -> dict[str, Any]:
    spec = manifest.spec
    standby = role is Role.HEDGER and spec.hedger is not None and spec.hedger.standby
    return owned(
        pair,
        "apps/v1",
        "StatefulSet",
        names.stateful_set(pair.key.name, role),
        role=role,
        spec={
            "replicas": 2 if standby else 1,
            "serviceName": names.RUNNERS,
            # A standby must not wait for the one that it stands by for.
            "podManagementPolicy": "Parallel",
            "updateStrategy": {"type": "OnDelete"},
            "revisionHistoryLimit": 2,
            "selector": {"matchLabels": names.pod_selector(pair.key.name, role)},
            "template": _template(pair, manifest, role, settings),
        },
    )


def _template(
    pair: PairFact, manifest: HedgePair, role: Role, settings: OperatorSettings
) -> dict[str, Any]:
    runner = manifest.spec.runner or RunnerPods()
    annotations = dict(runner.pod_annotations or {})
    annotations[names.RESTART_HASH] = restart_hash(manifest, role)
    if names.RESTARTED_AT in pair.annotations:
        annotations[names.RESTARTED_AT] = pair.annotations[names.RESTARTED_AT]
    return {
        "metadata": {
            "labels": {**(runner.pod_labels or {}), **names.labels(pair.key.name, role)},
            "annotations": annotations,
        },
        "spec": _pod_spec(pair, manifest, role, settings, runner),
    }


def _pod_spec(
    pair: PairFact,
    manifest: HedgePair,
    role: Role,
    settings: OperatorSettings,
    runner: RunnerPods,
) -> dict[str, Any]:
    volumes, mounts = _volumes(pair, manifest.spec, role, runner)
    pull_secrets = [secret.name for secret in runner.image_pull_secrets]
    pull_secrets += [name for name in settings.runner_pull_secrets if name not in pull_secrets]
    optional: dict[str, Any] = {
        "imagePullSecrets": [{"name": name} for name in pull_secrets],
        "nodeSelector": dict(runner.node_selector or {}),
        "tolerations": _plain(runner.tolerations),
        "priorityClassName": runner.priority_class_name,
    }
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": GRACE_S,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            # Keys are mounted for their owner, root; the group lets the runner read them.
            "fsGroup": USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "affinity": _affinity(pair.key.name, runner),
        "containers": [_container(manifest.spec, role, settings, runner, mounts)],
        "volumes": volumes,
        **{name: value for name, value in optional.items() if value},
    }


def _container(
    spec: HedgePairSpec,
    role: Role,
    settings: OperatorSettings,
    runner: RunnerPods,
    mounts: list[dict[str, Any]],
) -> dict[str, Any]:
    given = runner.resources
    requests = _REQUESTS | dict((given.requests if given else None) or {})
    limits = _LIMITS | dict((given.limits if given else None) or {})
    return {
        "name": role.label,
        "image": image_of(spec, settings),
        "imagePullPolicy": settings.runner_pull_policy,
        "command": ["hedgepair"],
        "args": [role.label, *_arguments(spec, settings)],
        "env": _environment(spec, settings, runner),
        "ports": [{"name": "http", "containerPort": names.HTTP_PORT, "protocol": "TCP"}],
        "resources": {"requests": requests, "limits": limits},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "startupProbe": _probe("/healthz", period_s=2, failures=60),
        # A runner that hangs is restarted within a minute; the venue's fence makes that safe.
        "livenessProbe": _probe("/healthz", period_s=10, failures=6),
        "readinessProbe": _probe("/readyz", period_s=2, failures=3),
        "volumeMounts": mounts,
    }


def _arguments(spec: HedgePairSpec, settings: OperatorSettings) -> list[str]:
    words = ["-f", f"{CONFIG_DIR}/{MANIFEST_FILE}", "--desired", f"{CONFIG_DIR}/{DESIRED_FILE}"]
    words += ["--redis-url-file", f"{REDIS_DIR}/{REDIS_URL_KEY}", "--secrets", KEYS_DIR]
    if spec.exchange.network is Network.PAPER and spec.exchange.effective_url is None:
        words += ["--exchange-url", settings.paper_url or ""]
    return [*words, "--http", f"0.0.0.0:{names.HTTP_PORT}"]


def _environment(
    spec: HedgePairSpec, settings: OperatorSettings, runner: RunnerPods
) -> list[dict[str, Any]]:
    env: list[dict[str, Any]] = []
    if spec.exchange.network is Network.PAPER:
        env.append({"name": "HEDGEPAIR_PAPER_SEED", "value": settings.paper_seed})
    if spec.exchange.network is Network.MAINNET:
        env.append({"name": "HEDGEPAIR_PROBES", "value": PROBES_DIR})
    if runner.ca_bundle_ref is not None:
        env.append({"name": "SSL_CERT_FILE", "value": f"{CA_DIR}/{runner.ca_bundle_ref.key}"})
    if runner.proxy is not None:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            env.append({"name": name, "value": runner.proxy.url})
        if runner.proxy.no_proxy:
            for name in ("NO_PROXY", "no_proxy"):
                env.append({"name": name, "value": ",".join(runner.proxy.no_proxy)})
    return env


def _volumes(
    pair: PairFact, spec: HedgePairSpec, role: Role, runner: RunnerPods
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    volumes: list[dict[str, Any]] = [
        {"name": "config", "configMap": {"name": names.config_map(pair.key.name)}},
        {
            "name": "redis",
            "secret": {
                "secretName": names.redis_secret(pair.key.name),
                "defaultMode": OWNER_READS,
            },
        },
        {"name": "tmp", "emptyDir": {"sizeLimit": "16Mi"}},
    ]
    mounts: list[dict[str, Any]] = [
        {"name": "config", "mountPath": CONFIG_DIR, "readOnly": True},
        {"name": "redis", "mountPath": REDIS_DIR, "readOnly": True},
        {"name": "tmp", "mountPath": "/tmp"},
    ]
    secret = account_of(spec, role).secret_ref
    if secret is not None:
        volumes.append(
            {
                "name": "key",
                "secret": {
                    "secretName": secret.name,
                    "defaultMode": OWNER_READS,
                    "optional": False,
                    "items": [{"key": secret.key, "path": secret.key}],
                },
            }
        )
        # No subPath: only whole volumes are refreshed when the Secret is rotated.
        mounts.append({"name": "key", "mountPath": f"{KEYS_DIR}/{secret.name}", "readOnly": True})
    if spec.exchange.network is Network.MAINNET:
        # Optional: without records the runner itself refuses, with the command that makes them.
        volumes.append({"name": "probes", "configMap": {"name": names.PROBES, "optional": True}})
        mounts.append({"name": "probes", "mountPath": PROBES_DIR, "readOnly": True})
    if runner.ca_bundle_ref is not None:
        bundle = runner.ca_bundle_ref
        items = [{"key": bundle.key, "path": bundle.key}]
        volumes.append({"name": "ca", "configMap": {"name": bundle.name, "items": items}})
        mounts.append({"name": "ca", "mountPath": CA_DIR, "readOnly": True})
    return volumes, mounts


def _affinity(pair: str, runner: RunnerPods) -> dict[str, Any]:
    """The user's own, and a preference: the runners of a pair on different nodes."""
    affinity: dict[str, Any] = _plain(runner.affinity) if runner.affinity is not None else {}
    apart = dict(affinity.get("podAntiAffinity") or {})
    term = {
        "topologyKey": "kubernetes.io/hostname",
        "labelSelector": {"matchLabels": {names.PAIR: pair}},
    }
    preferred = list(apart.get("preferredDuringSchedulingIgnoredDuringExecution") or ())
    preferred.append({"weight": 100, "podAffinityTerm": term})
    apart["preferredDuringSchedulingIgnoredDuringExecution"] = preferred
    return affinity | {"podAntiAffinity": apart}


def _probe(path: str, *, period_s: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": "http"},
        "periodSeconds": period_s,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }


def _signs_with(account: Account) -> list[Any]:
    secret = account.secret_ref
    where = None if secret is None else [secret.name, secret.key]
    return [account.account_index, account.api_key_index, where]


def _plain(value: Any) -> Any:
    """A part of the manifest in the API's own form."""
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if hasattr(value, "model_dump"):
        return value.model_dump(by_alias=True, exclude_none=True, mode="json")
    return value
