"""Installs the release under test, once for all test processes: `python -m tests.e2e.install`."""

from __future__ import annotations

import sys

from tests.e2e.conftest import RELEASE, SYSTEM, make_namespace
from tests.e2e.kubectl import attempt
from tests.e2e.release import Images, Release


def main() -> None:
    if "not found" in attempt("kubectl", "get", "namespace", SYSTEM):
        make_namespace(SYSTEM)
    release = Release(name=RELEASE, namespace=SYSTEM, images=Images.from_environ())
    sys.stdout.write(release.install())


if __name__ == "__main__":
    main()
