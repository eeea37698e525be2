"""The table at the end of a night: each step against its usual time, and what readers see."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from entrepot_core.base.redaction import redact
from entrepot_core.base.text import visible
from entrepot_ops.nights.telling.base import DONE, WORDS, Ending, Planned, StepEnd
from entrepot_ops.nights.telling.figures import against, amount
from entrepot_ops.report.status import duration

WIDEST = 100  # columns of a table, however wide the screen
_NOT_SHOWN = ("left out",)
_STYLES = {"succeeded": "bold green", "differs": "bold yellow"}
_NEXT = {
    "failed": "entrepot night    goes on with what is left, once the fault is mended",
    "cancelled": "entrepot night    goes on: what had succeeded is not done again",
}


def of(
    steps: Sequence[tuple[Planned, StepEnd]], ending: Ending, width: int
) -> RenderableType:
    """Sum a night up.

    Args:
        steps: All, with what became of them.
        ending: How the night ended.
        width: Columns of the screen.

    Returns:
        What rich prints.
    """
    told = ending.outcome
    parts: list[RenderableType] = []
    if steps:
        parts += [_table(steps, told.night_id, min(width, WIDEST)), ""]
    parts += [_verdict(ending), *_seen(steps, told.night_id), ""]
    if ending.report:
        parts.append(Text(f"report  {ending.report}", overflow="fold"))
    parts.append(Text(f"log     {ending.log}", overflow="fold"))
    if told.status in _NEXT:
        parts.append(Text(f"next    {_NEXT[told.status]}"))
    return Group(*parts)


def _table(
    steps: Sequence[tuple[Planned, StepEnd]], night: int | None, width: int
) -> Table:
    total = sum(end.seconds or 0 for _, end in steps)
    table = Table(box=None, padding=(0, 1, 0, 0), width=width, header_style="dim")
    table.add_column("step", no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column("", no_wrap=True)
    for name in ("time", "vs usual", "share", "rows"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("readers see", no_wrap=True)
    for planned, end in steps:
        if end.status in _NOT_SHOWN:
            continue
        share = (
            f"{100 * (end.seconds or 0) / total:.0f} %" if total and end.seconds else ""
        )
        is_done = end.status in DONE
        word = WORDS.get(end.status, end.status)
        usual = planned.usual.seconds if planned.usual and is_done else None
        table.add_row(
            Text(visible(planned.label)),
            Text(
                "not run" if end.status == "waiting" else word, "" if is_done else "red"
            ),
            duration(end.seconds),
            against(end.seconds, usual),
            share,
            amount(end.rows),
            _readers(planned, end, night),
        )
    return table


def _readers(planned: Planned, end: StepEnd, night: int | None) -> str:
    """Say which night the tables of a step are of."""
    if not planned.is_read:
        return ""
    if end.status in DONE:
        return f"night {night}" if night else ""
    return f"night {planned.usual.night_id}" if planned.usual else "nothing"


def _verdict(ending: Ending) -> Text:
    told = ending.outcome
    word = told.status if told.status != "cancelled" else "was stopped"
    night = f"Night {told.night_id}" if told.night_id else "The night"
    took = f" after {duration(told.seconds)}" if told.seconds is not None else ""
    style = _STYLES.get(told.status, "bold red")
    text = Text(f"{night} {word}{took}", style, overflow="fold")
    return text.append(f": {visible(redact(told.message))}", "not bold default")


def _seen(
    steps: Sequence[tuple[Planned, StepEnd]], night: int | None
) -> list[RenderableType]:
    """Say in a sentence what readers see now."""
    ran = [(p, e) for p, e in steps if p.is_read and e.status not in _NOT_SHOWN]
    old = [(p, e) for p, e in ran if e.status not in DONE]
    if not ran or not night:
        return []
    if not old:
        return [Text(f"Readers see night {night}.")]
    if len(old) == len(ran):
        return [Text("Readers see what they saw before.")]
    names = ", ".join(visible(p.label) for p, _ in old)
    return [
        Text(f"Readers see night {night}, but for {names}: as before.", overflow="fold")
    ]
