"""A whole catalogue, read once: documents, their rows, and whether all of it is there."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from entrepot_core.base.errors import RunFailed
from entrepot_tap_dcat import formats, hydra
from entrepot_tap_dcat.contexts import Contexts
from entrepot_tap_dcat.documents import Document
from entrepot_tap_dcat.hydra import Completeness
from entrepot_tap_dcat.places import Place
from entrepot_tap_dcat.rows import Reading
from entrepot_tap_dcat.spool import Spool

_RESOURCES = ("datasets", "data_services")
_log = logging.getLogger("tap-dcat")


class Catalogue:
    """What the streams give."""

    def __init__(
        self,
        place: Place,
        wanted_format: str | None = None,
        *,
        may_be_partial: bool = False,
        limit: int = formats.LONGEST,
        contexts: Path | None = None,
    ) -> None:
        """Read all documents.

        Args:
            place: Gives them.
            wanted_format: Their syntax; None to find out for each.
            may_be_partial: Whether pages may be missing.
            limit: Bytes that one document may have, unpacked.
            contexts: The folder with copies of JSON-LD contexts; None without one.

        Raises:
            RunFailed: If one is not what it should be, or not all are there.
        """
        self._format = wanted_format
        self._limit = limit
        self._contexts = Contexts(contexts)
        self._spool = Spool()
        self._dumps: dict[str, Completeness] = {}
        for document in place.documents():
            page = self._read(document)
            day = document.dump_date.isoformat()
            known = sum(self._spool.count(each, day) for each in _RESOURCES)
            place.after(page, document, known)
        self._check(is_strict=not (may_be_partial or place.is_one_document))

    def rows(self, stream: str) -> Iterator[dict[str, Any]]:
        """Give a stream's rows.

        Args:
            stream: The stream's name.

        Returns:
            The rows, each a value by column.
        """
        return self._spool.rows(stream)

    def _read(self, document: Document) -> hydra.Page:
        graph = formats.read(document, self._format, self._limit, self._contexts)
        page = hydra.page_of(graph)
        day = document.dump_date.isoformat()
        dump = self._dumps.setdefault(day, Completeness())
        dump.add(page, document.name)
        provenance = {
            "source_file": document.name,
            "page": page.number,
            "dump_date": day,
        }
        counts = Reading(graph, provenance, self._spool.put).read()
        if not any(counts) and page.iri is None:
            raise RunFailed(
                f"{document.name}: no dataset (dcat:Dataset) and no data service in it, nor is it "
                f"a page of a catalogue: it holds {graph.size} statements about other things"
            )
        _log.info(
            "%s: %d datasets, %d data services",
            document.name,
            counts.datasets,
            counts.services,
        )
        if graph.odd_tags:
            listed = ", ".join(map(repr, sorted(graph.odd_tags)))
            _log.warning(
                "%s: %d texts have a language tag that is none of BCP 47, kept as written: %s",
                document.name,
                graph.odd_tags.total(),
                listed,
            )
        return page

    def _check(self, *, is_strict: bool) -> None:
        for stream, count in sorted(self._spool.merged.items()):
            _log.warning(
                "%d %s are described differently by several documents: the row holds what all "
                "of them say",
                count,
                stream,
            )
        problems = []
        for day, dump in self._dumps.items():
            counts = [self._spool.count(each, day) for each in _RESOURCES]
            wrong, odd = dump.check(*counts)
            if not any(counts):
                problems.append(
                    f"the dump of {day} holds no dataset and no data service"
                )
            if is_strict:
                problems += [
                    f"the dump of {day} is not whole: {each}" for each in wrong
                ]
            else:
                odd = [*wrong, *odd]
            for each in odd:
                _log.warning("dump of %s: %s", day, each)
        if problems:
            raise RunFailed(
                "; ".join(problems)
                + " (a part can be loaded as it is with DCAT_PARTIAL=true)" * is_strict
            )
