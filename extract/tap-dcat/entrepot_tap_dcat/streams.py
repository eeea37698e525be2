"""The six streams: what their columns are, and how they reach the target."""

from __future__ import annotations

import typing as t

from singer_sdk import Stream
from singer_sdk.helpers.conform import TypeConformanceLevel

from entrepot_core.singer.keywords import TYPE

if t.TYPE_CHECKING:
    from singer_sdk.helpers.types import Context
    from singer_sdk.singerlib import SchemaMessage

    from entrepot_tap_dcat.tap import TapDcat

Property = dict[str, t.Any]


def _text(description: str, *, is_key: bool = False) -> Property:
    kinds = ["string"] if is_key else ["string", "null"]
    return {"type": kinds, "description": description}


def _list(description: str) -> Property:
    return {
        "type": ["array"],
        "items": {"type": ["string"]},
        TYPE: "text[]",
        "description": description,
    }


def _json(description: str, kind: str = "array") -> Property:
    return {"type": [kind], "description": description}


def _texts(what: str) -> Property:
    return _json(f"{what}: a list of {{value, language}}")


def _nodes(what: str) -> Property:
    return _json(
        f"{what}: a list of {{iri, label}}; a label is a list of {{value, language}}"
    )


_TYPES = _list("All its classes, as IRIs")
_OTHER = _json("Whatever else is said of it, by predicate", "object")
_PROVENANCE: dict[str, Property] = {
    "source_file": _text("The document that it was read from"),
    "page": {
        "type": ["integer", "null"],
        "description": "The number of the page in its dump",
    },
    "dump_date": {
        "type": ["string"],
        "format": "date",
        "description": "The day of the dump: as file names say, or the day of fetching",
    },
}
_HVD_CATEGORY = _list("Categories of high-value datasets that it belongs to")
_LEGISLATION = _list("Legislation that applies to it")
_DATASET_KEY = "The dataset's IRI; of a blank node a name made of its content"


class DcatStream(Stream):
    """Rows of one kind; all of them, each time.

    Args:
        tap: The tap.
        name: The stream's name.
        keys: What tells rows of one dump apart.
        columns: The columns of its own.
    """

    name: str
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # rows are made to the schema

    def __init__(
        self, tap: TapDcat, name: str, keys: list[str], columns: dict[str, Property]
    ) -> None:
        schema = {"type": "object", "properties": {**columns, **_PROVENANCE}}
        super().__init__(tap, schema=schema, name=name)
        self.primary_keys = [*keys, "dump_date"]
        self._dcat_tap = tap

    def describe(self) -> None:
        """Write the SCHEMA message: the target must know all streams before the first record."""
        self._write_schema_message()

    def _generate_schema_messages(self) -> t.Generator[SchemaMessage, None, None]:
        """Name PostgreSQL's types again, which the SDK forgets on the way."""
        for message in super()._generate_schema_messages():
            described = message.schema["properties"]
            for name, column in self.schema["properties"].items():
                is_as_it_was = described.get(name, {}).get("type") == column["type"]
                if TYPE in column and is_as_it_was:
                    described[name] = {**described[name], TYPE: column[TYPE]}
            yield message

    def get_records(self, context: Context | None) -> t.Iterable[dict[str, t.Any]]:
        """Give the rows.

        Args:
            context: Of the SDK; there is none.

        Yields:
            The rows, each a value by column.
        """
        del context
        yield from self._dcat_tap.catalogue.rows(self.name)

    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> t.Generator[dict[str, t.Any], t.Any, t.Any]:
        """Say after the last record that it was the last."""
        yield from super()._sync_records(context, write_messages=write_messages)
        if write_messages and self.selected:
            self._write_activate_version_message(self._dcat_tap.version)


