"""The tap: its settings, and one reading of the catalogue for all streams."""

from __future__ import annotations

import json
import os
import re
import time
import typing as t
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from singer_sdk import Tap
from singer_sdk import typing as th

from entrepot_core.base.errors import Refused
from entrepot_core.base.redaction import redact
from entrepot_core.postgres.urls import password_of
from entrepot_core.singer.config import from_variables, loaded
from entrepot_core.singer.plugin import Plugin
from entrepot_core.storage.redirects import Redirects
from entrepot_tap_dcat.catalogue import Catalogue
from entrepot_tap_dcat.formats import FORMATS
from entrepot_tap_dcat.options import Options
from entrepot_tap_dcat.places import Place, place
from entrepot_tap_dcat.server import Server
from entrepot_tap_dcat.streams import STREAMS, DcatStream

_VARIABLES = {
    "source": "DCAT_SOURCE",
    "dumps": "DCAT_DUMPS",
    "pattern": "DCAT_PATTERN",
    "format": "DCAT_FORMAT",
    "partial": "DCAT_PARTIAL",
    "contexts": "DCAT_CONTEXTS",
    "network_timeout": "NETWORK_TIMEOUT",
}
_DUMPS = ("latest", "all")
_STATE, _STATE_KEY = "datasets", "pages"
_BOOLEANS = {"true": True, "false": False}


