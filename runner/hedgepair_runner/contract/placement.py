"""`spec.runner`: the few pod fields that people need, in Kubernetes' own words.

No PodTemplateSpec on purpose: the CRD stays small enough for a plain `kubectl apply`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from hedgepair_runner.contract.fields import (
    IMAGE,
    INT32,
    INT64,
    URL,
    DataKey,
    LabelValue,
    ObjectName,
    PodQuantity,
    Section,
    Text,
    Whole,
    text,
)


class TolerationOperator(StrEnum):
    EXISTS = "Exists"
    EQUAL = "Equal"


class TaintEffect(StrEnum):
    NO_SCHEDULE = "NoSchedule"
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    NO_EXECUTE = "NoExecute"


class NodeOperator(StrEnum):
    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"
    GT = "Gt"
    LT = "Lt"


class LabelOperator(StrEnum):
    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


LabelKey = Annotated[str, text(316, min_length=1)]
Labels = Annotated[dict[Text, LabelValue], Field(max_length=16)]
Values = Annotated[tuple[LabelValue, ...], Field(max_length=32)]
Quantities = Annotated[dict[Text, PodQuantity], Field(max_length=8)]
Weight = Annotated[Whole, Field(ge=1, le=100, json_schema_extra=INT32)]


class ImagePullSecret(Section):
    name: ObjectName


class CaBundleRef(Section):
    """A ConfigMap of the same namespace that holds certificates in PEM."""

    name: ObjectName
    key: DataKey = "ca.crt"


class Proxy(Section):
    url: Annotated[str, text(256, pattern=URL)]
    no_proxy: Annotated[tuple[LabelKey, ...], Field(max_length=32)] = ()


class Resources(Section):
    requests: Quantities | None = None
    limits: Quantities | None = None


class Toleration(Section):
    key: Annotated[str, text(316)] | None = None
    operator: TolerationOperator | None = None
    value: LabelValue | None = None
    effect: TaintEffect | None = None
    toleration_seconds: Annotated[Whole, Field(json_schema_extra=INT64)] | None = None


class NodeRequirement(Section):
    key: LabelKey
    operator: NodeOperator
    values: Values | None = None


class NodeTerm(Section):
    match_expressions: Annotated[tuple[NodeRequirement, ...], Field(max_length=16)] | None = None
    match_fields: Annotated[tuple[NodeRequirement, ...], Field(max_length=16)] | None = None


class NodeSelector(Section):
    node_selector_terms: Annotated[tuple[NodeTerm, ...], Field(min_length=1, max_length=16)]


class PreferredNode(Section):
    weight: Weight
    preference: NodeTerm


class NodeAffinity(Section):
    required_during_scheduling_ignored_during_execution: NodeSelector | None = None
    preferred_during_scheduling_ignored_during_execution: (
        Annotated[tuple[PreferredNode, ...], Field(max_length=16)] | None
    ) = None


class LabelRequirement(Section):
    key: LabelKey
    operator: LabelOperator
    values: Values | None = None


class LabelSelector(Section):
    match_labels: Labels | None = None
    match_expressions: Annotated[tuple[LabelRequirement, ...], Field(max_length=16)] | None = None


class PodTerm(Section):
    topology_key: LabelKey
    label_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    namespaces: Annotated[tuple[LabelValue, ...], Field(max_length=16)] | None = None


class PreferredPods(Section):
    weight: Weight
    pod_affinity_term: PodTerm


class PodAffinity(Section):
    required_during_scheduling_ignored_during_execution: (
        Annotated[tuple[PodTerm, ...], Field(max_length=16)] | None
    ) = None
    preferred_during_scheduling_ignored_during_execution: (
        Annotated[tuple[PreferredPods, ...], Field(max_length=16)] | None
    ) = None


class Affinity(Section):
    node_affinity: NodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    pod_anti_affinity: PodAffinity | None = None


class RunnerPods(Section):
    """What the operator puts into the pods of both legs."""

    image: Annotated[str, text(512, pattern=IMAGE)] | None = None
    image_pull_secrets: Annotated[tuple[ImagePullSecret, ...], Field(max_length=8)] = ()
    resources: Resources | None = None
    node_selector: Labels | None = None
    tolerations: Annotated[tuple[Toleration, ...], Field(max_length=16)] = ()
    affinity: Affinity | None = None
    priority_class_name: Annotated[str, text(253)] | None = None
    pod_labels: Labels | None = None
    pod_annotations: (
        Annotated[dict[Text, Annotated[str, text(1024)]], Field(max_length=16)] | None
    ) = None
    ca_bundle_ref: CaBundleRef | None = None
    proxy: Proxy | None = None
