"""What is kept of a test that failed: resources, Events, logs of all pods."""

from __future__ import annotations

import re
from pathlib import Path

from tests.e2e.kubectl import attempt

KINDS = "hedgepairs,statefulsets,deployments,pods,configmaps,services,networkpolicies,leases,pvc"


def dump(folder: Path, *namespaces: str) -> Path:
    """Writes a folder a namespace; returns where. Secrets are left out."""
    for namespace in namespaces:
        into = folder / namespace
        into.mkdir(parents=True, exist_ok=True)
        keep = {
            "resources.yaml": ("get", KINDS, "-o", "yaml"),
            "overview.txt": ("get", KINDS, "-o", "wide"),
            "events.txt": ("get", "events", "--sort-by=.lastTimestamp"),
            "hedgepairs.txt": ("describe", "hedgepairs"),
        }
        for name, words in keep.items():
            (into / name).write_text(attempt("kubectl", "-n", namespace, *words))
        for pod in attempt("kubectl", "-n", namespace, "get", "pods", "-o", "name").split():
            if not pod.startswith("pod/"):
                continue
            for flag in ("", "--previous"):
                words = ("logs", "--all-containers", "--tail=5000", pod, *([flag] if flag else []))
                text = attempt("kubectl", "-n", namespace, *words)
                name = re.sub(r"\W", "-", pod.removeprefix("pod/"))
                (into / f"{name}{flag}.log").write_text(text)
    return folder
