"""Charts of the last nights as SVG, drawn by pygal: no script, no request, the page's colours."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pygal.graph.line import Line
from pygal.graph.stackedbar import StackedBar
from pygal.graph.stackedline import StackedLine
from pygal.style import Style

# pygal's finder of map plugins lacks `find_spec`: every later import of a module that is not there
# would warn of it.
sys.meta_path[:] = [
    finder for finder in sys.meta_path if type(finder).__name__ != "PluginImportFixer"
]
_SIZES = {"wide": (1080, 300), "narrow": (360, 300)}
_LABELS = {"wide": 12, "narrow": 5}  # nights that are named
_SERIES = 6  # the others are added up
_OTHERS = "others"
# Told apart by most colour-blind people (Okabe and Ito), and seen on white and on black.
_COLOURS = (
    *("#3b82c4", "#d55e00", "#009e73", "#b8860b", "#b05a95"),
    "#7d7d88",
    "#4aa3b5",
)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
Series = Mapping[str, Sequence[float | None]]


class _PageStyle(Style):
    """The colours and letters of the page."""

    background = "transparent"
    plot_background = "transparent"
    foreground = "var(--ink)"
    foreground_strong = "var(--ink)"
    foreground_subtle = "var(--line)"
    font_family = "system-ui, sans-serif"
    colors: Any = _COLOURS
    opacity = ".9"
    label_font_size = 12
    major_label_font_size = 12
    legend_font_size = 13
    no_data_font_size = 14


def durations(nights: Sequence[str], steps: Series, shown: Callable[..., str]) -> Any:
    """Draw how long each step took.

    Args:
        nights: Their names.
        steps: Seconds of each night, by the step's name.
        shown: Writes seconds for people.

    Returns:
        The chart for wide and for narrow windows.
    """
    return _drawn(StackedBar, nights, _largest(steps), shown)


def growth(nights: Sequence[str], sizes: Series, shown: Callable[..., str]) -> Any:
    """Draw how big the warehouse's schemas were.

    Args:
        nights: Their names.
        sizes: Bytes of each night, by the schema's name.
        shown: Writes bytes for people.

    Returns:
        The chart for wide and for narrow windows.
    """
    return _drawn(StackedLine, nights, _largest(sizes), shown, fill=True)


def freshness(nights: Sequence[str], ages: Series, shown: Callable[..., str]) -> Any:
    """Draw how old each source's data was at the end of each night.

    Args:
        nights: Their names.
        ages: Seconds of each night, by the step's name.
        shown: Writes seconds for people.

    Returns:
        The chart for wide and for narrow windows.
    """
    oldest = sorted(ages, key=lambda name: -max(filter(None, ages[name]), default=0))
    kept = {name: ages[name] for name in oldest[: len(_COLOURS)]}
    return _drawn(Line, nights, kept, shown, dots_size=2)


def _largest(series: Series) -> dict[str, list[float | None]]:
    """Keep the largest, and add up the others."""
    ordered = sorted(series, key=lambda name: -sum(filter(None, series[name])))
    kept = {name: list(series[name]) for name in ordered[:_SERIES]}
    if rest := ordered[_SERIES:]:
        columns = zip(*(series[name] for name in rest), strict=True)
        kept[_OTHERS] = [sum(filter(None, column)) for column in columns]
    return kept


def _drawn(
    kind: Callable[..., Any],
    nights: Sequence[str],
    series: Series,
    shown: Callable[..., str],
    **options: Any,
) -> dict[str, str]:
    """Draw a chart twice: letters of a wide one could not be read on a telephone."""
    found = {}
    for size, (width, height) in _SIZES.items():
        rows = -(-len(series) // (3 if size == "wide" else 1))
        chart = kind(
            width=width,
            height=height + 22 * rows,
            style=_PageStyle,
            js=(),
            explicit_size=False,
            legend_at_bottom=True,
            legend_at_bottom_columns=3 if size == "wide" else 1,
            truncate_legend=-1,
            show_minor_x_labels=False,
            y_labels_major_count=5,
            show_minor_y_labels=False,
            include_x_axis=True,
            value_formatter=shown,
            margin=4,
            **options,
        )
        chart.x_labels = list(nights)
        every = max(1, -(-len(nights) // _LABELS[size]))
        chart.x_labels_major = list(nights)[::-every]
        for name, values in series.items():
            chart.add(name, list(values))
        drawn = chart.render(is_unicode=True, disable_xml_declaration=True)
        found[size] = _COMMENT.sub("", drawn)
    return found
