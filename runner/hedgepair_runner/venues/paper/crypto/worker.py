"""What a verification worker process runs: it imports the cryptography and nothing else of ours."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from typing import NamedTuple

from hedgepair_runner.venues.paper.crypto import schnorr


def prepare() -> None:
    """The pool's initializer."""
    # Ctrl-C goes to the whole terminal; the exchange decides when its workers stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, name="leave-with-parent", daemon=True).start()
    schnorr.warm_up()


class Job(NamedTuple):
    message_hash: bytes
    signature: bytes
    public_key: bytes


def check(job: Job) -> bool:
    return schnorr.verify(job.message_hash, signature=job.signature, public_key=job.public_key)


def _leave_with_parent() -> None:
    """A killed exchange can't shut its pool down, and a worker never sees its pipe close."""
    parent = multiprocessing.parent_process()
    if parent is None:
        raise AssertionError("a worker is a child process: the pool spawned it")
    parent.join()
    os._exit(1)
