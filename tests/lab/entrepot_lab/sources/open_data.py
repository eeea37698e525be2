"""An open-data platform on this machine, which exports one data set as CSV.

`python -m entrepot_lab.sources.open_data FOLDER` listens on the port that the folder holds. As the
real one, it makes each export anew: no header tells whether it has changed.
"""

from __future__ import annotations

import csv
import io
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

ROOT = Path(__file__).resolve().parents[4]
CONTENTS = ROOT / "contents"
PATH = "/api/explore/v2.1/catalog/datasets/moncompteformation_catalogueformation/exports/csv"
_REFINED = 'intitule_certification:"Certificat Pix"'


def query() -> str:
    """Write the query of the project's export: semicolons, and Pix's certificate alone."""
    return f"refine={quote(_REFINED)}&delimiter={quote(';')}&use_labels=false"


def export(refine: str, delimiter: str, source: Path) -> bytes:
    """Make an export.

    Args:
        refine: `column:"value"`; nothing for all rows.
        delimiter: Between cells.
        source: The whole data set.

    Returns:
        The CSV file.
    """
    with source.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, delimiter=";")
        rows, names = list(reader), reader.fieldnames or []
    if refine:
        column, _, value = refine.partition(":")
        rows = [row for row in rows if row[column] == value.strip('"')]
    output = io.StringIO(newline="")
    writer = csv.DictWriter(output, names, delimiter=delimiter, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return output.getvalue().encode("utf-8-sig")


class Handler(BaseHTTPRequestHandler):
    """Answers exports, and nothing else."""

    protocol_version = "HTTP/1.1"
    source = CONTENTS / "cpf" / "samples" / "catalogue.csv"

    def do_GET(self) -> None:
        """Answer an export."""
        parts = urlsplit(self.path)
        if parts.path != PATH:
            self.send_error(404)
            return
        asked = parse_qs(parts.query)
        body = export(
            asked.get("refine", [""])[0], asked.get("delimiter", [";"])[0], self.source
        )
        self.send_response(200)
        self.send_header("Content-Type", "text/csv; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Serve until told to end."""
    port = int((Path(sys.argv[1]) / "port").read_text())
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    main()
