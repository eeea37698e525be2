"""Reading what `meltano` prints when it is asked for JSON: which plugin said what."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from entrepot_core.base.text import storable
from entrepot_ops.meltano import values

# Given to Meltano by its environment.
FORMAT = {"MELTANO_CLI_LOG_FORMAT": "json", "NO_COLOR": "1"}
_LONGEST, _LONGEST_NAME = 20_000, 200  # characters
_KINDS = {"extractors": "tap", "loaders": "target"}
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# 02:00:00 error: …
_PREFIX = re.compile(
    r"^(\d\d:\d\d:\d\d )?((error|critical|warning|info): )?", re.IGNORECASE
)
_ERROR = re.compile(r"\b(error|critical|refused|fatal|failed)\b", re.IGNORECASE)
_METRIC = re.compile(r"METRIC: (\{.*\})")


@dataclass(frozen=True)
class Line:
    """One line.

    Attributes:
        text: What was said.
        speaker: The plugin; empty for Meltano itself.
        kind: `tap`, `target`, `plugin` for any other, or empty for Meltano itself.
        exit_codes: By kind, when Meltano tells with what the plugins ended.
    """

    text: str
    speaker: str = ""
    kind: str = ""
    exit_codes: dict[str, int] = field(default_factory=dict)

    @property
    def bare(self) -> str:
        """The message alone, in one line."""
        return _PREFIX.sub("", " ".join(self.text.split()))

    @property
    def records(self) -> int | None:
        """How many records a tap says here that it has emitted; None where it does not."""
        counted = self._metric("record_count")
        return values.count(counted.get("value")) or 0 if counted else None

    @property
    def forgiven(self) -> dict[str, int]:
        """What a tap says here that its settings have let pass: how often, by kind."""
        counted = self._metric("forgiven")
        tags = counted.get("tags")
        kind = (
            values.text(tags.get("kind"), _LONGEST_NAME)
            if isinstance(tags, dict)
            else ""
        )
        count = values.count(counted.get("value"))
        return {kind: count} if kind and count else {}

    def _metric(self, name: str) -> dict[str, object]:
        """Read a metric of Singer's of that name; empty where this is none of a tap's."""
        metric = _METRIC.search(self.text) if self.kind == "tap" else None
        counted = values.json_object(metric.group(1)) if metric else {}
        return counted if counted.get("metric") == name else {}


def parse(raw: str) -> Line:
    """Read one line.

    Args:
        raw: As printed; anything that is not Meltano's counts as a plugin's.

    Returns:
        What it says.
    """
    raw = storable(_COLOURS.sub("", raw))
    said = values.json_object(raw)
    if "event" not in said:
        return Line(raw, kind="plugin")
    text = values.text(said["event"], _LONGEST) or ""
    if "stdio" not in said:
        return Line(text, exit_codes=_exit_codes(said.get("exit_codes")))
    kind = "plugin"
    if said.get("producer") or said.get("consumer"):
        kind = "tap" if said.get("producer") else "target"
    return Line(text, values.text(said.get("name"), _LONGEST_NAME) or "", kind)


def _exit_codes(said: object) -> dict[str, int]:
    if not isinstance(said, dict):
        return {}
    codes = {name: values.exit_status(code) for name, code in said.items()}
    return {
        _KINDS.get(name, name): code for name, code in codes.items() if code is not None
    }


def exit_codes(lines: Sequence[Line]) -> dict[str, int]:
    """Find with what the plugins of a tap and a target ended.

    Args:
        lines: All, or the last ones.

    Returns:
        By kind; empty when Meltano does not say.
    """
    return next((line.exit_codes for line in reversed(lines) if line.exit_codes), {})


def reason(lines: Sequence[Line]) -> str:
    """Say in a sentence why a step failed.

    Args:
        lines: The last that it printed.

    Returns:
        What the plugin that failed said last of an error, else what it said last.
    """
    guilty = {kind for kind, code in exit_codes(lines).items() if code}
    said = [line for line in lines if line.kind and line.text.strip()]
    mine = [line for line in said if line.kind in guilty] or said or list(lines)
    errors = [line for line in mine if _ERROR.search(line.text)]
    chosen = errors if errors and not guilty else mine
    return chosen[-1].bare if chosen else "it said nothing"
