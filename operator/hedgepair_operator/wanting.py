"""What every child has in common, and the two that carry a pair's configuration.

The ConfigMap holds `pair.yaml` and `desired.json` (design §8), the Secret the URL of the pair's own
Redis user. Nothing here follows from the operator's own version: an upgrade touches no runner.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from hedgepair_operator import names
from hedgepair_operator.differing import stamped
from hedgepair_operator.facts import PairFact
from hedgepair_runner.contract.desired import DESIRED_FILE, MANIFEST_FILE
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.manifest import HedgePair

REDIS_URL_KEY: Final = "url"


def owned(
    pair: PairFact,
    api_version: str,
    kind: str,
    name: str,
    *,
    role: Role | None = None,
    annotations: Mapping[str, str] | None = None,
    **parts: Any,
) -> dict[str, Any]:
    """A child of the pair: garbage-collected with it, adopted by nobody else."""
    return stamped(
        {
            "apiVersion": api_version,
            "kind": kind,
            "metadata": {
                "name": name,
                "namespace": pair.key.namespace,
                "labels": names.labels(pair.key.name, role),
                "annotations": dict(annotations or {}),
                "ownerReferences": [
                    {
                        "apiVersion": names.API_VERSION,
                        "kind": names.KIND,
                        "name": pair.key.name,
                        "uid": pair.uid,
                        "controller": True,
                        "blockOwnerDeletion": True,
                    }
                ],
            },
            **parts,
        }
    )


def manifest_of(pair: HedgePair) -> dict[str, Any]:
    """The resource for its runners: what its user (or the CRD's defaults) wrote, as far as this
    operator knows the fields. Runners of another version fill in their own defaults."""
    spec = pair.spec.model_dump(by_alias=True, exclude_unset=True, exclude_none=True, mode="json")
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {"name": pair.name, "namespace": pair.namespace},
        # What concerns pods only would change the runners' file for nothing.
        "spec": {name: value for name, value in spec.items() if name != "runner"},
    }


def config_map(
    pair: PairFact, manifest: Mapping[str, Any], *, desired: str, wish_since: str, redis_digest: str
) -> dict[str, Any]:
    """`manifest` as of `manifest_of`; `desired`: text of `contract.desired.write_desired`."""
    text = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False)
    return owned(
        pair,
        "v1",
        "ConfigMap",
        names.config_map(pair.key.name),
        annotations={names.WISH_SINCE: wish_since, names.REDIS_DIGEST: redis_digest},
        data={MANIFEST_FILE: text + "\n", DESIRED_FILE: desired},
    )


def redis_secret(pair: PairFact, url: str) -> dict[str, Any]:
    """Written by the operator and read by the kubelet alone; its content is never compared."""
    secret = owned(
        pair,
        "v1",
        "Secret",
        names.redis_secret(pair.key.name),
        type="Opaque",
        stringData={REDIS_URL_KEY: url},
    )
    # A digest of a secret is not for everybody's eyes.
    del secret["metadata"]["annotations"][names.APPLIED]
    secret["metadata"]["labels"][names.CREDENTIALS] = "true"
    return secret