class TapDcat(Plugin, Tap):
    """Singer tap for DCAT catalogues: files, folders, S3 prefixes, and servers that give pages."""

    name = "tap-dcat"
    package_name = "entrepot-tap-dcat"
    config_jsonschema: t.ClassVar[dict[str, t.Any]] = th.PropertiesList(
        th.Property(
            "source",
            th.StringType,
            secret=True,  # a URL may hold a login
            description="A file, a folder, an http(s):// URL of the first page, or an s3:// object "
            "or prefix. Default: DCAT_SOURCE.",
        ),
        th.Property(
            "dumps",
            th.StringType,
            default="latest",
            description="Of a folder or prefix: `latest` or `all` dumps; a dump is the files whose "
            "names hold the same day. Default: DCAT_DUMPS.",
        ),
        th.Property(
            "pattern",
            th.StringType,
            description="A regular expression that whole names must match, relative to the folder "
            "or prefix. Default: DCAT_PATTERN, else the known suffixes.",
        ),
        th.Property(
            "format",
            th.StringType,
            description=f"One of {', '.join(FORMATS)}. Default: DCAT_FORMAT, else each "
            "document's media type, suffix or beginning.",
        ),
        th.Property(
            "partial",
            th.CustomType({"type": ["boolean", "string", "null"]}),
            default=False,
            description="Whether a dump of which pages are missing is loaded all the same. "
            "Default: DCAT_PARTIAL.",
        ),
        th.Property(
            "contexts",
            th.StringType,
            description="A folder with copies of the JSON-LD contexts that documents name. "
            "Default: DCAT_CONTEXTS.",
        ),
        th.Property(
            "page_deadline",
            th.NumberType,
            default=600,
            description="Seconds that a page over http may take in all, all tries together.",
        ),
        th.Property(
            "retry_pause",
            th.NumberType,
            default=0.5,
            description="Seconds before a page is asked for again; doubled each time.",
        ),
        th.Property(
            "max_bytes",
            th.IntegerType,
            default=2 * 1024**3,
            description="Bytes that one document may have, unpacked.",
        ),
        th.Property(
            "max_total_bytes",
            th.IntegerType,
            default=20 * 1024**3,
            description="Bytes that all pages of a server may have together.",
        ),
        th.Property(
            "max_pages",
            th.IntegerType,
            default=10_000,
            description="Pages of a server that are read at most.",
        ),
        th.Property(
            "max_stale_pages",
            th.IntegerType,
            default=20,
            description="Pages in a row that may bring no dataset that no earlier one has.",
        ),
        th.Property(
            "allow_redirects_to",
            th.ArrayType(th.StringType),
            default=[],
            description="Hosts, or host:port, to which the server may redirect, or name as next "
            "page, beside itself.",
        ),
        th.Property(
            "network_timeout",
            th.IntegerType,
            default=120,
            description="Seconds after which a silent network counts as cut.",
        ),
    ).to_dict()

    def __init__(self, *, config: t.Any = None, **options: t.Any) -> None:
        """Complete the configuration by the project's own variables, which no file repeats.

        Args:
            config: As the SDK takes it: a dictionary, or paths of files.
            **options: Of the SDK.
        """
        given = {**from_variables(_VARIABLES), **loaded(config)}
        source = given.get("source") or ""
        if "://" in source:
            redact.hide(password_of(source))
        super().__init__(config=given, **options)
        self.version = int(time.time() * 1000)

    @cached_property
    def place(self) -> Place:
        """Where the catalogue is.

        Raises:
            Refused: With every setting that is wrong.
        """
        problems = self._problems()
        if problems:
            raise Refused(problems)
        config = self.config
        options = Options(
            pattern=config.get("pattern"),
            all_dumps=config["dumps"] == "all",
            timeout=config["network_timeout"],
            deadline=config["page_deadline"],
            limit=config["max_bytes"],
            pause=config["retry_pause"],
            pages=config["max_pages"],
            stale_pages=config["max_stale_pages"],
            total=config["max_total_bytes"],
            redirects=Redirects(frozenset(config["allow_redirects_to"])),
        )
        return place(config["source"], options, self._fingerprint)

    @property
    def _fingerprint(self) -> str:
        """What rows depend on beside the pages: settings, the code, and where they are loaded."""
        settings = {
            name: self.config.get(name) for name in ("format", "partial", "contexts")
        }
        selected = [name for name, each in self.streams.items() if each.selected]
        parts = urlsplit(os.environ.get("TARGET_DATABASE_URL", ""))
        warehouse = (parts.hostname, parts.port, parts.path)
        return json.dumps([settings, selected, version("entrepot-tap-dcat"), warehouse])

    @cached_property
    def catalogue(self) -> Catalogue:
        """The whole catalogue, read when the first stream asks."""
        config = self.config
        return Catalogue(
            self.place,
            config.get("format"),
            may_be_partial=bool(self._partial),
            limit=config["max_bytes"],
            contexts=Path(config["contexts"]) if config.get("contexts") else None,
        )

    @property
    def _partial(self) -> bool | None:
        written = self.config.get("partial")
        return (
            written if isinstance(written, bool) else _BOOLEANS.get(written or "false")
        )

    def _problems(self) -> list[str]:
        config, problems = self.config, []
        if not config.get("source"):
            problems.append("DCAT_SOURCE is missing: see .env.example")
        if config["dumps"] not in _DUMPS:
            problems.append(f"DCAT_DUMPS is {config['dumps']!r}: write latest or all")
        if config.get("format") and config["format"] not in FORMATS:
            problems.append(
                f"DCAT_FORMAT is {config['format']!r}: write one of {', '.join(FORMATS)}"
            )
        if self._partial is None:
            problems.append("DCAT_PARTIAL: write true or false")
        if config.get("contexts") and not Path(config["contexts"]).is_dir():
            problems.append(f"DCAT_CONTEXTS: {config['contexts']} is not a folder")
        try:
            re.compile(config.get("pattern") or "")
        except re.error as error:
            problems.append(f"DCAT_PATTERN is not a regular expression: {error}")
        return problems

    def discover_streams(self) -> t.Sequence[DcatStream]:
        """Make the streams."""
        return [
            DcatStream(self, name, keys, columns)
            for name, (keys, columns) in STREAMS.items()
        ]

    def sync_all(self) -> None:  # type: ignore[misc] # final in the SDK, which has no hook around a whole run
        """Read all, describe all, then send: so that a bad catalogue changes nothing."""
        if isinstance(self.place, Server) and self.place.is_unchanged(self._kept()):
            self.logger.info(
                "the catalogue has not changed since it was read last: nothing is sent"
            )
            return
        self.state.pop("bookmarks", None)
        _ = self.catalogue
        for stream in self.streams.values():
            if stream.selected:
                t.cast("DcatStream", stream).describe()
        super().sync_all()
        if isinstance(self.place, Server):
            bookmarks = self.state.setdefault("bookmarks", {})
            bookmarks.setdefault(_STATE, {})[_STATE_KEY] = self.place.pages.state()
            self.state_writer.write_state(self.state)

    def _kept(self) -> t.Any:
        """Give what was kept of the pages; Singer keeps states by stream."""
        return self.state.get("bookmarks", {}).get(_STATE, {}).get(_STATE_KEY)
