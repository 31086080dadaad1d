"""The chart as helm renders it, without a cluster."""

from __future__ import annotations

import functools
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parents[2] / "helm" / "hedgepair"
CASES = tuple(sorted(path.stem for path in (CHART / "ci").glob("*.yaml")))
NAMESPACE = "hedgepair-system"
KUBERNETES = "1.34.0"

Object = dict[str, Any]


def helm(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (os.environ["HELM"], *words), capture_output=True, text=True, check=False, timeout=60
    )


def template(*flags: str) -> subprocess.CompletedProcess[str]:
    where = ("hedgepair", str(CHART), "--namespace", NAMESPACE, "--kube-version", KUBERNETES)
    return helm("template", *where, *flags)


@functools.cache
def text_of(case: str, *flags: str) -> str:
    done = template("--values", str(CHART / "ci" / f"{case}.yaml"), *flags)
    assert done.returncode == 0, done.stderr
    return done.stdout


def objects_of(case: str, *flags: str) -> list[Object]:
    return [each for each in yaml.safe_load_all(text_of(case, *flags)) if each]


def of_kind(objects: list[Object], *kinds: str) -> list[Object]:
    return [each for each in objects if each["kind"] in kinds]


def named(objects: list[Object], kind: str, name: str) -> Object:
    (found,) = (each for each in of_kind(objects, kind) if each["metadata"]["name"] == name)
    return found


def pod_specs(objects: list[Object]) -> Iterator[tuple[str, Object]]:
    """Every pod that the release makes, hooks included."""
    for each in objects:
        where = f"{each['kind']}/{each['metadata']['name']}"
        if each["kind"] == "Pod":
            yield where, each["spec"]
        elif "template" in each.get("spec", {}):
            yield where, each["spec"]["template"]["spec"]


def rules_of(objects: list[Object]) -> Iterator[Object]:
    for role in of_kind(objects, "Role", "ClusterRole"):
        yield from role["rules"]
