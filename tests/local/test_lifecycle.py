"""A process from start to exit code, with real signals, in a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

PREAMBLE = """
import asyncio, decimal, sys, threading
from hedgepair_runner import lifecycle
from hedgepair_runner.logs import logging_to, secrets
from hedgepair_runner.refusals import StartRefused
def play(main):
    with logging_to(sys.stderr):
        code = lifecycle.run(main)
    sys.exit(code)
"""


def run(code: str, *signals: signal.Signals) -> tuple[int, str, str]:
    """Exit code, stdout, stderr. Signals are sent one by one, each after a line of stdout."""
    with subprocess.Popen(
        [sys.executable, "-c", PREAMBLE + code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        heard = ""
        for number in signals:
            heard += process.stdout.readline()
            process.send_signal(number)
        out, err = process.communicate(timeout=20)
        return process.returncode, heard + out, err


WAITS = """
async def main(stop):
    print("started", flush=True)
    await stop.wait()
    print("stopped in order", flush=True)
    return 0
play(main)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_asks_for_an_orderly_stop(number: signal.Signals) -> None:
    assert run(WAITS, number) == (0, "started\nstopped in order\n", "")


STUBBORN = """
async def main(stop):
    print("started", flush=True)
    await stop.wait()
    print("stopping", flush=True)
    await asyncio.sleep(60)
    return 0
play(main)
"""


def test_a_second_interrupt_ends_it_at_once() -> None:
    code, out, err = run(STUBBORN, signal.SIGINT, signal.SIGINT)

    assert (code, out) == (130, "started\nstopping\n")
    assert "orders may still rest" in err


def test_a_second_term_does_not_cut_the_orderly_stop_short() -> None:
    code, out, _ = run(
        STUBBORN.replace("asyncio.sleep(60)", "asyncio.sleep(0.3)"),
        signal.SIGTERM,
        signal.SIGTERM,
    )

    assert (code, out) == (0, "started\nstopping\n")


def test_a_crash_is_logged_once_and_exits_1() -> None:
    code, _, err = run("async def main(stop):\n    raise ValueError('the bug')\nplay(main)")

    (line,) = err.splitlines()
    assert code == 1
    assert json.loads(line)["message"] == "crashed"
    assert "ValueError: the bug" in json.loads(line)["error"]


def test_a_refusal_is_a_sentence_even_out_of_a_task_group_and_exits_2() -> None:
    code, out, err = run(
        "async def refuse():\n"
        "    secrets.register('hunter22')\n"
        "    raise StartRefused('no Redis at redis://:hunter22@host; start one')\n"
        "async def main(stop):\n"
        "    async with asyncio.TaskGroup() as tasks:\n"
        "        tasks.create_task(refuse())\n"
        "    return 0\n"
        "play(main)"
    )

    assert (code, out) == (2, "")
    assert err == "hedgepair: no Redis at redis://:[secret]@host; start one\n"


def test_the_loop_runs_off_the_main_thread_and_traps_floats_in_money() -> None:
    code, out, err = run(
        "async def main(stop):\n"
        "    print(threading.current_thread() is threading.main_thread())\n"
        "    async def trapped():\n"
        "        try:\n"
        "            decimal.Decimal(0.1)\n"
        "        except decimal.FloatOperation:\n"
        "            return True\n"
        "    async with asyncio.TaskGroup() as tasks:\n"
        "        here, there = tasks.create_task(trapped()), asyncio.to_thread(\n"
        "            lambda: decimal.getcontext().traps[decimal.FloatOperation])\n"
        "        print(await here, await there)\n"
        "    print(type(asyncio.get_running_loop()).__module__.split('.')[0])\n"
        "    return 3\n"
        "play(main)"
    )

    assert err == ""
    assert out.split() == ["False", "True", "True", "uvloop"]
    assert code == 3
