"""What the manifests promise: they render, every object is what its schema allows, and a service is told what it can be told."""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import jsonschema  # type: ignore[import-untyped]
import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml
from pydantic import BaseModel

from accounting.settings import AccountingSettings
from chassis.topics import dead_letter_topic
from evaluation.events import consume as evaluation_consume
from evaluation.settings import EvaluationSettings
from gateway.events import consume as gateway_consume
from gateway.settings import GatewaySettings

ROOT = Path(__file__).resolve().parents[2]
VERSION = "1.34"
OVERLAYS = ("local", "production")
SERVICES: dict[str, type[BaseModel]] = {
    "accounting": AccountingSettings,
    "evaluation": EvaluationSettings,
    "gateway": GatewaySettings,
}
HEARD = {"evaluation": evaluation_consume.TOPICS, "gateway": gateway_consume.TOPICS}
# Settings that no manifest names, and why; a new setting is named in a manifest or here.
NOT_IN_MANIFESTS = {
    r"_DATABASE__OWNER_URL$": "the job `migration` is told; a service works as a role that owns nothing",
    r"_SERVER__UNIX_SOCKET$": "pods call each other over the network",
    r"_BROKER__EMBEDDED_FILE$": "the embedded log serves one process",
    r"_BROKER__KAFKA__SASL_": "services log in by certificate",
    r"_BROKER__KAFKA__INSTANCE_ID$": "pods of a deployment have no name that they keep",
    r"_CALLER_(ISSUER|AUDIENCE)$": "names that both sides know, changed by nobody",
    r"_TIMEOUTS__|_SECONDS$|_MAX_|_BATCH$|_LIMITS__": "sizes whose defaults were measured; a site that measures patches them",
    r"^GATEWAY_HTTP__ALLOWED_ORIGINS$": "a site's own web pages",
    r"^GATEWAY_(PUBLIC_URL|ACCESS__OIDC)$": "a site's own address, and the issuers that it trusts",
    r"^GATEWAY_MAIL__": "a site's own mail server",
    r"^GATEWAY_RETENTION__": "how long a site has to keep, or may",
    r"^GATEWAY_WEBHOOKS__": "a site's own networks",
    r"^GATEWAY_ACCESS__AUDIENCE$": "a name that both sides know, changed by nobody",
}
Resource = dict[str, Any]


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Resource]]:
    """The objects of each overlay, with secrets made for the purpose."""
    program = next((found for name in ("kustomize", "kubectl") if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("neither kustomize nor kubectl is installed: the manifests are NOT checked")
    copy = tmp_path_factory.mktemp("manifests") / "k8s"
    shutil.copytree(ROOT / "k8s", copy, ignore=shutil.ignore_patterns("secrets"))
    make = [sys.executable, str(ROOT / "deploy" / "make_secrets.py"), str(copy / "overlays" / "local" / "secrets")]
    subprocess.run(make, check=True, capture_output=True)
    build = [program, "build"] if program.endswith("kustomize") else [program, "kustomize"]

    def render(overlay: str) -> list[Resource]:
        done = subprocess.run([*build, str(copy / "overlays" / overlay)], check=True, capture_output=True, text=True)
        return list(yaml.safe_load_all(done.stdout))

    return {overlay: render(overlay) for overlay in OVERLAYS}


def workloads(resources: list[Resource]) -> Iterator[tuple[Resource, Resource]]:
    for resource in resources:
        if resource["kind"] in ("Deployment", "StatefulSet", "Job"):
            yield resource, resource["spec"]["template"]


def setting_names(model: type[BaseModel], prefix: str) -> Iterator[str]:
    """Yields the variable of every leaf of a settings class."""
    for name, field in model.model_fields.items():
        variable = f"{prefix}{name.upper()}"
        optional = get_origin(field.annotation) in (Union, UnionType)
        choices = get_args(field.annotation) if optional else (field.annotation,)
        nested = [each for each in choices if isinstance(each, type) and issubclass(each, BaseModel)]
        if nested:
            yield from setting_names(nested[0], f"{variable}__")
        else:
            yield variable


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_is_what_its_schema_allows(rendered: dict[str, list[Resource]], overlay: str) -> None:
    schemas = yaml.safe_load((ROOT / "k8s" / "schemas.yaml").read_text(encoding="utf-8"))
    for resource in rendered[overlay]:
        kind = f"{resource['apiVersion']}/{resource['kind']}"
        if kind in schemas:
            assert set(resource) == {"apiVersion", "kind", "metadata", "spec"}, kind
            jsonschema.validate(resource["spec"], schemas[kind])
        else:
            kubernetes_validate.validate(resource, VERSION, strict=True)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_object_is_defined_twice_and_all_are_in_the_namespace(rendered: dict[str, list[Resource]], overlay: str) -> None:
    names = [(each["kind"], each["metadata"]["name"]) for each in rendered[overlay]]
    assert len(names) == len(set(names))
    assert {each["metadata"].get("namespace") for each in rendered[overlay] if each["kind"] != "Namespace"} == {"parkcarbon"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_is_confined(rendered: dict[str, list[Resource]], overlay: str) -> None:
    for resource, template in workloads(rendered[overlay]):
        name, pod = resource["metadata"]["name"], template["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["runAsUser"] > 0, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["automountServiceAccountToken"] is False, name
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False, name
            assert context["readOnlyRootFilesystem"] is True, name
            assert context["capabilities"] == {"drop": ["ALL"]}, name
            assert {"cpu", "memory"} <= set(container["resources"]["requests"]), name
            assert "memory" in container["resources"]["limits"], name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_server_is_probed_and_every_service_can_lose_a_pod(rendered: dict[str, list[Resource]], overlay: str) -> None:
    of_kind = {kind: {each["metadata"]["name"] for each in rendered[overlay] if each["kind"] == kind} for kind in KINDS_PER_SERVICE}
    for kind, names in of_kind.items():
        assert set(SERVICES) <= names, kind
    for resource, template in workloads(rendered[overlay]):
        if resource["kind"] != "Job":
            assert all("readinessProbe" in container for container in template["spec"]["containers"]), resource["metadata"]["name"]
        if resource["metadata"]["name"] in SERVICES and resource["kind"] == "Deployment":
            [container] = template["spec"]["containers"]
            assert {"startupProbe", "livenessProbe"} <= set(container)
            assert "replicas" not in resource["spec"], "the autoscaler owns their number"


KINDS_PER_SERVICE = ("Deployment", "Service", "ServiceAccount", "PodDisruptionBudget", "HorizontalPodAutoscaler", "NetworkPolicy")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_a_policy_or_a_selector_names_is_there(rendered: dict[str, list[Resource]], overlay: str) -> None:
    """A policy that selects no pod, after a renaming, would protect nothing."""
    key = "app.kubernetes.io/name"
    labels = {template["metadata"]["labels"][key] for _, template in workloads(rendered[overlay])}
    assert named_pods(rendered[overlay], key) <= labels


def named_pods(value: Any, key: str) -> set[str]:
    if isinstance(value, list):
        return set().union(*(named_pods(each, key) for each in value))
    if not isinstance(value, dict):
        return set()
    found = {str(value[key])} if key in value else set()
    if value.get("key") == key:
        found |= set(value["values"])
    return found.union(*(named_pods(each, key) for each in value.values()))


@pytest.mark.parametrize("service", SERVICES)
def test_manifests_tell_a_service_only_what_it_can_be_told(rendered: dict[str, list[Resource]], service: str) -> None:
    assert told(rendered, service) - set(setting_names(SERVICES[service], f"{service.upper()}_")) == set()


@pytest.mark.parametrize("service", SERVICES)
def test_manifests_tell_a_service_all_that_it_can_be_told(rendered: dict[str, list[Resource]], service: str) -> None:
    left = set(setting_names(SERVICES[service], f"{service.upper()}_")) - told(rendered, service)
    assert {name for name in left if not any(re.search(pattern, name) for pattern in NOT_IN_MANIFESTS)} == set()


def told(rendered: dict[str, list[Resource]], service: str) -> set[str]:
    """The variables of a service's container over all overlays."""
    return {
        variable["name"]
        for resources in rendered.values()
        for resource, template in workloads(resources)
        if resource["kind"] == "Deployment" and resource["metadata"]["name"] == service
        for variable in template["spec"]["containers"][0]["env"]
    }


@pytest.mark.parametrize("service", SERVICES)
def test_compose_tells_a_service_only_what_it_can_be_told(service: str) -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    known = set(setting_names(SERVICES[service], f"{service.upper()}_"))
    assert set(compose["services"][service]["environment"]) - known == set()


@pytest.mark.parametrize("service", HEARD)
def test_a_listener_may_read_what_it_listens_to_and_write_its_dead_letters(
    rendered: dict[str, list[Resource]], service: str
) -> None:
    [user] = [each for each in rendered["production"] if each["metadata"]["name"] == f"{service}-kafka"]

    def may(operation: str, topic: str) -> bool:
        for rule in user["spec"]["authorization"]["acls"]:
            name, pattern = rule["resource"].get("name", ""), rule["resource"].get("patternType", "literal")
            fits = topic.startswith(name) if pattern == "prefix" else topic == name
            if rule["resource"]["type"] == "topic" and fits and operation in rule["operations"]:
                return True
        return False

    assert all(may("Read", topic) and not may("Write", topic) for topic in HEARD[service])
    assert all(may("Write", dead_letter_topic(topic, service)) for topic in HEARD[service])


def test_every_place_names_the_version_of_this_repository(rendered: dict[str, list[Resource]]) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    images = {
        container["image"]
        for resources in rendered.values()
        for _, template in workloads(resources)
        for container in template["spec"]["containers"]
        if container["image"].startswith("parkcarbon/")
    }
    assert {image.rpartition(":")[2] for image in images} == {version}
    compose = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"PARKCARBON_TAG:-([^}]+)\}", compose)) == {version}
