"""A first model of enrichment and a first table for partners: a worked example to change."""

from __future__ import annotations

from entrepot_ops.scaffold import names
from entrepot_ops.scaffold.staging import Model, as_yaml, time_of

_FEW = 10  # tables whose rows are counted where no table has a time


def files(domain: str, found: list[Model]) -> dict[str, str]:
    """Write the example.

    Args:
        domain: The domain.
        found: Its staging models.

    Returns:
        The text of each file, by its path in the domain's folder; none without a table.
    """
    if not found:
        return {}
    timed = [model for model in found if time_of(model.table)]
    if timed:
        return _by_month(domain, max(timed, key=lambda model: model.table.row_count))
    return _rows(domain, sorted(found, key=lambda model: model.table.row_count)[:_FEW])


def _by_month(domain: str, model: Model) -> dict[str, str]:
    column = time_of(model.table)
    assert column is not None
    time = model.columns[column.name]
    rows = model.source_table
    enriched = names.fit(f"{domain}_{rows}_by_month", names.LONGEST_MODEL)
    shown = names.fit(f"{domain}_monthly_{rows}", names.LONGEST_MODEL)
    return _files(
        domain,
        enriched,
        f"-- An example to change: how many rows of {rows} there are of each month.\n"
        "select\n"
        f"    date_trunc('month', {time})::date as month,\n"
        "    count(*) as row_count\n"
        f"from {{{{ ref('{model.name}') }}}}\n"
        f"where isfinite({time})\n"
        "group by 1\n",
        shown,
        ("month", "date", "The month's first day"),
        f"How many rows of {rows} there are of each month",
    )


def _rows(domain: str, found: list[Model]) -> dict[str, str]:
    counts = [
        f"select\n    '{each.source_table}' as table_name,\n    count(*) as row_count\n"
        f"from {{{{ ref('{each.name}') }}}}\n"
        for each in found
    ]
    return _files(
        domain,
        f"{domain}_row_counts",
        "-- An example to change: how many rows some tables have.\n"
        + "union all\n".join(counts),
        f"{domain}_table_sizes",
        ("table_name", "text", "The table"),
        "How many rows some tables have",
    )


def _files(
    domain: str,
    enriched: str,
    sql: str,
    shown: str,
    key: tuple[str, str, str],
    description: str,
) -> dict[str, str]:
    """Write a model of enrichment, and one for partners that reads it."""
    name, kind, meaning = key
    count = "Rows; partners see none below EXTERNAL_THRESHOLD"
    model = {
        "name": enriched,
        "description": description,
        "columns": [
            {
                "name": name,
                "description": meaning,
                "data_tests": ["unique", "not_null"],
            },
            {"name": "row_count", "description": "Rows"},
        ],
    }
    contract = {
        "name": shown,
        "description": f"{description}; small counts are left out",
        "config": {"meta": {"rows_of": "everyone"}},
        "constraints": [{"type": "primary_key", "columns": [name]}],
        "columns": [
            {
                "name": name,
                "data_type": kind,
                "description": meaning,
                "constraints": [{"type": "not_null"}],
                "data_tests": ["unique", "not_null"],
            },
            {
                "name": "row_count",
                "data_type": "bigint",
                "description": count,
                "constraints": [{"type": "not_null"}],
            },
        ],
    }
    published = (
        "-- An example to change: what partners may read has a contract beside it.\n"
        f"select\n    {name},\n    row_count\nfrom {{{{ ref('{enriched}') }}}}\n"
        "where row_count >= {{ threshold() }}\n"
    )
    enrichment, external = f"models/enrichment/{domain}", f"models/external/{domain}"
    listed = f"_{domain}__models.yml"
    return {
        f"{enrichment}/{enriched}.sql": sql,
        f"{enrichment}/{listed}": as_yaml({"version": 2, "models": [model]}),
        f"{external}/{shown}.sql": published,
        f"{external}/{listed}": as_yaml({"version": 2, "models": [contract]}),
    }
