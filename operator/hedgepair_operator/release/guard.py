"""Refuses `helm uninstall` while there are HedgePairs (operators.md §4.6).

Without an operator nobody withdraws their orders and nobody lets their deletion end.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Final

from hedgepair_operator.release.in_cluster import ApiUnavailable, InClusterApi

_PAIRS: Final = "/apis/hedgepair.io/v1alpha1"
_NOT_FOUND: Final = 404
_SHOWN: Final = 10


def verdict(pairs: Sequence[str]) -> str | None:
    """Why the release must stay, or None. `pairs` are namespace/name."""
    if not pairs:
        return None
    shown = ", ".join(pairs[:_SHOWN]) + (" …" if len(pairs) > _SHOWN else "")
    return (
        f"{len(pairs)} HedgePairs are still there ({shown}). Delete them first, so that no order "
        "of theirs stays at the exchange: kubectl delete hedgepairs --all --all-namespaces. "
        "To uninstall nevertheless: helm uninstall --no-hooks."
    )


def pairs_of(api: InClusterApi, namespaces: Sequence[str]) -> list[str]:
    """All that the release serves. Raises ApiUnavailable, and SystemExit where it is forbidden."""
    found = []
    for path in [f"/namespaces/{each}" for each in namespaces] or [""]:
        answer = api.ask("GET", f"{_PAIRS}{path}/hedgepairs")
        if answer.status == _NOT_FOUND:
            continue  # no such resource: then there is no pair
        if not answer.is_good:
            raise SystemExit(f"HedgePairs could not be listed: {answer.reason}")
        for item in answer.body.get("items", ()):
            found.append(f"{item['metadata']['namespace']}/{item['metadata']['name']}")
    return sorted(found)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Fails while there are HedgePairs.")
    parser.add_argument("--namespace", action="append", default=[])
    options = parser.parse_args(arguments)
    try:
        refusal = verdict(pairs_of(InClusterApi.of_this_pod(), options.namespace))
    except ApiUnavailable as gone:
        refusal = f"Whether there are HedgePairs is not known: {gone}"
    if refusal is not None:
        sys.stderr.write(refusal + "\n")
        return 1
    sys.stdout.write("no HedgePair is left\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
