"""JSON-LD contexts that a document names and does not hold, from copies on this machine.

Nothing is fetched: a copy of `https://example.org/ns/dcat-ap.jsonld` is looked for in the folder of
contexts as `example.org/ns/dcat-ap.jsonld`, then as `dcat-ap.jsonld`, each also with `.jsonld` or
`.json` after it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

_PLACE = re.compile(r'(?<!\\)"@context"\s*:\s*')
_SUFFIXES = ("", ".jsonld", ".json")
_DEEPEST = 10  # contexts that name contexts
_LARGEST = 16 * 1024**2  # bytes of a copy


class MissingContext(Exception):
    """There is no usable copy of a context; the message says which and what was tried."""


class Contexts:
    """Copies of contexts.

    Args:
        folder: Where they are; None if there are none.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._known: dict[str, Any] = {}

    def inline(self, text: str) -> str:
        """Put copies in the place of the names of contexts.

        Args:
            text: A document of JSON-LD.

        Returns:
            The document, which needs no other.

        Raises:
            MissingContext: If there is no copy of one, or it is none.
        """
        decoder, written, done = json.JSONDecoder(), [], 0
        for found in _PLACE.finditer(text):
            if found.start() < done:
                continue
            try:
                value, end = decoder.raw_decode(text, found.end())
            except json.JSONDecodeError:
                break  # the reader of JSON-LD says where the document is wrong
            written += [text[done : found.end()], json.dumps(self._whole(value, 0))]
            done = end
        return "".join([*written, text[done:]])

    def _whole(self, context: Any, depth: int) -> Any:
        """Give a context in which no other is named."""
        if depth > _DEEPEST:
            raise MissingContext("its contexts name each other without an end")
        if isinstance(context, str):
            return self._whole(self._copy(context), depth + 1)
        if isinstance(context, list):
            whole = (self._whole(each, depth) for each in context)
            # A copy may hold a list of its own; lists in lists are not allowed.
            return [
                part
                for each in whole
                for part in (each if isinstance(each, list) else [each])
            ]
        if not isinstance(context, dict):
            return context
        imported = {}
        if isinstance(context.get("@import"), str):
            imported = self._whole(context["@import"], depth)
        own = {
            term: self._of_term(meaning, depth)
            for term, meaning in context.items()
            if term != "@import"
        }
        return {**imported, **own} if isinstance(imported, dict) else own

    def _of_term(self, meaning: Any, depth: int) -> Any:
        if isinstance(meaning, dict) and "@context" in meaning:
            return {**meaning, "@context": self._whole(meaning["@context"], depth + 1)}
        return meaning

    def _copy(self, iri: str) -> Any:
        if iri not in self._known:
            self._known[iri] = self._read(iri)
        return self._known[iri]

    def _read(self, iri: str) -> Any:
        if self._folder is None:
            raise MissingContext(f"its @context is elsewhere ({iri})")
        for path in self._candidates(self._folder, iri):
            if path.is_file():
                return _context_in(path)
        raise MissingContext(
            f"its @context is elsewhere ({iri}), and {self._folder} has no copy of it: save one "
            f"as {next(iter(self._candidates(self._folder, iri)))}"
        )

    @staticmethod
    def _candidates(folder: Path, iri: str) -> list[Path]:
        parts = urlsplit(iri)
        steps = [
            step
            for step in unquote(parts.path).split("/")
            if step not in ("", ".", "..")
        ]
        whole = [parts.hostname or "", *steps] if parts.netloc else steps
        named = [folder.joinpath(*whole), *([folder / steps[-1]] if steps else [])]
        return [
            path.with_name(path.name + suffix) for path in named for suffix in _SUFFIXES
        ]


def _context_in(path: Path) -> Any:
    if path.stat().st_size > _LARGEST:
        raise MissingContext(f"{path} has more than {_LARGEST // 1024**2} MB")
    try:
        return json.loads(path.read_bytes())["@context"]
    except (ValueError, KeyError, TypeError):
        raise MissingContext(f"{path} is not JSON with an @context") from None
