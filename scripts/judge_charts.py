#!/usr/bin/env python3
"""Judges rendered charts: python scripts/judge_charts.py FOLDER [--all].

FOLDER holds one file for each case of the render matrix. kubernetes-validate and checkov judge by
themselves; with --all so do kubeconform, kube-linter, kube-score and polaris, where they lie in
.tools/bin. A finding that no waiver explains fails, and so does a waiver that explains nothing.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
JUDGES = ROOT / ".venv-judges" / "bin"
TOOLS = ROOT / ".tools" / "bin"
WAIVERS = ROOT / "scripts" / "judge-waivers.yaml"
KUBERNETES = "1.34"


@dataclass(frozen=True)
class Finding:
    judge: str
    case: str
    check: str
    subject: str  # Kind/name
    text: str


def run(*words: str | Path) -> str:
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, check=False
    )
    if not done.stdout and done.returncode:
        raise SystemExit(f"{words[0]} failed: {done.stderr[-2000:]}")
    return done.stdout


def kubernetes_validate(folder: Path) -> Iterator[Finding]:
    for path in sorted(folder.glob("*.yaml")):
        words = ("--strict", "--kubernetes-version", KUBERNETES, str(path))
        done = subprocess.run(
            (str(JUDGES / "kubernetes-validate"), *words),
            capture_output=True,
            text=True,
            check=False,
        )
        for line in (done.stdout + done.stderr).splitlines():
            if line.startswith(("ERROR", "FATAL")) or "Traceback" in line:
                yield Finding("kubernetes-validate", path.stem, "schema", "", line)


def checkov(folder: Path) -> Iterator[Finding]:
    answer = json.loads(
        run(JUDGES / "checkov", "-d", folder, "--framework", "kubernetes", "--quiet", "-o", "json")
    )
    for part in answer if isinstance(answer, list) else [answer]:
        if part.get("results", {}).get("parsing_errors"):
            raise SystemExit(f"checkov could not read {part['results']['parsing_errors']}")
        for each in part.get("results", {}).get("failed_checks", ()):
            kind, _, name = each["resource"].partition(".")
            case = Path(each["file_path"]).stem
            subject = f"{kind}/{name.rpartition('.')[2]}"
            yield Finding("checkov", case, each["check_id"], subject, each["check_name"])


def kubeconform(folder: Path) -> Iterator[Finding]:
    """With the schemas that kubernetes-validate brings: its own would be downloaded."""
    (bundled,) = JUDGES.parent.glob(
        f"lib/*/site-packages/kubernetes_validate/kubernetes-json-schema/v{KUBERNETES}.*-local-strict"
    )
    schemas = folder.resolve().parent / "schemas"
    schemas.mkdir(exist_ok=True)
    for path in bundled.glob("*.json"):
        # Its references are paths of a server; kubeconform wants them whole.
        where = f"file://{schemas}/_definitions.json"
        text = path.read_text().replace("/api/_definitions.json", where)
        (schemas / path.name).write_text(text)
    where = f"{schemas}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    words = ("-strict", "-output", "json", "-schema-location", where)
    skipped = "CustomResourceDefinition,ServiceMonitor,PrometheusRule"
    answer = json.loads(run(TOOLS / "kubeconform", *words, "-skip", skipped, folder))
    for each in answer.get("resources") or ():
        yield Finding(
            "kubeconform",
            Path(each["filename"]).stem,
            each["status"],
            f"{each['kind']}/{each['name']}",
            each["msg"],
        )


def kube_linter(folder: Path) -> Iterator[Finding]:
    words = ("lint", "--add-all-built-in", "--format", "json")
    answer = json.loads(run(TOOLS / "kube-linter", *words, folder))
    for each in answer.get("Reports") or ():
        thing = each["Object"]
        subject = thing["K8sObject"]
        yield Finding(
            "kube-linter",
            Path(thing["Metadata"]["FilePath"]).stem,
            each["Check"],
            f"{subject['GroupVersionKind']['Kind']}/{subject['Name']}",
            each["Diagnostic"]["Message"],
        )


def kube_score(folder: Path) -> Iterator[Finding]:
    for path in sorted(folder.glob("*.yaml")):
        for each in json.loads(run(TOOLS / "kube-score", "score", "-o", "json", path)) or ():
            subject = f"{each['type_meta']['kind']}/{each['object_meta']['name']}"
            for check in each["checks"]:
                if check["grade"] <= 5 and not check["skipped"]:  # 1 critical, 5 warning
                    comments = "; ".join(note["summary"] for note in check["comments"] or ())
                    yield Finding("kube-score", path.stem, check["check"]["id"], subject, comments)


def polaris(folder: Path) -> Iterator[Finding]:
    for path in sorted(folder.glob("*.yaml")):
        answer = json.loads(
            run(TOOLS / "polaris", "audit", "--audit-path", path, "--format", "json", "--quiet")
        )
        for each in answer["Results"]:
            subject = f"{each['Kind']}/{each['Name']}"
            for result in _polaris_results(each):
                if not result["Success"] and result["Severity"] != "ignore":
                    yield Finding("polaris", path.stem, result["ID"], subject, result["Message"])


def _polaris_results(each: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from (each.get("Results") or {}).values()
    pod = each.get("PodResult") or {}
    yield from (pod.get("Results") or {}).values()
    for container in pod.get("ContainerResults") or ():
        yield from (container.get("Results") or {}).values()


QUICK = (kubernetes_validate, checkov)
FURTHER = (kubeconform, kube_linter, kube_score, polaris)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--all", action="store_true")
    options = parser.parse_args()
    judges = [*QUICK, *(FURTHER if options.all else ())]
    for judge in FURTHER if options.all else ():
        if not (TOOLS / judge.__name__.replace("_", "-")).exists():
            sys.stderr.write(f"{judge.__name__} is not here and does not judge\n")
            judges.remove(judge)
    waivers = yaml.safe_load(WAIVERS.read_text())
    used: set[int] = set()
    unexplained = 0
    for judge in judges:
        name = judge.__name__.replace("_", "-")
        count = waived = 0
        for finding in judge(options.folder):
            count += 1
            found = [
                index
                for index, waiver in enumerate(waivers)
                if waiver["judge"] == finding.judge
                and finding.check in waiver["checks"]
                and any(fnmatch.fnmatch(finding.subject, each) for each in waiver["subjects"])
                and finding.case in waiver.get("cases", [finding.case])
            ]
            used.update(found)
            waived += bool(found)
            if not found:
                unexplained += 1
                sys.stdout.write(
                    f"{name}: {finding.case}: {finding.subject}: {finding.check}: {finding.text}"
                    + "\n"
                )
        sys.stderr.write(f"{name}: {count} findings, {waived} explained" + "\n")
    ran = {judge.__name__.replace("_", "-") for judge in judges}
    for index, waiver in enumerate(waivers):
        if waiver["judge"] in ran and index not in used:
            unexplained += 1
            sys.stdout.write(
                f"{waiver['judge']}: the waiver of {waiver['checks']} explains nothing any more"
                + "\n"
            )
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
