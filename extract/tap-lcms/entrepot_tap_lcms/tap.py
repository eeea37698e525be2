"""The tap: one answer, read and checked whole, then sent as eight streams."""

from __future__ import annotations

import time
import typing as t
from functools import cached_property

from singer_sdk import Tap
from singer_sdk import typing as th

from entrepot_core.base.errors import Refused
from entrepot_core.base.redaction import redact
from entrepot_core.config import sources
from entrepot_core.singer.config import from_variables, loaded
from entrepot_core.singer.plugin import Plugin
from entrepot_core.storage.redirects import Redirects
from entrepot_tap_lcms import payload
from entrepot_tap_lcms.client import Client
from entrepot_tap_lcms.content import CONTENTS
from entrepot_tap_lcms.reading import Reading
from entrepot_tap_lcms.streams import LcmsStream

_VARIABLES = {"api_url": "LCMS_API_URL", "api_key": "LCMS_API_KEY"}


class TapLcms(Plugin, Tap):
    """Singer tap for Pix's learning content."""

    name = "tap-lcms"
    package_name = "entrepot-tap-lcms"
    config_jsonschema: t.ClassVar[dict[str, t.Any]] = th.PropertiesList(
        th.Property(
            "api_url",
            th.StringType,
            description="Where the LCMS is. Default: LCMS_API_URL.",
        ),
        th.Property(
            "api_key",
            th.StringType,
            secret=True,
            description="The bearer's key. Default: LCMS_API_KEY.",
        ),
        th.Property(
            "path",
            th.StringType,
            default="/databases/airtable",
            description="What is asked for, below api_url.",
        ),
        th.Property(
            "client",
            th.StringType,
            default="entrepot",
            description="What we call ourselves, in the header client.",
        ),
        th.Property(
            "deadline",
            th.NumberType,
            default=180,
            description="Seconds that one try of the whole request may take.",
        ),
        th.Property(
            "tries",
            th.IntegerType,
            default=4,
            description="How often the request is tried in all.",
        ),
        th.Property(
            "retry_wait",
            th.NumberType,
            default=2,
            description="Seconds before the second try; twice as long before each further one.",
        ),
        th.Property(
            "retry_limit",
            th.NumberType,
            default=120,
            description="Seconds that the server may have us wait before a try.",
        ),
        th.Property(
            "max_bytes",
            th.IntegerType,
            default=10**9,
            description="Bytes that the answer may have.",
        ),
        th.Property(
            "allow_redirects_to",
            th.ArrayType(th.StringType),
            default=[],
            description="Hosts, or host:port, to which the LCMS may redirect beside itself.",
        ),
        th.Property(
            "max_bad_values",
            th.IntegerType,
            default=0,
            description="How many values that do not fit their type may become NULL; the next "
            "one ends the run.",
        ),
        th.Property(
            "allow_empty",
            th.BooleanType,
            default=False,
            description="Whether an empty list may take the place of rows.",
        ),
    ).to_dict()

    def __init__(self, *, config: t.Any = None, **options: t.Any) -> None:
        """Complete the configuration by the project's own variables, which no file repeats.

        Args:
            config: As the SDK takes it: a dictionary, or paths of files.
            **options: Of the SDK.
        """
        given = {**from_variables(_VARIABLES), **loaded(config)}
        redact.hide(given.get("api_key"))
        super().__init__(config=given, **options)

    def discover_streams(self) -> list[LcmsStream]:
        """Give the eight streams."""
        return [LcmsStream(self, content) for content in CONTENTS]

    @cached_property
    def reading(self) -> Reading:
        """The whole content, fetched and checked.

        Raises:
            Refused: If a setting is missing or makes no sense.
            CannotFetch: If the LCMS does not give it.
            BadContent: If it is not as it should be.
        """
        answer = self._client().fetch()
        reading = Reading(CONTENTS, int(self.config["max_bad_values"]))
        names = [content.name for content in CONTENTS]
        with answer.file:
            reading.fill(payload.records(answer, names))
        return reading

    def _client(self) -> Client:
        settings = self.config
        given = {variable: settings.get(name) for name, variable in _VARIABLES.items()}
        if problems := sources.problems_of("lcms", given):
            raise Refused(problems)
        return Client(
            url=settings["api_url"].rstrip("/") + "/" + settings["path"].lstrip("/"),
            key=settings["api_key"],
            name=settings["client"],
            deadline=float(settings["deadline"]),
            limit=int(settings["max_bytes"]),
            tries=max(1, int(settings["tries"])),
            pause=float(settings["retry_wait"]),
            patience=float(settings["retry_limit"]),
            redirects=Redirects(frozenset(settings["allow_redirects_to"])),
        )

    def sync_all(self) -> None:  # type: ignore[misc] # final in the SDK, which has no hook around a whole run
        """Fetch and check everything, then send it: descriptions, records, and that this is all."""
        # Before the first message, so that a failure is known before any table is touched.
        self.reading  # noqa: B018
        streams = t.cast("dict[str, LcmsStream]", self.streams)  # discover_streams()
        selected = [stream for stream in streams.values() if stream.selected]
        for stream in selected:
            stream.describe()
        super().sync_all()
        version = int(time.time())
        for stream in selected:
            stream.complete(version)
