"""A folder behind HTTP, whose first answers are cut."""

from __future__ import annotations

from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import ClassVar


class CutDownloads(SimpleHTTPRequestHandler):
    """Serves a folder; the first answer for a dump is cut in the middle."""

    cut: ClassVar[set[str]] = set()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer with ranges, and cut once."""
        content = Path(self.translate_path(self.path.split("?")[0])).read_bytes()
        start = int(self.headers.get("Range", "bytes=0-")[6:].split("-")[0])
        self.send_response(206 if start else 200)
        self.send_header("ETag", '"one"')
        self.send_header("Content-Length", str(len(content) - start))
        if start:
            self.send_header(
                "Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}"
            )
        self.end_headers()
        if self.path not in self.cut:
            self.cut.add(self.path)
            self.wfile.write(content[start : start + 5000])
            self.wfile.flush()
            self.connection.close()
            return
        self.wfile.write(content[start:])
