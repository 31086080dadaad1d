"""`helm test`: a paper pair becomes Ready, trades, is Hedged, and is removed again."""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from hedgepair_operator.release.in_cluster import Answer, ApiUnavailable, InClusterApi

_POLL_S: Final = 2.0
_FIRST_ACCOUNT: Final = 9_000_000
"""Far from the accounts of examples: two pairs on one account are refused."""
_SPREAD: Final = 1_000_000
_NOT_FOUND: Final = 404
_REMOVAL_S: Final = 120.0

Judge = Callable[[Answer], tuple[bool | None, str]]
"""True or False: a verdict; None: go on. And how it stands, in a line."""


def manifest(name: str, first_account: int) -> Mapping[str, Any]:
    return {
        "apiVersion": "hedgepair.io/v1alpha1",
        "kind": "HedgePair",
        "metadata": {"name": name},
        "spec": {
            "market": "ETH",
            "quantity": "0.05",
            "timeoutSeconds": 5,
            "deletionPolicy": "Flatten",
            "exchange": {"network": "Paper"},
            "maker": {"account": {"accountIndex": first_account}, "requoteTicks": 5},
            "hedger": {"account": {"accountIndex": first_account + 1}},
            "risk": {"maxPosition": "0.5"},
        },
    }


def progress(pair: Mapping[str, Any], *, has_traded: bool) -> tuple[bool, str]:
    """Whether all is proved, and how it stands in a line."""
    status = pair.get("status", {})
    truths = {each["type"]: each for each in status.get("conditions", ())}
    words = []
    for kind in ("Accepted", "Ready", "Hedged"):
        found = truths.get(kind, {})
        words.append(f"{kind}={found.get('status', '?')}({found.get('reason', 'not told yet')})")
    words.append("traded" if has_traded else "no trade yet")
    good = all(truths.get(kind, {}).get("status") == "True" for kind in ("Ready", "Hedged"))
    return good and has_traded, " ".join(words)


def holds(pair: Mapping[str, Any]) -> bool:
    """A position is known and is not zero: it began at zero, so it has traded."""
    told = [pair.get("status", {}).get(leg, {}).get("position") for leg in ("maker", "hedger")]
    return any(position is not None and Decimal(position) != 0 for position in told)


class Hedged:
    """Waits for a trade, and for Ready and Hedged after it."""

    def __init__(self) -> None:
        self._has_traded = False

    def __call__(self, answer: Answer) -> tuple[bool | None, str]:
        if not answer.is_good:
            return False, f"the pair is gone: {answer.reason}"
        self._has_traded = self._has_traded or holds(answer.body)
        reached, line = progress(answer.body, has_traded=self._has_traded)
        return (True if reached else None), line


def removed(answer: Answer) -> tuple[bool | None, str]:
    return (True, "removed") if answer.status == _NOT_FOUND else (None, "being removed")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Trades a paper pair and removes it again.")
    parser.add_argument("--namespace", required=True)
    parser.add_argument("--timeout", type=float, default=240.0, metavar="SECONDS")
    options = parser.parse_args(arguments)
    name = f"hedgepair-test-{secrets.token_hex(3)}"
    pairs = f"/apis/hedgepair.io/v1alpha1/namespaces/{options.namespace}/hedgepairs"
    api = InClusterApi.of_this_pod()
    deadline_s = time.monotonic() + options.timeout
    created = api.ask("POST", pairs, manifest(name, _FIRST_ACCOUNT + secrets.randbelow(_SPREAD)))
    if not created.is_good:
        sys.stderr.write(f"the pair was refused: {created.reason}\n")
        return 1
    try:
        proved = _watched(api, f"{pairs}/{name}", Hedged(), deadline_s)
    finally:
        api.ask("DELETE", f"{pairs}/{name}")
    # Closing both legs takes its time, however much of it is left.
    gone = _watched(api, f"{pairs}/{name}", removed, time.monotonic() + _REMOVAL_S)
    return 0 if proved and gone else 1


def _watched(api: InClusterApi, path: str, judge: Judge, deadline_s: float) -> bool:
    """Until the judge has a verdict; prints each change."""
    told = ""
    while time.monotonic() < deadline_s:
        try:
            verdict, line = judge(api.ask("GET", path))
        except ApiUnavailable as gone:
            verdict, line = None, str(gone)
        if line != told:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
            told = line
        if verdict is not None:
            return verdict
        time.sleep(_POLL_S)
    sys.stderr.write(f"not within the time given: {told}\n")
    return False


if __name__ == "__main__":
    sys.exit(main())
