"""The HedgePair resource: read from a file, refusing what is unknown, or from the API server,
tolerating it (an older operator may meet a newer CRD).

Every problem of a manifest is said at once: shapes, unknown fields, and the rules between fields
as far as the fields they need can be read.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, ValidationError

from hedgepair_runner.contract.documents import read_document, without_nulls
from hedgepair_runner.contract.fields import DNS_LABEL, Section, Text, text
from hedgepair_runner.contract.problems import ManifestRefused, Problem, path_of
from hedgepair_runner.contract.rules import broken_rules
from hedgepair_runner.contract.spec import HedgePairSpec
from hedgepair_runner.contract.wording import inline_secrets, problem_of

API_VERSION: Final = "hedgepair.io/v1alpha1"
KIND: Final = "HedgePair"

# The smallest pair. Its values also stand in for unreadable ones while the rules between the
# readable ones are judged; a rule that needs a stand-in is skipped.
MINIMUM: Final[dict[str, Any]] = {
    "market": "ETH",
    "quantity": "0.05",
    "exchange": {"network": "Paper"},
    "maker": {"account": {"accountIndex": 101}},
    "hedger": {"account": {"accountIndex": 102}},
    "risk": {"maxPosition": "0.5"},
}

# What the API server adds, and a file may carry after `kubectl get -o yaml`: read as None.
Ignored = Annotated[
    None, BeforeValidator(lambda _: None), Field(default=None, exclude=True, repr=False)
]


class Metadata(Section):
    name: Annotated[str, text(45, pattern=DNS_LABEL, min_length=1)]
    namespace: Annotated[str, text(63, pattern=DNS_LABEL, min_length=1)] = "default"
    labels: dict[Text, Text] = Field(default_factory=dict)
    annotations: dict[Text, Text] = Field(default_factory=dict)
    uid: str | None = None
    generation: int | None = None
    resource_version: str | None = None
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    finalizers: tuple[str, ...] = ()
    generate_name: Ignored
    deletion_grace_period_seconds: Ignored
    owner_references: Ignored
    managed_fields: Ignored
    self_link: Ignored


class HedgePair(Section):
    api_version: Literal["hedgepair.io/v1alpha1"]
    kind: Literal["HedgePair"]
    metadata: Metadata
    spec: HedgePairSpec
    status: Ignored

    @property
    def name(self) -> str:
        return self.metadata.name

    @property
    def namespace(self) -> str:
        return self.metadata.namespace

    @property
    def pairing(self) -> str:
        """What a MakerOnly and a HedgerOnly resource meet by; by default the resource's name."""
        return self.spec.pairing if self.spec.pairing is not None else self.metadata.name

    def as_manifest(self) -> dict[str, Any]:
        """camelCase, JSON types, defaults written out; `read_resource` reads it back."""
        return self.model_dump(by_alias=True, exclude_none=True, mode="json")


def load_manifest(manifest: str) -> HedgePair:
    """The one HedgePair in the YAML text, or ManifestRefused with everything that is wrong."""
    return _judge(read_document(manifest), unknown="forbid")


def read_resource(resource: Mapping[str, Any]) -> HedgePair:
    """A HedgePair as the API server gives it; fields this version does not know are ignored.

    Raises ManifestRefused like `load_manifest`.
    """
    return _judge(without_nulls(dict(resource)), unknown="ignore")


def _judge(tree: dict[str, Any], *, unknown: Literal["forbid", "ignore"]) -> HedgePair:
    wrong_kind = _wrong_kind(tree)
    if wrong_kind:
        raise ManifestRefused(wrong_kind)
    secrets = inline_secrets(tree)
    pair: HedgePair | None = None
    shape: list[Problem] = []
    try:
        pair = HedgePair.model_validate(tree, extra=unknown)
    except ValidationError as error:
        shape = [problem_of(item, resource=HedgePair) for item in error.errors(include_url=False)]
    rules: tuple[Problem, ...] = ()
    if pair is not None:
        rules = broken_rules(pair.spec, unreadable=frozenset())
    elif isinstance(tree.get("spec"), dict):
        rules = _rules_with_stand_ins(tree["spec"])
    problems = _one_per_field(secrets, [*shape, *rules])
    if problems or pair is None:
        raise ManifestRefused(problems)
    return pair


def _wrong_kind(tree: dict[str, Any]) -> tuple[Problem, ...]:
    """A file of another kind is refused by this alone; its other fields are not ours to judge."""
    wrong = []
    for field, expected in (("apiVersion", API_VERSION), ("kind", KIND)):
        if tree.get(field) != expected:
            state = "is missing" if field not in tree else "is not that of a HedgePair"
            wrong.append(
                Problem(field=field, sentence=f"{field} {state}: write `{field}: {expected}`.")
            )
    return tuple(wrong)


def _one_per_field(secrets: list[Problem], others: list[Problem]) -> tuple[Problem, ...]:
    """A value that looks like a key is told off for that alone."""
    keys = {problem.field for problem in secrets}
    kept = [
        problem
        for problem in others
        if problem.field not in keys
        and not any(key.startswith(f"{problem.field}.") for key in keys)
    ]
    return tuple(dict.fromkeys([*secrets, *kept]))


def _rules_with_stand_ins(spec: dict[str, Any]) -> tuple[Problem, ...]:
    repaired = copy.deepcopy(spec)
    unreadable: set[str] = set()
    for _ in range(5):  # a repair may uncover the next problem, one level up
        try:
            readable = HedgePairSpec.model_validate(repaired, extra="ignore")
        except ValidationError as error:
            for item in error.errors(include_url=False, include_input=False):
                unreadable.add(_repair(repaired, item["loc"]))
        else:
            return broken_rules(readable, unreadable=frozenset(unreadable))
    return ()


def _repair(spec: dict[str, Any], location: tuple[str | int, ...]) -> str:
    """Puts a stand-in for what is required, or drops the optional part that holds the problem."""
    parent: Any = spec
    stand_in: Any = MINIMUM
    for depth, part in enumerate(location):
        stand_in = stand_in.get(part)
        last = depth == len(location) - 1
        if stand_in is None or last:
            parent.pop(part, None)
            if stand_in is not None:
                parent[part] = copy.deepcopy(stand_in)
            return path_of(location[: depth + 1])
        parent = parent[part]
    raise AssertionError("a problem of a spec that is a mapping lies inside it")
