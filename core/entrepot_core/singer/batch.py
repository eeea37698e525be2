r"""The BATCH message of our taps: one file that PostgreSQL's COPY reads, and what it holds.

Shape, beside Singer's `type`, `stream` and `manifest` (one file:// URL, or none):

    {"type": "BATCH", "stream": "public-answers", "manifest": ["file:///…/run-x/616e.000001"],
     "encoding": {"format": "pgcopy", "copy_format": "binary", "columns": ["id", "value"],
                  "rows": 500000, "delimiter": "\t", "null": "\\N",
                  "low": "1000", "high": "501000", "settled": "501000", "last": false}}
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import unquote, urlsplit

from entrepot_core.postgres.identifiers import literal
from entrepot_core.singer import validation
from entrepot_core.singer.validation import MalformedMessage, Validated

FORMAT: Final = "pgcopy"
_CHUNK = 256 * 1024  # bytes
CopyFormat = Literal["binary", "text"]


@dataclass(frozen=True)
class CopyFile:
    """A file that COPY reads.

    Attributes:
        path: Where it is on this machine.
        columns: In the order of the file.
        rows: How many it holds, by the count of whoever wrote it.
        copy_format: COPY's own format.
        delimiter: Between values, in the text format.
        null: What stands for NULL, in the text format.
    """

    path: Path
    columns: list[str]
    rows: int
    copy_format: CopyFormat = "text"
    delimiter: str = "\t"
    null: str = r"\N"

    @property
    def options(self) -> str:
        """The options of a COPY statement that reads it, as SQL."""
        if self.copy_format != "text":
            return f"FORMAT {self.copy_format}"
        return f"DELIMITER {literal(self.delimiter)}, NULL {literal(self.null)}"

    def chunks(self) -> Iterator[bytes]:
        """Read it.

        Yields:
            Its bytes, at most 256 KiB at a time.
        """
        with self.path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk

    def lines(self) -> Iterator[bytes]:
        """Read a file of the text format line by line.

        Yields:
            Each line, with its line feed.
        """
        with self.path.open("rb") as file:
            yield from file


@dataclass(frozen=True)
class KeyRange:
    """Rows above one replication key and up to another.

    Attributes:
        low: As text; None for the first row on.
        high: As text, included.
    """

    low: str | None
    high: str


@dataclass(frozen=True)
class _Encoding(Validated):
    """The member `encoding`, as JSON has it."""

    format: Literal["pgcopy"] = FORMAT
    copy_format: CopyFormat = "text"
    columns: list[str] = field(default_factory=list)
    rows: int = 0
    delimiter: str = "\t"
    null: str = r"\N"
    low: str | None = None
    high: str | None = None
    settled: str | None = None
    last: bool = False
    compression: None = None  # the SDK's own member; COPY files are never compressed


@dataclass(frozen=True)
class CopyBatch:
    """A BATCH message.

    Attributes:
        stream: The stream's name.
        file: The file; None for a message that only ends an append stream.
        covers: For an append stream, the range of which the file has every row.
        settled: For an append stream, the replication key up to which, with this file, the target
            holds every row that there will ever be; None while there is none.
        last: Whether an append stream has nothing more in this run.
    """

    stream: str
    file: CopyFile | None = None
    covers: KeyRange | None = None
    settled: str | None = None
    last: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Write the message as Singer's JSON has it."""
        encoding: dict[str, Any] = {
            "format": FORMAT,
            "settled": self.settled,
            "last": self.last,
        }
        if self.file is not None:
            described = asdict(self.file)
            del described["path"]
            encoding |= described
        if self.covers is not None:
            encoding |= asdict(self.covers)
        manifest = [self.file.path.as_uri()] if self.file is not None else []
        return {
            "type": "BATCH",
            "stream": self.stream,
            "encoding": encoding,
            "manifest": manifest,
        }

    @classmethod
    def from_dict(cls, message: dict[str, Any]) -> CopyBatch:
        """Read a message.

        Args:
            message: As Singer's JSON has it.

        Returns:
            The message.

        Raises:
            MalformedMessage: If it is not of this form.
        """
        stream = message.get("stream")
        what = f"stream {stream}, BATCH message"
        encoding = validation.read(_Encoding, message.get("encoding"), what)
        manifest = message.get("manifest")
        if not isinstance(stream, str) or not isinstance(manifest, list):
            raise MalformedMessage(f"{what}: stream or manifest is missing")
        if len(manifest) > 1:
            raise MalformedMessage(
                f"{what}: the manifest names {len(manifest)} files; a message of format "
                f"{FORMAT} describes one"
            )
        file = None
        if manifest:
            file = CopyFile(
                _path_of(manifest[0], what),
                encoding.columns,
                encoding.rows,
                encoding.copy_format,
                encoding.delimiter,
                encoding.null,
            )
        covers = None
        if encoding.high is not None:
            covers = KeyRange(encoding.low, encoding.high)
        return cls(stream, file, covers, encoding.settled, encoding.last)


def _path_of(url: object, what: str) -> Path:
    if not isinstance(url, str) or not url.startswith("file:///"):
        raise MalformedMessage(
            f"{what}: the manifest wants the file:// URL of a file of this machine"
        )
    return Path(unquote(urlsplit(url).path))
