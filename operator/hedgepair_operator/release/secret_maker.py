"""Makes the release's own Secrets once: Redis' access, and the paper exchange's admin token.

Run by the chart's installation hook, whose account may create Secrets and read none. What is there
already is kept: a second run, an upgrade or a new installation over an old volume changes nothing.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from hedgepair_operator.release.in_cluster import ApiUnavailable, InClusterApi

PORT: Final = 6379
_BYTES: Final = 32
_CREATED, _CONFLICT = 201, 409


def redis_secret(name: str, *, host: str, password: str, master: str) -> Mapping[str, Any]:
    url = f"redis://default:{password}@{host}:{PORT}/0"
    return _secret(name, {"url": url, "password": password, "master": master})


def token_secret(name: str, *, token: str) -> Mapping[str, Any]:
    return _secret(name, {"token": token})


def make(api: InClusterApi, namespace: str, secret: Mapping[str, Any]) -> str:
    """A sentence for the log. Raises ApiUnavailable, and SystemExit where it is forbidden."""
    name = secret["metadata"]["name"]
    answer = api.ask("POST", f"/api/v1/namespaces/{namespace}/secrets", secret)
    if answer.status == _CREATED:
        return f"made Secret {name}"
    if answer.status == _CONFLICT:
        return f"Secret {name} is there already and was kept"
    raise SystemExit(f"Secret {name} could not be made: {answer.reason}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Makes the release's own Secrets once.")
    parser.add_argument("--redis", metavar="NAME", help="Secret with url, password and master")
    parser.add_argument("--redis-host", metavar="HOST")
    parser.add_argument("--token", metavar="NAME", help="Secret with the exchange's admin token")
    options = parser.parse_args(arguments)
    wanted = []
    if options.redis:
        wanted.append(
            redis_secret(
                options.redis,
                host=options.redis_host,
                password=secrets.token_hex(_BYTES),
                master=secrets.token_hex(_BYTES),
            )
        )
    if options.token:
        wanted.append(token_secret(options.token, token=secrets.token_hex(_BYTES)))
    api = InClusterApi.of_this_pod()
    try:
        for secret in wanted:
            sys.stdout.write(make(api, os.environ["HEDGEPAIR_NAMESPACE"], secret) + "\n")
    except ApiUnavailable as gone:
        raise SystemExit(str(gone)) from gone  # the Job tries again
    return 0


def _secret(name: str, data: Mapping[str, str]) -> Mapping[str, Any]:
    labels = {
        "app.kubernetes.io/name": "hedgepair",
        "app.kubernetes.io/part-of": "hedgepair",
        "hedgepair.io/contains-credentials": "true",
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "labels": labels},
        "type": "Opaque",
        "stringData": dict(data),
    }


if __name__ == "__main__":
    sys.exit(main())
