"""Files that are proposed: written once, then compared with what a person has made of them."""

from __future__ import annotations

import difflib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from entrepot_core.base.errors import Refused

_STATE = ".scaffold.json"
What = Literal["new", "changed", "merged", "gone", "by hand"]


@dataclass(frozen=True)
class Change:
    """What is proposed of one file.

    Attributes:
        path: The file, below the domain's folder.
        what: `new`, `changed` where it is as it was written, `merged` where a person's edits and
            the change do not meet, `gone`, or `by hand` where they do.
        before: Its text, from which the proposal is told.
        after: The text that is proposed; None for a file that is to go.
    """

    path: str
    what: What
    before: str
    after: str | None

    @property
    def difference(self) -> str:
        """The change, as a patch of the domain's folder."""
        lines = difflib.unified_diff(
            self.before.splitlines(keepends=True),
            (self.after or "").splitlines(keepends=True),
            "/dev/null" if self.what == "new" else f"a/{self.path}",
            "/dev/null" if self.after is None else f"b/{self.path}",
        )
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


@dataclass
class Scaffold:
    """A domain's folder, and what was written into it.

    Attributes:
        folder: The folder.
        patterns: Which tables were chosen; empty for all.
        names: The model's name of each table.
        written: The text of each file as it was written last.
        is_first: Whether nothing was written yet.
    """

    folder: Path
    patterns: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)
    is_first: bool = True

    @classmethod
    def read(cls, folder: Path) -> Scaffold:
        """Read what was written before.

        Args:
            folder: The domain's folder.

        Returns:
            It; empty where nothing was.

        Raises:
            Refused: If the note of it is damaged.
        """
        file = folder / _STATE
        if not file.is_file():
            return cls(folder)
        try:
            noted: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            return cls(
                folder,
                [str(each) for each in noted["tables"]],
                {str(k): str(v) for k, v in noted["names"].items()},
                {str(k): str(v) for k, v in noted["files"].items()},
                is_first=False,
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            problem = (
                f"{file} is damaged: restore it, or remove it: what is there is then taken for "
                "your own, and nothing of it is changed"
            )
            raise Refused([problem]) from None

    def changes(self, wanted: Mapping[str, str]) -> Iterator[Change]:
        """Compare what is there with what would be written today.

        Args:
            wanted: The text of each file, by its path.

        Yields:
            What is proposed, file by file.
        """
        for path in sorted({*wanted, *self.written}):
            change = self._change(path, wanted.get(path))
            if change is not None:
                yield change

    def _change(self, path: str, after: str | None) -> Change | None:
        base, now = self.written.get(path), self._now(path)
        if after in (now, base):
            return None  # as it is, or nothing new since it was edited
        if base is None and now is None:
            return Change(path, "new", "", after)
        if now is None:
            return None  # somebody has removed it
        if now == base:
            return Change(path, "gone" if after is None else "changed", now, after)
        if base is None or after is None:
            return Change(path, "by hand", base or now, after)
        merged = _merged(base, now, after)
        if merged is None:
            return Change(path, "by hand", base, after)
        return Change(path, "merged", now, merged)

    def _now(self, path: str) -> str | None:
        file = self.folder / path
        return file.read_text(encoding="utf-8") if file.is_file() else None

    def accept(self, changes: list[Change], wanted: Mapping[str, str]) -> None:
        """Write what is proposed, but what must be done by hand.

        Args:
            changes: What is proposed.
            wanted: The text of each file, by its path.
        """
        left = {change.path for change in changes if change.what == "by hand"}
        for change in changes:
            file = self.folder / change.path
            if change.what == "by hand":
                continue
            if change.after is None:
                file.unlink(missing_ok=True)
            else:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(change.after, encoding="utf-8")
        self.written = {
            **{path: text for path, text in wanted.items() if path not in left},
            **{path: self.written[path] for path in left if path in self.written},
        }
        self._note()

    def _note(self) -> None:
        noted = {"tables": self.patterns, "names": self.names, "files": self.written}
        self.folder.mkdir(parents=True, exist_ok=True)
        unfinished = self.folder / f"{_STATE}.unfinished"
        unfinished.write_text(json.dumps(noted, ensure_ascii=False, indent=1), "utf-8")
        unfinished.replace(self.folder / _STATE)


def _merged(base: str, now: str, after: str) -> str | None:
    """Merge two changes of a text, if Git is there and finds that they do not meet."""
    git = shutil.which("git")
    if git is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name, text in (("now", now), ("base", base), ("after", after)):
            paths.append(Path(folder) / name)
            paths[-1].write_text(text, encoding="utf-8")
        done = subprocess.run(
            [git, "merge-file", "--stdout", *map(str, paths)],
            capture_output=True,
            check=False,
        )
    return done.stdout.decode() if done.returncode == 0 else None
