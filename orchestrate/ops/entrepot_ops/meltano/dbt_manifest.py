"""What dbt knows of the project: its file `manifest.json`, for who reads what and who owns it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from entrepot_core.policy.personal_names import looks_personal
from entrepot_ops.meltano import values

_FILE = Path(".entrepot/dbt/target/manifest.json")
_KEY_TESTS = ("unique", "is_key")
_KEYS_TOGETHER = ("is_key_together", "unique_combination_of_columns")
_Node = dict[str, Any]


@dataclass(frozen=True)
class TestCard:
    """What a reader should know of a test.

    Attributes:
        description: What it promises.
        model: The model, seed or source that it looks at.
        owner: Who answers for that.
        dashboards: Labels of what people look at downstream.
        relation: The table or view, quoted; empty where there is none.
        column: The tested column; empty where there is none.
        keys: Columns that tell the rows apart, none of them personal.
        query: The SQL that finds failing rows; empty where dbt compiled none.
    """

    __test__ = False  # pytest need not look

    description: str
    model: str
    owner: str
    dashboards: tuple[str, ...]
    relation: str
    column: str
    keys: tuple[str, ...]
    query: str


@dataclass(frozen=True)
class Manifest:
    """The graph of dbt's nodes.

    Attributes:
        nodes: Models, tests, seeds and sources by their unique ids.
        exposures: Dashboards by their unique ids.
        children: What reads a node.
    """

    nodes: dict[str, _Node] = field(default_factory=dict)
    exposures: dict[str, _Node] = field(default_factory=dict)
    children: dict[str, list[str]] = field(default_factory=dict)

    def models_reading(self, schema: str, table: str) -> list[str]:
        """List the models that a source's table reaches.

        Args:
            schema: Its schema.
            table: Its name.

        Returns:
            Names of models, nearest first.
        """
        start = [
            node
            for node, said in self.nodes.items()
            if said.get("schema") == schema
            and table in (said.get("identifier"), said.get("alias"))
        ]
        return [
            _name(node) for node in self._downstream(start) if node.startswith("model.")
        ]

    def card(self, test: str) -> TestCard | None:
        """Describe a test.

        Args:
            test: Its unique id.

        Returns:
            What is known; None where dbt does not know it.
        """
        node = self.nodes.get(test)
        if node is None:
            return None
        read = _dict(node.get("depends_on")).get("nodes")
        about = str(node.get("attached_node") or (read[0] if read else ""))
        model = self.nodes.get(about, {})
        query = str(node.get("compiled_code") or "")
        meta = _dict(model.get("meta")) or _dict(_dict(model.get("config")).get("meta"))
        return TestCard(
            description=str(node.get("description") or _comment(query)),
            model=_name(about),
            owner=str(meta.get("owner") or ""),
            dashboards=tuple(
                str(self.exposures[one].get("label") or self.exposures[one]["name"])
                for one in self._downstream([about])
                if one in self.exposures
            ),
            relation=str(model.get("relation_name") or ""),
            column=str(node.get("column_name") or ""),
            keys=tuple(self._keys(about)),
            query=query,
        )

    def _downstream(self, start: list[str]) -> Iterator[str]:
        """Give what reads some nodes, and what reads that, nearest first and each once."""
        seen, waiting = set(start), list(start)
        while waiting:
            for child in self.children.get(waiting.pop(0), []):
                if child not in seen:
                    seen.add(child)
                    waiting.append(child)
                    yield child

    def _keys(self, model: str) -> list[str]:
        found: list[str] = []
        for child in self.children.get(model, []):
            test = self.nodes.get(child, {})
            said = _dict(test.get("test_metadata"))
            given = _dict(said.get("kwargs"))
            if said.get("name") in _KEY_TESTS:
                found.append(str(test.get("column_name") or ""))
            elif said.get("name") in _KEYS_TOGETHER and isinstance(
                columns := given.get("columns"), list
            ):
                found += map(str, columns)
        personal = self._personal()
        return [
            column
            for column in dict.fromkeys(found)
            if column and not looks_personal(column) and _plain(column) not in personal
        ]

    def _personal(self) -> set[str]:
        """Give the names, in any source or model, of columns that are marked as personal."""
        return {
            _plain(name)
            for node in self.nodes.values()
            for name, column in _dict(node.get("columns")).items()
            if _dict(_dict(column).get("meta")).get("personal")
            or _dict(_dict(_dict(column).get("config")).get("meta")).get("personal")
        }


def read(root: Path) -> Manifest:
    """Read what dbt wrote at its last build.

    Args:
        root: The project's folder.

    Returns:
        The graph; an empty one where there is none that can be read.
    """
    try:
        content = (root / _FILE).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return Manifest()
    return parse(content)


def parse(content: str) -> Manifest:
    """Read the text of a `manifest.json`.

    Args:
        content: Whatever it is.

    Returns:
        The graph, of what in it has the form that dbt gives it.
    """
    said = values.json_object(content)
    children = _dict(said.get("child_map"))
    return Manifest(
        nodes={
            name: node
            for kind in ("nodes", "sources")
            for name, node in _dict(said.get(kind)).items()
            if isinstance(node, dict)
        },
        exposures={
            name: node
            for name, node in _dict(said.get("exposures")).items()
            if isinstance(node, dict) and "name" in node
        },
        children={n: c for n, c in children.items() if isinstance(c, list)},
    )


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _name(node: str) -> str:
    parts = node.split(".")
    return ".".join(parts[2:]) if len(parts) > 2 else node


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _comment(query: str) -> str:
    """Give the comment that a singular test begins with."""
    lines = []
    for line in query.splitlines():
        if not line.startswith("--"):
            break
        if "depends_on:" not in line:
            lines.append(line.removeprefix("--").strip())
    return " ".join(lines)
