"""A kubelet that starts real processes: mounts volumes as folders, runs the pod's own command line.

Two things differ from a node: paths of mounts lie below a folder of the test, and the HTTP port is
a free one, since there is one network for all pods.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from hedgepair_runner.local import children
from hedgepair_runner.local.redis_server import free_port
from tests.operator.fake_api.kubelet import Kubelet
from tests.operator.fake_api.store import Change, Name, Object, Store

LOOK_S = 0.1
END_S = 20.0


@dataclass
class Pod:
    name: Name
    uid: str
    home: Path
    port: int
    item: Object
    child: children.Child | None = None
    is_ready: bool | None = None
    is_ending: bool = False
    restarts: int = 0
    mounts: dict[str, Path] = field(default_factory=dict)


class ProcessKubelet(Kubelet):
    def __init__(self, store: Store, home: Path) -> None:
        super().__init__(store)
        self._home = home
        self.pods: dict[Name, Pod] = {}
        self.history: list[tuple[str, str]] = []
        store.listeners.append(self._refresh)

    def started(self, name: Name, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        home = self._home / f"{name.name}-{uid[:8]}"
        found = Pod(name=name, uid=uid, home=home, port=free_port(), item=pod)
        self.pods[name] = found

    def ended(self, name: Name, pod: Object) -> None:
        found = self.pods.get(name)
        if found is None:
            self.gone(name, pod["metadata"]["uid"])
            return
        found.is_ending = True
        if found.child is not None:
            found.child.ask_to_stop()

    async def run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=2.0)
        async with aiohttp.ClientSession(timeout=timeout) as http:
            while True:
                for pod in list(self.pods.values()):
                    await self._look(pod, http)
                await asyncio.sleep(LOOK_S)

    def end(self) -> None:
        for pod in self.pods.values():
            if pod.child is not None:
                pod.child.end(patience_s=2.0)

    def last_words(self) -> str:
        return "\n".join(
            f"{name.name}: {pod.child.last_words()}"
            for name, pod in self.pods.items()
            if pod.child is not None
        )

    async def _look(self, pod: Pod, http: aiohttp.ClientSession) -> None:
        if pod.child is None:
            if pod.is_ending:
                self._forget(pod)
            else:
                self._start(pod)
            return
        if pod.child.exit_code is not None:
            if pod.is_ending:
                self._forget(pod)
                return
            pod.restarts += 1
            pod.is_ready = None
            self.history.append(("crash", pod.name.name))
            self._start(pod)
            return
        is_ready = await _is_ready(http, pod.port)
        if is_ready != pod.is_ready:
            pod.is_ready = is_ready
            self.tell(pod.name, pod.uid, is_ready=is_ready, restarts=pod.restarts)

    def _start(self, pod: Pod) -> None:
        if not self._mount(pod):
            return
        spec = pod.item["spec"]["containers"][0]
        words = [self._local(pod, word) for word in spec["args"]]
        where = words.index("--http") + 1
        words[where] = f"127.0.0.1:{pod.port}"
        env = {each["name"]: each["value"] for each in spec.get("env", ()) if "value" in each}
        pod.child = children.start(
            pod.name.name,
            [sys.executable, "-m", "hedgepair_runner", *words],
            log=pod.home / "log",
            environ={**os.environ, **env},
        )
        self.history.append(("start", pod.name.name))

    def _mount(self, pod: Pod) -> bool:
        """False while something that is to be mounted is missing, which an Event says."""
        paths = {
            each["name"]: pod.home / each["mountPath"].strip("/")
            for each in pod.item["spec"]["containers"][0]["volumeMounts"]
        }
        for volume in pod.item["spec"]["volumes"]:
            files = self._files(pod.name.namespace, volume)
            if files is None:
                return False
            path = paths[volume["name"]]
            path.mkdir(parents=True, exist_ok=True)
            for name, text in files.items():
                _write(path / name, text, is_secret="secret" in volume)
            pod.mounts[volume["name"]] = path
        return True

    def _files(self, namespace: str, volume: Mapping[str, Any]) -> dict[str, str] | None:
        if "emptyDir" in volume:
            return {}
        plural, source = (
            ("secrets", volume["secret"])
            if "secret" in volume
            else ("configmaps", volume["configMap"])
        )
        item = self.store.items.get(
            Name(plural, namespace, source.get("secretName") or source.get("name"))
        )
        if item is None:
            return None
        items = source.get("items")
        data: dict[str, str] = item["data"]
        return data if items is None else {each["path"]: data[each["key"]] for each in items}

    def _refresh(self, change: Change) -> None:
        """Mounted files follow, after a while; here at once."""
        if change.plural not in ("configmaps", "secrets") or change.type == "DELETED":
            return
        for pod in self.pods.values():
            if pod.mounts and pod.name.namespace == change.item["metadata"]["namespace"]:
                self._mount(pod)

    def _local(self, pod: Pod, word: str) -> str:
        return str(pod.home / word.strip("/")) if word.startswith("/etc/") else word

    def _forget(self, pod: Pod) -> None:
        self.history.append(("end", pod.name.name))
        self.pods.pop(pod.name, None)
        shutil.rmtree(pod.home, ignore_errors=True)
        self.gone(pod.name, pod.uid)


def _write(path: Path, text: str, *, is_secret: bool) -> None:
    """Whole or not at all, as the kubelet swaps a volume."""
    fresh = path.with_name(f".{path.name}")
    fresh.write_text(text)
    fresh.chmod(0o400 if is_secret else 0o644)
    fresh.replace(path)


async def _is_ready(http: aiohttp.ClientSession, port: int) -> bool:
    try:
        async with http.get(f"http://127.0.0.1:{port}/readyz") as answer:
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False
