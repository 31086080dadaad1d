"""What the chart makes of its values: the same each time, restricted, and no more than asked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from hedgepair_operator.settings import PREFIX, VARIABLES, RedisAcl, read_settings
from tests.charts.rendering import (
    CASES,
    CHART,
    NAMESPACE,
    Object,
    named,
    objects_of,
    of_kind,
    pod_specs,
    rules_of,
    template,
    text_of,
)

CRD_FILE = CHART.parents[1] / "crds" / "hedgepairs.yaml"
CHANCE = r"\b(lookup|rand\w+|now|date\w*|gen\w*(CA|Cert|Key)\w*|uuidv4|htpasswd|derivePass\w*)\b"
CLUSTER_WIDE = ("ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "Namespace")


@pytest.mark.parametrize("case", CASES)
def test_it_renders_the_same_twice(case: str) -> None:
    again = template("--values", str(CHART / "ci" / f"{case}.yaml")).stdout
    assert again == text_of(case)


def test_no_template_asks_for_chance_time_or_the_cluster() -> None:
    for path in (CHART / "templates").rglob("*"):
        if path.is_file():
            actions = " ".join(re.findall(r"\{\{(?!/\*).*?\}\}", path.read_text(), re.DOTALL))
            assert not re.search(CHANCE, actions), path.name


@pytest.mark.parametrize("case", CASES)
def test_every_object_is_labelled_and_named_once(case: str) -> None:
    seen = set()
    for each in objects_of(case):
        metadata = each["metadata"]
        identity = each["kind"], metadata.get("namespace"), metadata["name"]
        assert identity not in seen
        seen.add(identity)
        if each["kind"] != "CustomResourceDefinition":
            assert {"app.kubernetes.io/name", "app.kubernetes.io/instance"} <= set(
                metadata["labels"]
            )
        if each["kind"] not in CLUSTER_WIDE:
            assert metadata["namespace"]


@pytest.mark.parametrize("case", CASES)
def test_every_pod_is_restricted(case: str) -> None:
    for where, spec in pod_specs(objects_of(case)):
        security = spec["securityContext"]
        assert security["runAsNonRoot"] is True, where
        assert isinstance(security["runAsUser"], int), where
        assert security["runAsUser"] > 0, where
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, where
        assert spec["enableServiceLinks"] is False, where
        assert "automountServiceAccountToken" in spec, where
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec), where
        for container in spec["containers"]:
            own = container["securityContext"]
            assert own["allowPrivilegeEscalation"] is False, where
            assert own["readOnlyRootFilesystem"] is True, where
            assert own["capabilities"] == {"drop": ["ALL"]}, where
            assert container["resources"]["requests"], where
            assert "memory" in container["resources"]["limits"], where
        for volume in spec.get("volumes", ()):
            assert not {"hostPath"} & set(volume), where
            if "emptyDir" in volume:
                assert "sizeLimit" in volume["emptyDir"], where


@pytest.mark.parametrize("case", CASES)
def test_only_the_operator_and_the_jobs_have_a_token(case: str) -> None:
    with_token = {
        where for where, spec in pod_specs(objects_of(case)) if spec["automountServiceAccountToken"]
    }
    assert {where.partition("/")[0] for where in with_token} <= {"Deployment", "Job", "Pod"}


@pytest.mark.parametrize("case", CASES)
def test_nobody_may_read_a_secret(case: str) -> None:
    for rule in rules_of(objects_of(case)):
        assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"]
        if "secrets" in rule["resources"]:
            assert not {"get", "list", "watch"} & set(rule["verbs"])


@pytest.mark.parametrize("case", CASES)
def test_helm_sees_no_secret(case: str) -> None:
    assert not of_kind(objects_of(case), "Secret")


def test_the_secrets_are_made_once_by_an_account_that_may_only_create() -> None:
    objects = objects_of("defaults")
    job = named(objects, "Job", "hedgepair-make-secret")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["args"] == [
        *("--redis", "hedgepair-redis"),
        *("--redis-host", f"hedgepair-redis.{NAMESPACE}.svc"),
        *("--token", "hedgepair-exchange-admin"),
    ]
    role = named(objects, "Role", "hedgepair-make-secret")
    assert role["rules"] == [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]}]


def test_without_secrets_to_make_there_is_no_such_job() -> None:
    names = {each["metadata"]["name"] for each in of_kind(objects_of("everything-off"), "Job")}
    assert names == set()


# -- the resource definition ----------------------------------------------------------------


def test_the_charts_definition_is_the_repositorys() -> None:
    (found,) = of_kind(objects_of("defaults"), "CustomResourceDefinition")
    assert found == yaml.safe_load(CRD_FILE.read_text())
    assert found["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_without_crds_there_is_none() -> None:
    assert not of_kind(objects_of("everything-off"), "CustomResourceDefinition")


# -- who may do what, and where -------------------------------------------------------------


def test_a_namespaced_release_makes_nothing_cluster_wide_but_the_definition() -> None:
    found = of_kind(objects_of("namespaced"), *CLUSTER_WIDE)
    assert [each["kind"] for each in found] == ["CustomResourceDefinition"]


def test_a_namespaced_release_has_the_same_rights_in_each_namespace() -> None:
    (wide,) = (
        role
        for role in of_kind(objects_of("defaults"), "ClusterRole")
        if role["metadata"]["name"] == "hedgepair-operator"
    )
    narrow = [
        role
        for role in of_kind(objects_of("namespaced"), "Role")
        if role["metadata"]["name"] == "hedgepair-operator"
    ]
    assert {role["metadata"]["namespace"] for role in narrow} == {"trading", "desk-b"}
    assert all(role["rules"] == wide["rules"] for role in narrow)


def test_view_and_edit_are_aggregated_and_edit_writes_no_status() -> None:
    objects = objects_of("defaults")
    view = named(objects, "ClusterRole", "hedgepair-view")
    edit = named(objects, "ClusterRole", "hedgepair-edit")
    assert view["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-view"] == "true"
    assert edit["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-edit"] == "true"
    assert [rule["resources"] for rule in edit["rules"]] == [["hedgepairs"]]


def test_one_replica_is_replaced_and_several_elect() -> None:
    alone, several = objects_of("defaults"), objects_of("ha")
    assert named(alone, "Deployment", "hedgepair-operator")["spec"]["strategy"] == {
        "type": "Recreate"
    }
    assert not of_kind(alone, "PodDisruptionBudget")
    assert not [rule for rule in rules_of(alone) if "leases" in rule["resources"]]
    assert of_kind(several, "PodDisruptionBudget")
    verbs = [rule["verbs"] for rule in rules_of(several) if "leases" in rule["resources"]]
    assert verbs == [["create"], ["get", "patch"]]
    assert environment(several)["HEDGEPAIR_LEADER_ELECTION"] == "true"


# -- what the operator is told --------------------------------------------------------------


def environment(objects: list[Object]) -> dict[str, str]:
    (deployment,) = of_kind(objects, "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each.get("value", "from-the-pod") for each in container["env"]}


@pytest.mark.parametrize("case", CASES)
def test_the_operator_takes_what_it_is_told(case: str) -> None:
    told = environment(objects_of(case))
    assert {name.removeprefix(PREFIX) for name in told if name.startswith(PREFIX)} <= set(VARIABLES)
    read_settings(told)


def test_every_setting_arrives() -> None:
    settings = read_settings(environment(objects_of("everything-on")))
    assert settings.runner_image.startswith("example/hedgepair-runner@sha256:")
    assert settings.runner_pull_secrets == ("pull",)
    assert settings.mainnet_allowed
    assert settings.leader_election
    assert settings.ceilings.pairs == 20
    assert {market: str(price) for market, price in settings.ceilings.prices.items()} == {
        "BTC": "100000.5",
        "ETH": "4000",
    }
    assert settings.extra_egress_cidrs == ("10.0.0.0/8",)
    assert settings.metrics_namespaces == ("monitoring",)
    assert settings.redis_rotation == "2"
    assert settings.log_level == "debug"
    external = read_settings(environment(objects_of("external-redis")))
    assert external.redis_acl is RedisAcl.PREPROVISIONED
    assert external.redis_runner_url == "rediss://redis.example.com:6380/0"
    assert read_settings(environment(objects_of("namespaced"))).watch_namespaces == (
        *("desk-b", "trading"),
    )
    off = read_settings(environment(objects_of("everything-off")))
    assert off.paper_url is None
    assert not off.network_policies


def test_a_new_chart_version_alone_restarts_neither_redis_nor_exchange() -> None:
    for each in of_kind(objects_of("defaults"), "StatefulSet"):
        template_labels = each["spec"]["template"]["metadata"]["labels"]
        assert "helm.sh/chart" not in template_labels
        assert "app.kubernetes.io/version" not in template_labels


# -- Redis and the exchange -----------------------------------------------------------------


def test_redis_keeps_its_claim_and_its_settings() -> None:
    objects = objects_of("defaults")
    redis = named(objects, "StatefulSet", "hedgepair-redis")["spec"]
    assert redis["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] == "Retain"
    config = named(objects, "ConfigMap", "hedgepair-redis")["data"]
    for line in ("appendonly yes", "appendfsync everysec", "maxmemory-policy noeviction"):
        assert line in config["redis.conf"].splitlines()
    scripts = {"start.sh": "redis-start.sh", "ready.sh": "redis-ready.sh"}
    for key, name in scripts.items():
        assert config[key].strip() == (CHART / "files" / name).read_text().strip()
    assert "appendfsync always" in text_of("everything-on")


def test_existing_secrets_and_claims_are_used() -> None:
    text = text_of("everything-on")
    assert "claimName: redis-data" in text
    assert "secretName: redis-access" in text


def test_a_foreign_redis_needs_its_secret() -> None:
    refused = template("--set", "redis.enabled=false")
    assert refused.returncode != 0
    assert "redis.existingSecret" in refused.stderr


def test_images_can_be_pinned_by_digest() -> None:
    for where, spec in pod_specs(objects_of("everything-on")):
        for container in spec["containers"]:
            assert "@sha256:" in container["image"], where
            assert spec["imagePullSecrets"] == [{"name": "pull"}], where


def test_every_part_has_a_network_policy_and_only_runners_reach_redis_and_exchange() -> None:
    objects = objects_of("defaults")
    names = {each["metadata"]["name"] for each in of_kind(objects, "NetworkPolicy")}
    assert names == {f"hedgepair-{part}" for part in ("operator", "redis", "exchange", "jobs")}
    for name in ("hedgepair-redis", "hedgepair-exchange"):
        policy = named(objects, "NetworkPolicy", name)["spec"]
        assert policy.get("egress", []) == []
        (rule,) = policy["ingress"]
        labels = [peer["podSelector"]["matchLabels"] for peer in rule["from"]]
        assert {"app.kubernetes.io/managed-by": "hedgepair-operator"} in labels
    narrow = named(objects_of("namespaced"), "NetworkPolicy", "hedgepair-exchange")
    (rule,) = narrow["spec"]["ingress"]
    spaces = [peer["namespaceSelector"]["matchLabels"] for peer in rule["from"]]
    assert spaces == [{"kubernetes.io/metadata.name": name} for name in ("trading", "desk-b")]


def test_the_test_trades_where_pairs_are_served() -> None:
    pod = named(objects_of("namespaced"), "Pod", "hedgepair-test")
    assert pod["spec"]["containers"][0]["args"][:2] == ["--namespace", "trading"]


def test_monitoring_is_off_unless_asked_for() -> None:
    kinds = {each["kind"] for each in objects_of("defaults")}
    assert not {"ServiceMonitor", "PrometheusRule"} & kinds
    assert {"ServiceMonitor", "PrometheusRule"} <= {
        each["kind"] for each in objects_of("everything-on")
    }


def test_the_files_of_the_chart_are_copies() -> None:
    assert Path(CHART / "files" / "hedgepairs.yaml").read_bytes() == CRD_FILE.read_bytes()
