"""The columns of each stream, and the words of DCAT that fill them."""

from __future__ import annotations

from typing import Any

from entrepot_tap_dcat.vocabulary import (
    ADMS,
    DCAT,
    DCATAP,
    DCT,
    FOAF,
    LOCN,
    NAMES,
    OWL,
    SCHEMA,
    TYPE,
    VCARD,
)

Row = dict[str, Any]

# What each column is filled from. Columns of `_TEXTS` hold {value, language}, those of `_NODES`
# {iri, label}, all others plain texts.
# What the regulation on high-value datasets asks for; DCAT-AP has the words.
_HVD = {
    "hvd_category": (DCATAP + "hvdCategory",),
    "applicable_legislation": (DCATAP + "applicableLegislation",),
}
_TEXTS: dict[str, dict[str, tuple[str, ...]]] = {
    "datasets": {
        "title": (DCT + "title",),
        "description": (DCT + "description",),
        "keyword": (DCAT + "keyword",),
    },
    "distributions": {"title": (DCT + "title",), "description": (DCT + "description",)},
    "data_services": {
        "title": (DCT + "title",),
        "description": (DCT + "description",),
        "keyword": (DCAT + "keyword",),
    },
    "agents": {"name": NAMES},
    "contact_points": {"name": NAMES},
    "catalog_records": {"title": (DCT + "title",)},
}
_NODES: dict[str, dict[str, tuple[str, ...]]] = {
    "datasets": {
        "access_rights": (DCT + "accessRights",),
        "rights": (DCT + "rights",),
        "license": (DCT + "license",),
        "spatial": (DCT + "spatial",),
        "conforms_to": (DCT + "conformsTo",),
        "provenance": (DCT + "provenance",),
    },
    "distributions": {
        "license": (DCT + "license",),
        "rights": (DCT + "rights",),
        "access_rights": (DCT + "accessRights",),
        "format": (DCT + "format",),
        "media_type": (DCAT + "mediaType",),
        "conforms_to": (DCT + "conformsTo",),
    },
    "data_services": {
        "access_rights": (DCT + "accessRights",),
        "rights": (DCT + "rights",),
        "license": (DCT + "license",),
        "spatial": (DCT + "spatial",),
        "conforms_to": (DCT + "conformsTo",),
        "format": (DCT + "format",),
    },
    "agents": {},
    "contact_points": {},
    "catalog_records": {"catalog": (DCAT + "inCatalog",)},
}
_LINKS: dict[str, dict[str, tuple[str, ...]]] = {
    "datasets": {
        "identifier": (DCT + "identifier", ADMS + "identifier"),
        "theme": (DCAT + "theme",),
        "status": (ADMS + "status",),
        "issued": (DCT + "issued",),
        "created": (DCT + "created",),
        "modified": (DCT + "modified",),
        "language": (DCT + "language",),
        "accrual_periodicity": (DCT + "accrualPeriodicity",),
        "landing_page": (DCAT + "landingPage",),
        "documentation": (FOAF + "page",),
        "version": (OWL + "versionInfo", DCAT + "version"),
        "in_series": (DCAT + "inSeries",),
        "series_member": (DCAT + "seriesMember",),
        **_HVD,
    },
    "distributions": {
        "access_url": (DCAT + "accessURL",),
        "download_url": (DCAT + "downloadURL",),
        "byte_size": (DCAT + "byteSize",),
        "status": (ADMS + "status",),
        "issued": (DCT + "issued",),
        "modified": (DCT + "modified",),
        "applicable_legislation": _HVD["applicable_legislation"],
    },
    "data_services": {
        "identifier": (DCT + "identifier", ADMS + "identifier"),
        "endpoint_url": (DCAT + "endpointURL",),
        "endpoint_description": (DCAT + "endpointDescription",),
        "serves_dataset": (DCAT + "servesDataset",),
        "theme": (DCAT + "theme",),
        "service_type": (DCT + "type",),
        "issued": (DCT + "issued",),
        "modified": (DCT + "modified",),
        "language": (DCT + "language",),
        "landing_page": (DCAT + "landingPage",),
        "documentation": (FOAF + "page",),
        **_HVD,
    },
    "agents": {
        "mbox": (FOAF + "mbox", SCHEMA + "email"),
        "homepage": (FOAF + "homepage", FOAF + "workplaceHomepage"),
        "agent_type": (DCT + "type",),
    },
    "contact_points": {
        "email": (VCARD + "hasEmail", VCARD + "email"),
        "url": (VCARD + "hasURL", VCARD + "url"),
        "telephone": (VCARD + "hasTelephone", VCARD + "tel"),
    },
    "catalog_records": {
        "identifier": (DCT + "identifier",),
        "issued": (DCT + "issued",),
        "modified": (DCT + "modified",),
        "language": (DCT + "language",),
        "status": (ADMS + "status",),
    },
}
# Things that have rows of their own: the stream in which they have it.
_THINGS: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "datasets": {
        "creator": ("agents", (DCT + "creator",)),
        "publisher": ("agents", (DCT + "publisher",)),
        "contributor": ("agents", (DCT + "contributor",)),
        # CKAN writes it in its own way.
        "rights_holder": ("agents", (DCT + "rightsHolder", DCT + "rights_holder")),
        "contact_point": ("contact_points", (DCAT + "contactPoint",)),
        "distribution": ("distributions", (DCAT + "distribution",)),
    },
    "distributions": {"access_service": ("data_services", (DCAT + "accessService",))},
    "data_services": {
        "creator": ("agents", (DCT + "creator",)),
        "publisher": ("agents", (DCT + "publisher",)),
        "rights_holder": ("agents", (DCT + "rightsHolder", DCT + "rights_holder")),
        "contact_point": ("contact_points", (DCAT + "contactPoint",)),
    },
    "agents": {},
    "contact_points": {},
    "catalog_records": {"contact_point": ("contact_points", (DCAT + "contactPoint",))},
}
KEYS = {
    "datasets": "dataset",
    "distributions": "distribution",
    "data_services": "data_service",
    "agents": "agent",
    "contact_points": "contact_point",
    "catalog_records": "catalog_record",
}
PRIMARY_TOPIC, PRIMARY_TOPIC_OF = FOAF + "primaryTopic", FOAF + "isPrimaryTopicOf"
PLACES = {
    "bbox": (DCAT + "bbox",),
    "centroid": (DCAT + "centroid",),
    "geometry": (LOCN + "geometry",),
}


SILENT = frozenset({PRIMARY_TOPIC, PRIMARY_TOPIC_OF})


def _columns(stream: str) -> dict[str, tuple[str, str]]:
    """Give the column of each predicate that has one, and what the column holds."""
    kinds = {"texts": _TEXTS, "nodes": _NODES, "links": _LINKS}
    columns = {
        predicate: (column, kind)
        for kind, described in kinds.items()
        for column, spellings in described[stream].items()
        for predicate in spellings
    }
    for column, (things, spellings) in _THINGS[stream].items():
        columns.update(dict.fromkeys(spellings, (column, things)))
    return {TYPE: ("types", "links"), **columns}


COLUMNS = {stream: _columns(stream) for stream in KEYS}
# Never changed: rows whose columns have values get lists of their own.
EMPTY: dict[str, Row] = {
    stream: {column: [] for column, _ in columns.values()}
    for stream, columns in COLUMNS.items()
}
