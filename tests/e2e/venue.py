"""The paper exchange's own records and its admin port, reached through port-forwards."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from typing import Any

from hedgepair_runner.contract.manifest import load_manifest
from hedgepair_runner.local.observations import LegRecords, LegTrade, PairRecords
from hedgepair_runner.local.records import PairAccounts, RecordsReader
from hedgepair_runner.local.tokens import paper_tokens
from tests.e2e.kubectl import NotReached, until
from tests.e2e.pairs import Pair


class Forward:
    """`kubectl port-forward` to a Service, started again whenever it has ended."""

    def __init__(self, namespace: str, target: str, port: int) -> None:
        self._words = ("kubectl", "-n", namespace, "port-forward", target, f":{port}")
        self._process: subprocess.Popen[str] | None = None
        self._url = ""

    @property
    def url(self) -> str:
        if self._process is None or self._process.poll() is not None:
            self._start()
        return self._url

    def _start(self) -> None:
        deadline_s = time.monotonic() + 30
        while time.monotonic() < deadline_s:
            self.close()
            self._process = subprocess.Popen(
                self._words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            stdout = self._process.stdout
            line = stdout.readline() if stdout is not None else ""
            if line.startswith("Forwarding from 127.0.0.1:"):
                self._url = f"http://127.0.0.1:{line.split(':')[1].split(' ')[0]}"
                return
            time.sleep(0.5)
        raise NotReached(f"{' '.join(self._words)} does not forward")

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None


class PaperVenue:
    """Facts of the exchange itself. `token` is that of its admin port."""

    def __init__(self, rest: Forward, admin: Forward, *, token: str, seed: str) -> None:
        self._rest = rest
        self._admin = admin
        self._token = token
        self.seed = seed

    @property
    def rest_url(self) -> str:
        return self._rest.url

    def records(self, pair: Pair) -> PairRecords:
        """Positions, resting orders and all trades of both legs, by the exchange alone."""
        spec = load_manifest(pair.manifest()).spec

        async def read() -> PairRecords:
            accounts = PairAccounts.of(spec)
            token_of = paper_tokens(self.seed, spec)
            async with RecordsReader(
                rest_url=self.rest_url, accounts=accounts, token_of=token_of
            ) as reader:
                return await reader.read(with_book=False)

        return asyncio.run(read())

    def wait_fills(self, pair: Pair, more: int, *, within_s: float = 60) -> PairRecords:
        """Until the maker has so many more trades than now."""
        start = len(_trades(until(lambda: self.records(pair), "records", within_s=30).maker))

        def filled() -> PairRecords | None:
            records = self.records(pair)
            return records if len(_trades(records.maker)) >= start + more else None

        return until(filled, f"{more} more fills of {pair.name}", within_s=within_s)

    def wait_net_zero(self, pair: Pair, *, within_s: float) -> float:
        """Seconds that it took until the net was zero in two looks running."""
        began_s = time.monotonic()

        def is_flat() -> bool:
            return self.records(pair).net_lots == 0 and self.records(pair).net_lots == 0

        until(is_flat, f"the net of {pair.name} is zero", within_s=within_s)
        return time.monotonic() - began_s

    def fault(self, kind: str, **fields: Any) -> None:
        self.admin("POST", "/api/faults", {"kind": kind, **fields})

    def clear_faults(self) -> None:
        self.admin("DELETE", "/api/faults")

    def admin(self, method: str, path: str, body: object = None) -> Any:
        """Raises AssertionError with the exchange's own sentence where it refuses."""
        request = urllib.request.Request(
            f"{self._admin.url}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._token}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                text = answer.read()
        except urllib.error.HTTPError as refused:
            raise AssertionError(f"{method} {path}: {refused.read().decode()}") from refused
        return json.loads(text) if text else None

    def audit(self, pair: Pair, *flags: str) -> dict[str, Any]:
        """`hedgepair audit` over the records; its JSON, with the exit code as `exit_code`."""
        words = (sys.executable, "-m", "hedgepair_runner", "audit", "-f", "-", "--output", "json")
        where = ("--exchange-url", self.rest_url, "--paper-seed", self.seed)
        done = subprocess.run(
            (*words, *where, *flags),
            input=pair.manifest(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if not done.stdout.strip():
            raise AssertionError(f"no verdict: {done.stderr}")
        return {**json.loads(done.stdout), "exit_code": done.returncode}

    def close(self) -> None:
        with suppress(OSError):
            self._rest.close()
        with suppress(OSError):
            self._admin.close()


def _trades(leg: LegRecords | None) -> tuple[LegTrade, ...]:
    return () if leg is None else leg.trades
