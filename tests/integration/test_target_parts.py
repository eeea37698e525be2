"""Streams of files, each of which replaces its own rows."""

from __future__ import annotations

from typing import Any

import pytest

from entrepot_lab.meltano.target import (
    SCHEMA,
    Loader,
    Messages,
    activate,
    row,
    schema,
    state,
)
from entrepot_lab.postgres.readers import Poller
from entrepot_lab.postgres.warehouse import READER, Lab


@pytest.fixture
def loader(empty_lab: Lab) -> Loader:
    return Loader(empty_lab)


# -- parts


def parts(*replaced: str, keys: list[str] | None = None) -> dict[str, Any]:
    return schema(
        "files",
        keys or [],
        file="text",
        value="integer",
        x_replace_by=["file"],
        x_replace=[[name] for name in replaced],
    )


VALUES = f"SELECT file, value FROM {SCHEMA}.files ORDER BY 1, 2"


def test_a_part_is_replaced_removed_or_left(loader: Loader) -> None:
    done = activate("files")
    loader.load(
        [parts("a", "b", "c"), row("a", 1), row("a", 2), row("b", 3), row("c", 4), done]
    )
    assert loader.ask(VALUES) == [("a", 1), ("a", 2), ("b", 3), ("c", 4)]
    loader.load([parts("a", "b"), row("a", 5), done, state(files="ab")])
    assert loader.ask(VALUES) == [("a", 5), ("c", 4)]
    assert loader.states == [{"files": "ab"}]
    loader.load([parts(), done])
    assert loader.ask(VALUES) == [("a", 5), ("c", 4)]
    assert loader.ask(VALUES, READER) == loader.ask(VALUES)


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ([row("a", 5)], ["ended before", "files"]),
        ([row("z", 5), activate("files")], ["file 'z'", "x-replace"]),
        ([row("a", 4), activate("files")], ["unique violation", "files_pkey"]),
        (
            [row("a", 6), row("a", 6), activate("files")],
            ["unique violation", "files_pkey"],
        ),
        ([row("a", "x"), activate("files")], ["column value"]),
    ],
)
def test_parts_that_fail_change_nothing(
    loader: Loader, rest: Messages, words: list[str]
) -> None:
    keys = ["value"]
    first = [parts("a", "b", keys=keys), row("a", 1), row("b", 4), activate("files")]
    loader.load(first)
    loader.refuse([parts("a", keys=keys), *rest, state(at=1)], *words)
    assert loader.states == []
    assert loader.ask(VALUES) == [("a", 1), ("b", 4)]


def test_readers_of_parts_see_one_night_or_the_other(loader: Loader) -> None:
    count = f"SELECT count(*) FROM {SCHEMA}.files"
    many = [row("a", n) for n in range(3000)]
    loader.load([parts("a"), *many, activate("files")])
    with Poller(loader.lab.warehouse_url(READER), [count], pause=0.002) as poller:
        for _ in range(3):
            loader.load(
                [parts("a"), *many, activate("files"), state(a=1)], batch_size_rows=100
            )
    poller.assert_undisturbed()
    assert poller.values(count) == {3000}
