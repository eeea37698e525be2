"""What the taps share that give COPY files: whether they are asked for, and where files wait."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from entrepot_core.base.errors import Refused
from entrepot_core.config.project import project_root
from entrepot_core.singer.batch import FORMAT
from entrepot_core.singer.plugin import Plugin
from entrepot_core.singer.spool import Spool

_OF_A_COLUMN = 2  # words of a breadcrumb: `properties`, and the column


class CopyTap(Plugin):
    """Goes before the SDK's class among the bases of a tap that can give COPY files."""

    if TYPE_CHECKING:
        config: Mapping[str, Any]

    @property
    def copies(self) -> bool:
        """Whether COPY files are asked for.

        Raises:
            Refused: If files of another kind are, or stream maps, which cannot reach into files.
        """
        wanted = self.config.get("batch_config")
        if not wanted:
            return False
        name = wanted.get("encoding", {}).get("format")
        problems = []
        if name != FORMAT:
            problems.append(
                f"batch_config: the format is {name!r}: files are {FORMAT!r}; without "
                "batch_config rows come as records"
            )
        elif not self._root:
            problems.append(
                "batch_config: storage.root is missing: the folder of the COPY files, written as a "
                "file:// URL"
            )
        if self.config.get("stream_maps"):
            problems.append(
                "batch_config: stream_maps cannot be applied to COPY files: remove one of the two"
            )
        if problems:
            raise Refused(problems)
        return True

    def sync_all(self) -> None:
        """Read every stream.

        Raises:
            Refused: If a catalog deselects columns, which a COPY file would hold all the same.
        """
        catalog = cast("Any", self).input_catalog  # the SDK's
        if catalog is not None and self.copies:
            problems = [
                f"stream {name}: the catalog deselects column {column!r}, and COPY files hold all: "
                "select it, or remove batch_config from the tap's settings"
                for name, entry in catalog.items()
                for column in _deselected(entry)
            ]
            if problems:
                raise Refused(problems)
        super().sync_all()  # type: ignore[misc] # the SDK's class comes after this one

    @property
    def _root(self) -> str:
        """The folder that `batch_config` names, as Meltano writes it: not quoted."""
        url = self.config["batch_config"].get("storage", {}).get("root") or ""
        return str(url).removeprefix("file://")

    @cached_property
    def spool(self) -> Spool:
        """This run's folder of files."""
        root = Path(self._root) if self.copies else project_root() / ".entrepot/spool"
        return Spool(root, self.config["spool_limit"])

    def close_spool(self) -> None:
        """Leave the folder to the target, if this run has made one."""
        if "spool" in vars(self):
            self.spool.close()


def _deselected(entry: Any) -> list[str]:
    """List the columns that a catalog's entry of a selected stream leaves out."""
    mask = entry.metadata.resolve_selection()
    if not mask[()]:
        return []
    return [
        breadcrumb[1]
        for breadcrumb, is_selected in mask.items()
        if len(breadcrumb) == _OF_A_COLUMN and not is_selected
    ]
