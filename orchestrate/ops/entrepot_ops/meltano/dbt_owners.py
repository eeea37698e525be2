"""Whose models and tests failed: what the dbt project says of owners, in its `manifest.json`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from entrepot_ops.meltano import values

_FILE = Path(".entrepot/dbt/target/manifest.json")
_LONGEST = 200  # characters of a name


def owners(root: Path, nodes: Iterable[str]) -> list[str]:
    """Find who is concerned when nodes have failed.

    Args:
        root: The project's folder.
        nodes: Their unique ids.

    Returns:
        Names, each once: the `owner` in the node's `meta`, else its group's, else those of the
        models that a test looks at, and of the exposures that are made from it. Empty where dbt
        has written no manifest.
    """
    try:
        content = (root / _FILE).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    manifest = values.json_object(content)
    found = [name for node in nodes for name in _of(manifest, node)]
    return list(dict.fromkeys(found))


def _of(manifest: dict[str, Any], node: str) -> Iterator[str]:
    own = list(_own(manifest, node))
    if own:
        yield from own
        return
    if node.startswith("test."):
        depends = _mapping(_mapping(manifest, "nodes", node), "depends_on").get("nodes")
        for parent in depends if isinstance(depends, list) else []:
            yield from _of(manifest, str(parent))
        return
    yield from _exposed(manifest, node)


def _own(manifest: dict[str, Any], node: str) -> Iterator[str]:
    said = _mapping(manifest, "nodes", node) or _mapping(manifest, "sources", node)
    config = _mapping(said, "config")
    for meta in (_mapping(config, "meta"), _mapping(said, "meta")):
        if name := _name(meta.get("owner")):
            yield name
            return
    group = said.get("group") or config.get("group")
    for each in _mapping(manifest, "groups").values():
        if group and isinstance(each, dict) and each.get("name") == group:
            yield from filter(None, [_name(each.get("owner"))])


def _exposed(manifest: dict[str, Any], node: str) -> Iterator[str]:
    """Find the owners of the exposures downstream."""
    children = _mapping(manifest, "child_map")
    seen, waiting = {node}, [node]
    while waiting:
        below = children.get(waiting.pop())
        for child in below if isinstance(below, list) else []:
            if child in seen or not isinstance(child, str):
                continue
            seen.add(child)
            waiting.append(child)
            if child.startswith("exposure."):
                owner = _mapping(manifest, "exposures", child).get("owner")
                yield from filter(None, [_name(owner)])


def _name(owner: object) -> str:
    if isinstance(owner, dict):
        owner = owner.get("name") or owner.get("email")
    return values.text(owner, _LONGEST) or ""


def _mapping(value: dict[str, Any], *keys: str) -> dict[str, Any]:
    found: Any = value
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}