STREAMS: dict[str, tuple[list[str], dict[str, Property]]] = {
    "datasets": (
        ["dataset"],
        {
            "dataset": _text(_DATASET_KEY, is_key=True),
            "types": _TYPES,
            "is_series": {
                "type": ["boolean"],
                "description": "Whether it is a series of datasets as well",
            },
            "identifier": _list("Identifiers, as written"),
            "title": _texts("Titles"),
            "description": _texts("Descriptions"),
            "keyword": _texts("Keywords"),
            "theme": _list("Themes"),
            "status": _list("Codes of its status, as written"),
            "access_rights": _nodes("Who may have access"),
            "rights": _nodes("Other statements of rights"),
            "license": _nodes("Licences of the dataset itself"),
            "creator": _list("Keys of agents"),
            "publisher": _list("Keys of agents"),
            "contributor": _list("Keys of agents"),
            "rights_holder": _list("Keys of agents, in both spellings of the relation"),
            "contact_point": _list("Keys of contact points"),
            "catalog_record": _list("Keys of catalogue records"),
            "distribution": _list("Keys of distributions"),
            "spatial": _nodes("Places; bbox, centroid and geometry where given"),
            "issued": _list("When it was published, as written"),
            "created": _list("When it was made, as written"),
            "modified": _list("When it was last changed, as written"),
            "language": _list("Languages"),
            "conforms_to": _nodes("Standards and reference systems"),
            "accrual_periodicity": _list("How often it is renewed"),
            "provenance": _nodes("Where it comes from"),
            "landing_page": _list("Landing pages"),
            "documentation": _list("Pages about it"),
            "version": _list("Versions"),
            "in_series": _list("Series that it is a part of"),
            "series_member": _list("Members, if it is a series"),
            "hvd_category": _HVD_CATEGORY,
            "applicable_legislation": _LEGISLATION,
            "other": _OTHER,
        },
    ),
    "distributions": (
        ["dataset", "distribution"],
        {
            "dataset": _text("Key of its dataset", is_key=True),
            "distribution": _text(
                "Its IRI; of a blank node a name made of its dataset and content",
                is_key=True,
            ),
            "types": _TYPES,
            "title": _texts("Titles"),
            "description": _texts("Descriptions"),
            "license": _nodes("Licences"),
            "rights": _nodes("Statements of rights"),
            "access_rights": _nodes("Who may have access"),
            "access_url": _list("Where it can be found"),
            "download_url": _list("Where it can be downloaded"),
            "format": _nodes("File formats"),
            "media_type": _nodes("Media types"),
            "conforms_to": _nodes("Standards"),
            "byte_size": _list("Sizes, as written"),
            "status": _list("Codes of its status, as written"),
            "issued": _list("When it was published, as written"),
            "modified": _list("When it was last changed, as written"),
            "applicable_legislation": _LEGISLATION,
            "access_service": _list("Keys of data services that give it"),
            "other": _OTHER,
        },
    ),
    "data_services": (
        ["data_service"],
        {
            "data_service": _text(
                "Its IRI; of a blank node a name made of its owner and content",
                is_key=True,
            ),
            "types": _TYPES,
            "identifier": _list("Identifiers, as written"),
            "title": _texts("Titles"),
            "description": _texts("Descriptions"),
            "keyword": _texts("Keywords"),
            "theme": _list("Themes"),
            "service_type": _list("Codes of its type, as written"),
            "endpoint_url": _list("Where it answers"),
            "endpoint_description": _list("Where its operations are described"),
            "serves_dataset": _list("Keys of the datasets that it serves"),
            "access_rights": _nodes("Who may have access"),
            "rights": _nodes("Other statements of rights"),
            "license": _nodes("Licences of the service"),
            "creator": _list("Keys of agents"),
            "publisher": _list("Keys of agents"),
            "rights_holder": _list("Keys of agents, in both spellings of the relation"),
            "contact_point": _list("Keys of contact points"),
            "catalog_record": _list("Keys of catalogue records"),
            "spatial": _nodes("Places; bbox, centroid and geometry where given"),
            "conforms_to": _nodes("Standards and protocols"),
            "format": _nodes("Formats of its answers"),
            "issued": _list("When it was published, as written"),
            "modified": _list("When it was last changed, as written"),
            "language": _list("Languages"),
            "landing_page": _list("Landing pages"),
            "documentation": _list("Pages about it"),
            "hvd_category": _HVD_CATEGORY,
            "applicable_legislation": _LEGISLATION,
            "other": _OTHER,
        },
    ),
    "agents": (
        ["agent"],
        {
            "agent": _text(
                "Its IRI; of a blank node a name made of its owner and content",
                is_key=True,
            ),
            "types": _TYPES,
            "name": _texts("Names"),
            "mbox": _list("Mailboxes, as written"),
            "homepage": _list("Web pages"),
            "agent_type": _list("Codes of its type, as written"),
            "other": _OTHER,
        },
    ),
    "contact_points": (
        ["contact_point"],
        {
            "contact_point": _text(
                "Its IRI; of a blank node a name made of its owner and content",
                is_key=True,
            ),
            "types": _TYPES,
            "name": _texts("Names"),
            "email": _list("Addresses, as written"),
            "url": _list("Web pages"),
            "telephone": _list("Telephone numbers, as written"),
            "other": _OTHER,
        },
    ),
    "catalog_records": (
        ["catalog_record"],
        {
            "catalog_record": _text(
                "Its IRI; of a blank node a name made of its dataset and content",
                is_key=True,
            ),
            "dataset": _text("Key of the dataset, or data service, that it is about"),
            "types": _TYPES,
            "title": _texts("Titles"),
            "identifier": _list("Identifiers, as written"),
            "catalog": _nodes("Catalogues that it is in"),
            "issued": _list("When it was listed, as written"),
            "modified": _list("When it was last changed, as written"),
            "language": _list("Languages"),
            "status": _list("Codes of its status, as written"),
            "contact_point": _list("Keys of contact points"),
            "other": _OTHER,
        },
    ),
}
