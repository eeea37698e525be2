"""What dbt says of a build: its file `run_results.json`, read into values of known types."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from entrepot_core.base.logs import event
from entrepot_ops.meltano import values

_FILE = Path(".entrepot/dbt/target/run_results.json")
_LONGEST = 1000  # characters of a message
_LONGEST_NAME = 500


@dataclass(frozen=True)
class Result:
    """What became of one node.

    Attributes:
        node: Its unique id, such as `model.entrepot.stg_pix__users`.
        kind: `model`, `test`, `seed`, `snapshot`…
        status: `success`, `pass`, `warn`, `fail`, `error`, `skipped`; `unknown` where dbt gives
            none.
        seconds: For how long it ran: finite, not negative.
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
        One result a node; None when the build wrote none, or none that can be read: what ended
        the build may have cut the file short.
    """
    if stamp(root) == before:
        return None
    try:
        results = parse((root / _FILE).read_bytes())
    except OSError as error:
        event(f"dbt's results cannot be read: {error.strerror}", logging.WARNING)
        return None
    if results is None:
        event(f"dbt's results cannot be read: {_FILE} is not whole", logging.WARNING)
    return results


def parse(content: bytes) -> list[Result] | None:
    """Read the text of a `run_results.json`.

    Args:
        content: The file's bytes, whatever they are.

    Returns:
        One result for each node that has a name, each node once; None when there is no list of
        results in it.
    """
    found = values.json_object(content.decode("utf-8", errors="replace")).get("results")
    if not isinstance(found, list):
        return None
    results = [_result(item) for item in found if isinstance(item, dict)]
    return list({result.node: result for result in results if result.node}.values())


def _result(item: dict[str, Any]) -> Result:
    response = item.get("adapter_response")
    rows = response.get("rows_affected") if isinstance(response, dict) else None
    node = values.text(item.get("unique_id"), _LONGEST_NAME) or ""
    return Result(
        node=node,
        kind=node.partition(".")[0],
        status=values.text(item.get("status"), _LONGEST_NAME) or "unknown",
        seconds=values.seconds(item.get("execution_time")),
        row_count=values.count(rows),
        failures=values.count(item.get("failures")),
        message=values.text(item.get("message"), _LONGEST),
    )
