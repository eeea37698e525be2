"""The CronJob against Kubernetes' own schema, and against what the project promises."""

from __future__ import annotations

import re
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

ROOT = Path(__file__).parents[3]
FILE = ROOT / "orchestrate/kubernetes/base/nightly.yaml"
DOCUMENTS = list(yaml.safe_load_all(FILE.read_text()))
KINDS = {document["kind"]: document for document in DOCUMENTS}
JOB = KINDS["CronJob"]["spec"]
POD = JOB["jobTemplate"]["spec"]["template"]["spec"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document["kind"])
def test_kubernetes_takes_it(document: dict) -> None:
    kubernetes_validate.validate(
        document, kubernetes_validate.latest_version(), strict=True
    )


def test_the_check_can_fail() -> None:
    wrong = {**KINDS["CronJob"], "spec": {**JOB, "concurencyPolicy": "Forbid"}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(
            wrong, kubernetes_validate.latest_version(), strict=True
        )


def test_one_night_at_a_time_and_none_for_ever() -> None:
    assert JOB["concurrencyPolicy"] == "Forbid"
    assert JOB["jobTemplate"]["spec"]["backoffLimit"] == 0
    assert POD["restartPolicy"] == "Never"
    limits = ("failedJobsHistoryLimit", "successfulJobsHistoryLimit")
    assert all(0 < JOB[limit] <= 10 for limit in limits)
    budget = re.fullmatch(r"(\d+)h", KINDS["ConfigMap"]["data"]["NIGHT_BUDGET"])
    assert budget is not None
    deadline = JOB["jobTemplate"]["spec"]["activeDeadlineSeconds"]
    assert deadline > int(budget.group(1)) * 3600


def test_no_secret_is_written_into_it() -> None:
    (container,) = POD["containers"]
    assert "env" not in container
    assert {"secretRef": {"name": "entrepot"}} in container["envFrom"]
    secret = re.compile("URL|KEY|TOKEN|SECRET|PASSWORD|DSN|NOTIFICATIONS")
    assert not [name for name in KINDS["ConfigMap"]["data"] if secret.search(name)]


def test_its_variables_and_job_exist() -> None:
    example = (ROOT / ".env.example").read_text()
    for name in KINDS["ConfigMap"]["data"]:
        assert re.search(rf"^{name}=", example, re.MULTILINE)
    jobs = yaml.safe_load((ROOT / "orchestrate/jobs.meltano.yml").read_text())
    assert JOB["schedule"] in [each["interval"] for each in jobs["schedules"]]
