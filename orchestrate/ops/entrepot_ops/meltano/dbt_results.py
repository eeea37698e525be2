"""What dbt says of a build: its file `run_results.json`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FILE = Path(".entrepot/dbt/target/run_results.json")
_LONGEST = 1000  # characters of a message


@dataclass(frozen=True)
class Result:
    """What became of one node.

    Attributes:
        node: Its unique id, such as `model.entrepot.stg_pix__users`.
        kind: `model`, `test`, `seed`, `snapshot`…
        status: `success`, `pass`, `warn`, `fail`, `error`, `skipped`.
        seconds: For how long it ran.
        row_count: Rows that it wrote; None where there are none.
        failures: Rows that a test found; None where there is no count.
        message: What dbt said.
    """

    node: str
    kind: str
    status: str
    seconds: float
    row_count: int | None
    failures: int | None
    message: str | None


def stamp(root: Path) -> int:
    """Note which results are there.

    Args:
        root: The project's folder.

    Returns:
        A number that changes when dbt writes new ones.
    """
    try:
        return (root / _FILE).stat().st_mtime_ns
    except OSError:
        return 0


def read(root: Path, before: int) -> list[Result] | None:
    """Read the results of the last build.

    Args:
        root: The project's folder.
        before: `stamp` before the build.

    Returns:
        One result a node; None when the build wrote none.
    """
    if stamp(root) == before:
        return None
    try:
        content = json.loads((root / _FILE).read_text(encoding="utf-8"))
        return [_result(item) for item in content["results"]]
    except (OSError, ValueError, KeyError):  # cut short by what ended the build
        return None


def _result(item: dict[str, Any]) -> Result:
    rows = (item.get("adapter_response") or {}).get("rows_affected")
    message = item.get("message")
    return Result(
        node=item["unique_id"],
        kind=item["unique_id"].split(".")[0],
        status=item["status"],
        seconds=item["execution_time"],
        row_count=rows if isinstance(rows, int) and rows >= 0 else None,
        failures=item.get("failures"),
        message=message[:_LONGEST] if message else None,
    )
