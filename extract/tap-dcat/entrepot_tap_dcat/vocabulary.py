"""The words of DCAT that the tap knows, as IRIs; all others are passed on as they are."""

from __future__ import annotations

DCAT = "http://www.w3.org/ns/dcat#"
DCT = "http://purl.org/dc/terms/"
FOAF = "http://xmlns.com/foaf/0.1/"
VCARD = "http://www.w3.org/2006/vcard/ns#"
ADMS = "http://www.w3.org/ns/adms#"
HYDRA = "http://www.w3.org/ns/hydra/core#"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
SKOS = "http://www.w3.org/2004/02/skos/core#"
OWL = "http://www.w3.org/2002/07/owl#"
ORG = "http://www.w3.org/ns/org#"
LOCN = "http://www.w3.org/ns/locn#"
PROV = "http://www.w3.org/ns/prov#"
DCATAP = "http://data.europa.eu/r5r/"
SCHEMA = "http://schema.org/"
SCHEMAS = "https://schema.org/"

TYPE = RDF + "type"
FIRST, REST, NIL = RDF + "first", RDF + "rest", RDF + "nil"

SERIES = DCAT + "DatasetSeries"
DATASETS = frozenset({DCAT + "Dataset", SERIES})
DISTRIBUTIONS = frozenset({DCAT + "Distribution"})
SERVICES = frozenset({DCAT + "DataService"})
RECORDS = frozenset({DCAT + "CatalogRecord"})
AGENTS = frozenset(
    {
        *(FOAF + name for name in ("Agent", "Organization", "Person", "Group")),
        *(
            ORG + name
            for name in ("Organization", "FormalOrganization", "OrganizationalUnit")
        ),
        PROV + "Agent",
        SCHEMA + "Organization",
        SCHEMAS + "Organization",
    }
)
CONTACTS = frozenset(
    VCARD + name for name in ("Kind", "Individual", "Organization", "Group", "Location")
)
PAGES = frozenset(
    HYDRA + name for name in ("PagedCollection", "Collection", "PartialCollectionView")
)
KNOWN_TYPES = DATASETS | DISTRIBUTIONS | SERVICES | RECORDS | AGENTS | CONTACTS | PAGES

# In the order in which they are believed.
NAMES = (
    FOAF + "name",
    VCARD + "fn",
    VCARD + "organization-name",
    SKOS + "prefLabel",
    RDFS + "label",
    SCHEMA + "name",
    SCHEMAS + "name",
    DCT + "title",
)
LABELS = (
    RDFS + "label",
    SKOS + "prefLabel",
    DCT + "title",
    FOAF + "name",
    DCT + "description",
)
