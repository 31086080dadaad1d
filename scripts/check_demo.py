#!/usr/bin/env python3
"""Reads the demo's JSON object from stdin; exit code 1 with a sentence unless it went well."""

from __future__ import annotations

import json
import sys
from decimal import Decimal


def main() -> int:
    result = json.load(sys.stdin)
    wrong = [
        sentence
        for is_wrong, sentence in (
            (result["fills"] < 1, "no fill happened"),
            (result["hedged_fills"] != result["fills"], "not every fill was hedged"),
            (Decimal(result["net"]) != 0, "the net position is not zero"),
            (result["resting_orders"] != 0, "an order still rests"),
        )
        if is_wrong
    ]
    for sentence in wrong:
        sys.stderr.write(f"demo: {sentence}: {result}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
