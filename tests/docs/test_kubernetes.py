"""The manifests name only what they make, or what their README has people make."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

FOLDER = Path(__file__).resolve().parents[2] / "orchestrate" / "kubernetes"
MADE_BY_HAND = {"": "entrepot", "-second": "entrepot-second"}


def _assert_whole(manifests: list[dict[str, Any]], suffix: str) -> None:
    made = {each["kind"]: each for each in manifests}
    pod = made["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    variables, secrets = container["envFrom"]
    config = made["ConfigMap"]["metadata"]["name"]
    assert variables["configMapRef"]["name"] == config == f"entrepot{suffix}"
    assert secrets["secretRef"]["name"] == MADE_BY_HAND[suffix]
    (volume,) = pod["volumes"]
    claim = made["PersistentVolumeClaim"]["metadata"]["name"]
    assert volume["persistentVolumeClaim"]["claimName"] == claim
    assert [each["name"] for each in container["volumeMounts"]] == [volume["name"]]


def test_the_base_is_whole() -> None:
    text = (FOLDER / "base" / "nightly.yaml").read_text()
    _assert_whole(list(yaml.safe_load_all(text)), "")


@pytest.mark.parametrize(
    ("folder", "suffix"), [("base", ""), ("overlays/second", "-second")]
)
def test_what_kustomize_makes_is_whole(folder: str, suffix: str) -> None:
    """Two overlays share nothing, and so can be applied to one namespace."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl, which has kustomize, is not on this machine")
    built = subprocess.run(
        ["kubectl", "kustomize", str(FOLDER / folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    manifests = list(yaml.safe_load_all(built.stdout))
    for each in manifests:
        kubernetes_validate.validate(
            each, kubernetes_validate.latest_version(), strict=True
        )
    _assert_whole(manifests, suffix)
    if suffix:
        (config,) = (each for each in manifests if each["kind"] == "ConfigMap")
        assert config["data"]["REPLICA_SCHEMA"] == "second"
