"""The tap: one stream for each entry of `files`."""

from __future__ import annotations

import json
import shutil
import typing as t
from collections import Counter
from functools import cached_property
from pathlib import Path

from singer_sdk import Tap
from singer_sdk import typing as th
from singer_sdk.helpers.capabilities import CapabilitiesEnum, PluginCapabilities

from entrepot_core.base.errors import Refused
from entrepot_core.config.project import project_root
from entrepot_core.singer.config import from_variables, loaded
from entrepot_core.singer.copies import CopyTap
from entrepot_core.singer.reader import suited
from entrepot_core.storage.places import LONGEST_FILE
from entrepot_core.storage.redirects import Redirects
from entrepot_tap_csv import definitions, plan
from entrepot_tap_csv.definitions import Definition
from entrepot_tap_csv.errors import CannotRead
from entrepot_tap_csv.formats import json_maps
from entrepot_tap_csv.places import Places
from entrepot_tap_csv.streams import CsvStream

_FETCHED = "fetched"


class TapCsv(CopyTap, Tap):
    """Singer tap for CSV files: of this machine, behind a URL, in S3."""

    name = "tap-csv"
    package_name = "entrepot-tap-csv"
    capabilities: t.ClassVar[list[CapabilitiesEnum]] = [
        *Tap.capabilities,
        PluginCapabilities.BATCH,
    ]
    config_jsonschema = th.PropertiesList(
        th.Property(
            "files",
            th.ArrayType(th.ObjectType(additional_properties=True)),
            description="The streams: entity, path, keys and how the files are written.",
        ),
        th.Property(
            "csv_files_definition",
            th.StringType,
            description="A JSON file that holds what `files` would.",
        ),
        th.Property(
            "add_metadata_columns",
            th.BooleanType,
            default=False,
            description="Whether to add _sdc_source_file, _sdc_source_file_mtime and "
            "_sdc_source_lineno too.",
        ),
        th.Property(
            "domain",
            th.StringType,
            description="Where DOMAINS does not name it, there is nothing to do.",
        ),
        th.Property(
            "replaces_files",
            th.BooleanType,
            default=True,
            description="Whether to name the files whose older rows go (x-replace-by). A target "
            "that does not know this needs `false`, and keys.",
        ),
        th.Property(
            "batch_config",
            th.ObjectType(additional_properties=True),
            description="The SDK's own; the format is pgcopy, and `storage.root` a folder, "
            "written as a file:// URL.",
        ),
        th.Property(
            "spool_limit",
            th.IntegerType,
            default=512 * 1024**2,
            description="Bytes of COPY files that may wait for the target before the tap does.",
        ),
        th.Property(
            "max_bytes",
            th.IntegerType,
            default=LONGEST_FILE,
            description="Bytes that one file may have, unpacked; it may not unpack to more than "
            "200 times its size either.",
        ),
        th.Property(
            "max_json_bytes",
            th.IntegerType,
            default=json_maps.LONGEST,
            description="Bytes that one file of format json-maps may have: it is read whole.",
        ),
        th.Property(
            "allow_redirects_to",
            th.ArrayType(th.StringType),
            default=[],
            description="Hosts, or host:port, to which servers of files may redirect beside "
            "themselves.",
        ),
        th.Property(
            "known_hosts",
            th.StringType,
            description="A file with the keys of SFTP servers; without it, ~/.ssh/known_hosts.",
        ),
        th.Property(
            "network_timeout",
            th.IntegerType,
            default=120,
            description="Seconds after which a silent network counts as cut.",
        ),
    ).to_dict()

    def __init__(
        self, *, config: t.Any = None, state: t.Any = None, **options: t.Any
    ) -> None:
        """Keep the state: the streams depend on it.

        Args:
            config: As the SDK takes it: a dictionary, or paths of files.
            state: As the SDK takes it: a dictionary, or a path.
            **options: Of the SDK.
        """
        self._known: dict[str, t.Any] = loaded(state).get("bookmarks", {})
        given = from_variables({"network_timeout": "NETWORK_TIMEOUT"})
        settings = {**given, **suited(loaded(config))}
        super().__init__(config=settings, state=state, **options)

    @cached_property
    def _definitions(self) -> list[Definition]:
        """Read the setting `files`, or the file that it is in."""
        entries = list(self.config.get("files") or [])
        if path := self.config.get("csv_files_definition"):
            file = project_root() / path
            try:
                entries += json.loads(file.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise CannotRead(f"csv_files_definition: {path}: {error}") from None
        if not entries:
            raise CannotRead("files: nothing is to be read")
        found, problems = [], []
        for entry in entries:
            try:
                found.append(definitions.read(entry))
            except CannotRead as error:
                problems.append(str(error))
        counts = Counter(each.entity for each in found)
        problems += [
            f"files: entity {name!r} is there {count} times"
            for name, count in counts.items()
            if count > 1
        ]
        if problems:
            raise CannotRead("; ".join(problems))
        return found

    def discover_streams(self) -> list[CsvStream]:
        """Look at all files, and bring those here that have changed.

        Returns:
            One stream for each entry of `files`.

        Raises:
            CannotRead: With everything that stands in the way.
        """
        streams, problems = [], []
        config = self.config
        limits = plan.Limits(config["max_bytes"], config["max_json_bytes"])
        places = Places(
            self._fetched,
            config["network_timeout"],
            limits.file,
            Redirects(frozenset(config["allow_redirects_to"])),
            known_hosts=config.get("known_hosts") or "",
        )
        for definition in self._definitions:
            try:
                made = plan.make(
                    definition,
                    places,
                    self._known.get(definition.entity, {}),
                    adds_metadata=config["add_metadata_columns"],
                    limits=limits,
                )
            except (CannotRead, Refused) as error:
                problems.append(str(error))
            else:
                streams.append(CsvStream(self, made))
        if problems:
            self.close()
            raise CannotRead("; ".join(problems))
        return streams

    def _fetched(self) -> Path:
        return self.spool.folder / _FETCHED

    def close(self) -> None:
        """Leave nothing behind but what still waits for the target."""
        if "spool" in vars(self):
            shutil.rmtree(self.spool.folder / _FETCHED, ignore_errors=True)
        self.close_spool()

    def sync_all(self) -> None:  # type: ignore[misc] # final in the SDK, which has no hook around a whole run
        """Read every stream; what still waits for the target is left to it."""
        try:
            super().sync_all()
        finally:
            self.close()
