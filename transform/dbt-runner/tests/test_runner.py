"""The URL is taken apart for dbt, and nothing secret is shown."""

from __future__ import annotations

import pytest

from entrepot_dbt.runner import environment


def test_a_url_is_taken_apart() -> None:
    url = "postgresql://entre%40pot:p%40ss%3A%2F%25'w@db.example.org:6543/ware%20house?sslmode=require"
    given = {
        "TARGET_DATABASE_URL": url,
        "MELTANO_PROJECT_ROOT": "/project",
        "PGOPTIONS": "-c a=b",
    }
    found = environment(given)
    assert found["ENTREPOT_DBT_HOST"] == "db.example.org"
    assert found["ENTREPOT_DBT_PORT"] == "6543"
    assert found["ENTREPOT_DBT_USER"] == "entre@pot"
    assert found["DBT_ENV_SECRET_PASSWORD"] == "p@ss:/%'w"
    assert found["ENTREPOT_DBT_DATABASE"] == "ware house"
    assert found["PGSSLMODE"] == "require"
    assert found["PGOPTIONS"].endswith("-c a=b")
    assert "lock_timeout" in found["PGOPTIONS"]
    assert found["REPLICA_SCHEMA"] == "pix"
    assert found["DBT_TARGET_PATH"].startswith("/project/")


def test_a_connection_string_does_as_well() -> None:
    found = environment(
        {"TARGET_DATABASE_URL": "host=h dbname=d user=u", "REPLICA_SCHEMA": "prod"}
    )
    assert found["ENTREPOT_DBT_HOST"] == "h"
    assert found["ENTREPOT_DBT_PORT"] == "5432"
    assert found["REPLICA_SCHEMA"] == "prod"


@pytest.mark.parametrize(
    "url", ["", "mysql://u:s3cret@h/d", "postgresql://u:s3cret%zz@h/d"]
)
def test_a_url_that_is_none_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="TARGET_DATABASE_URL") as error:
        environment({"TARGET_DATABASE_URL": url})
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize("threshold", ["1", "0", "-3", "eleven", "1.5"])
def test_a_threshold_that_protects_nobody_is_refused(threshold: str) -> None:
    given = {"TARGET_DATABASE_URL": "dbname=d", "EXTERNAL_THRESHOLD": threshold}
    with pytest.raises(ValueError, match="EXTERNAL_THRESHOLD"):
        environment(given)
    assert (
        environment({**given, "EXTERNAL_THRESHOLD": ""})["EXTERNAL_THRESHOLD"] == "11"
    )
