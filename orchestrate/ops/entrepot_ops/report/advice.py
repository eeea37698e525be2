"""What to do about each thing that went wrong, with the command."""

from __future__ import annotations

from typing import Any

_CONTINUE = "entrepot night"
_REFUSED = 2
_ANOTHER = 3


def for_step(step: dict[str, Any]) -> tuple[str, str]:
    """Say what to do about a step that did not succeed.

    Args:
        step: Its last attempt, as the record has it.

    Returns:
        A sentence, and a command.
    """
    if step["status"] == "differs":
        return (
            "Copy and source differ; look at what was repaired, and at what could not be",
            "entrepot report --format text",
        )
    if step["status"] in ("cancelled", "interrupted"):
        return "Continue the night; what had succeeded is not done again", _CONTINUE
    if step["exit_status"] == _REFUSED:
        return (
            "Nothing was begun: mend what the message names, make sure of it, and continue",
            f"entrepot check && {_CONTINUE}",
        )
    if step["exit_status"] == _ANOTHER:
        return "Another run is at work: wait until it ends", "entrepot status"
    if step["task"].startswith("dbt:"):
        return (
            "Mend the data or the model, build it and what depends on it, and continue",
            f"{_CONTINUE} --from transform",
        )
    return (
        "Mend the cause (the log has its output), and continue: only what is missing is done",
        _CONTINUE,
    )


def for_test(node: str) -> tuple[str, str]:
    """Say what to do about a test that failed.

    Args:
        node: Its unique id.

    Returns:
        A sentence, and a command.
    """
    parts = node.split(".")
    name = parts[2] if len(parts) > 2 else node
    return (
        "Look at these rows at the source; then test again",
        f"meltano invoke dbt:test --select {name}",
    )
