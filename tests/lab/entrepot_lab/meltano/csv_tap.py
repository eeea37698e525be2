"""tap-csv on files of one test, in the test's own process."""

from __future__ import annotations

import json
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from entrepot_tap_csv.tap import TapCsv


class Files:
    """A folder of files, and the tap on it.

    Attributes:
        folder: Where the files are.
        state: What the last run has left.
    """

    def __init__(self, folder: Path) -> None:
        """Start with no state.

        Args:
            folder: Where the files are.
        """
        self.folder = folder
        self.state: dict[str, Any] = {}

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file, and give its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content.encode() if isinstance(content, str) else content
        path.write_bytes(data)
        return path

    def messages(self, path: str | Path = "", **entry: Any) -> list[dict[str, Any]]:
        """Run the tap on one stream, and give its messages.

        Args:
            path: All `.csv` of the folder, if empty.
            **entry: More of the stream's definition.

        Returns:
            The messages, in order.
        """
        definition = {"entity": "rows", "path": str(path or self.folder / "*.csv")}
        config = {"files": [{**definition, **entry}]}
        output = StringIO()
        with redirect_stdout(output):
            TapCsv(config=config, state=self.state).sync_all()
        found = [json.loads(line) for line in output.getvalue().splitlines()]
        states = [each["value"] for each in found if each["type"] == "STATE"]
        self.state = states[-1]
        return found

    def records(self, path: str | Path = "", **entry: Any) -> list[dict[str, Any]]:
        """Run the tap, and give the records alone."""
        found = self.messages(path, **entry)
        return [each["record"] for each in found if each["type"] == "RECORD"]

    def rows(self, path: str | Path = "", **entry: Any) -> list[tuple[Any, ...]]:
        """The records' values, without where they are from."""
        return [
            tuple(v for k, v in each.items() if not k.startswith("_source"))
            for each in self.records(path, **entry)
        ]
