"""The tap: one stream for each entry of `streams`."""

from __future__ import annotations

import time
import typing as t
from datetime import date, datetime
from functools import cached_property
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from singer_sdk import Tap
from singer_sdk import typing as th

from entrepot_core.singer.config import loaded
from entrepot_core.singer.plugin import Plugin
from entrepot_tap_rest import definitions, logins, templates
from entrepot_tap_rest.client import Client, Limits
from entrepot_tap_rest.definitions import Common, Definition
from entrepot_tap_rest.errors import WrongDefinition
from entrepot_tap_rest.reading import Reader
from entrepot_tap_rest.streams import RestStream
from entrepot_tap_rest.windows import EVERYTHING, Span, spans


class TapRest(Plugin, Tap):
    """Singer tap for APIs that answer JSON."""

    name = "tap-rest"
    package_name = "entrepot-tap-rest"
    config_jsonschema: t.ClassVar[dict[str, t.Any]] = th.PropertiesList(
        th.Property(
            "api_url",
            th.StringType,
            required=True,
            description="Where the API is. {VARIABLE} is replaced by the environment's.",
        ),
        th.Property(
            "auth",
            th.ObjectType(additional_properties=True),
            secret=True,
            description="The login: type none, header, query, bearer, basic or oauth2, and its "
            "parts; secrets as {VARIABLE}.",
        ),
        th.Property(
            "streams",
            th.ArrayType(th.ObjectType(additional_properties=True)),
            required=True,
            description="The streams: name, path, records, columns, keys, pages, window.",
        ),
        th.Property(
            "body",
            th.ObjectType(additional_properties=True),
            description="Members of what each POST sends, beside those of its stream.",
        ),
        th.Property(
            "constants",
            th.ObjectType(additional_properties=True),
            description="Columns that have one value in all rows of all streams. What was read "
            "with other values stays.",
        ),
        th.Property(
            "start_date",
            th.StringType,
            description="The first day of streams that are read by day, month or year, such as "
            "2024-01-31.",
        ),
        th.Property(
            "domain",
            th.StringType,
            description="Where DOMAINS does not name it, there is nothing to do.",
        ),
        th.Property(
            "timezone",
            th.StringType,
            default="Europe/Paris",
            description="Whose day it is: the last window ends today.",
        ),
        th.Property(
            "today",
            th.StringType,
            description="The last day that is read, such as 2024-01-31; today without it.",
        ),
        th.Property(
            "requests_per_minute",
            th.NumberType,
            default=0,
            description="How many requests may begin within a minute; 0 for any number.",
        ),
        th.Property(
            "max_pages",
            th.IntegerType,
            default=10_000,
            description="Pages that one window may have.",
        ),
        th.Property(
            "max_bytes",
            th.IntegerType,
            default=100 * 1024**2,
            description="Bytes that one answer may have.",
        ),
        th.Property(
            "deadline",
            th.NumberType,
            default=180,
            description="Seconds that one answer may take.",
        ),
        th.Property(
            "network_timeout",
            th.NumberType,
            default=60,
            description="Seconds after which a silent server counts as lost.",
        ),
        th.Property(
            "tries",
            th.IntegerType,
            default=5,
            description="How often a request is tried in all.",
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
    ).to_dict()

    def __init__(
        self, *, config: t.Any = None, state: t.Any = None, **options: t.Any
    ) -> None:
        """Replace variables, and keep the state: the windows depend on it.

        Args:
            config: As the SDK takes it: a dictionary, or paths of files.
            state: As the SDK takes it: a dictionary, or a path.
            **options: Of the SDK.
        """
        self._known: dict[str, t.Any] = loaded(state).get("bookmarks", {})
        given = templates.with_variables(loaded(config))
        super().__init__(config=given, state=state, **options)

    @cached_property
    def _definitions(self) -> list[Definition]:
        settings = self.config
        common = Common(
            dict(settings.get("body") or {}),
            dict(settings.get("constants") or {}),
            settings.get("start_date") or "",
        )
        entries = [common.completed(each) for each in settings.get("streams") or []]
        return definitions.read(entries)

    @cached_property
    def _client(self) -> Client:
        settings = self.config
        limits = Limits(
            timeout=float(settings["network_timeout"]),
            deadline=float(settings["deadline"]),
            size=int(settings["max_bytes"]),
            tries=max(1, int(settings["tries"])),
            pause=float(settings["retry_wait"]),
            patience=float(settings["retry_limit"]),
            per_minute=float(settings["requests_per_minute"]),
        )
        return Client(settings["api_url"], limits, logins.read(settings.get("auth")))

    def discover_streams(self) -> list[RestStream]:
        """Give the streams; nothing is asked yet.

        Returns:
            One for each entry of `streams`.

        Raises:
            WrongDefinition: With everything that is wrong.
        """
        return [
            RestStream(
                self,
                definition,
                Reader(self._client, definition, int(self.config["max_pages"])),
                self._spans(definition),
            )
            for definition in self._definitions
        ]

    def _spans(self, definition: Definition) -> list[Span]:
        window = definition.window
        if window is None:
            return [EVERYTHING]
        start = definitions.first_day(definition, window.start)
        known = self._known.get(definition.name, {}).get("window")
        return spans(window.unit, start, self._today, known, window.lookback)

    @cached_property
    def _today(self) -> date:
        if given := self.config.get("today"):
            return date.fromisoformat(given)
        try:
            return datetime.now(ZoneInfo(self.config["timezone"])).date()
        except (ZoneInfoNotFoundError, ValueError):
            raise WrongDefinition(
                [f"timezone: {self.config['timezone']} is no time zone"]
            ) from None

    def sync_all(self) -> None:  # type: ignore[misc] # final in the SDK, which has no hook around a whole run
        """Read and send all streams, then say that this is all of their windows."""
        try:
            super().sync_all()
        finally:
            self._client.close()
        version = int(time.time())
        streams = t.cast("dict[str, RestStream]", self.streams)  # discover_streams()
        for stream in streams.values():
            if stream.selected:
                stream.complete(version)
