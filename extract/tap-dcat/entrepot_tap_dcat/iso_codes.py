"""Code lists of ISO 19139, and the IRIs that GeoDCAT-AP has for them."""

from __future__ import annotations

_AUTHORITY = "http://publications.europa.eu/resource/authority/"
_ISO = "http://standards.iso.org/iso/19139/resources/gmxCodelists.xml#"
_FREQUENCIES = {
    "continual": "CONT",
    "daily": "DAILY",
    "weekly": "WEEKLY",
    "fortnightly": "BIWEEKLY",
    "monthly": "MONTHLY",
    "quarterly": "QUARTERLY",
    "biannually": "ANNUAL_2",
    "annually": "ANNUAL",
    "irregular": "IRREG",
    "unknown": "UNKNOWN",
}
# ISO 639-2, both codes of a language where it has two, and ISO 639-1.
_LANGUAGES = {
    "bul": "bg", "hrv": "hr", "cze": "cs", "ces": "cs", "dan": "da", "dut": "nl",
    "nld": "nl", "eng": "en", "est": "et", "fin": "fi", "fre": "fr", "fra": "fr",
    "ger": "de", "deu": "de", "gre": "el", "ell": "el", "hun": "hu", "gle": "ga",
    "ita": "it", "lav": "lv", "lit": "lt", "mlt": "mt", "pol": "pl", "por": "pt",
    "rum": "ro", "ron": "ro", "slo": "sk", "slk": "sk", "slv": "sl", "spa": "es",
    "swe": "sv", "nor": "no", "ice": "is", "isl": "is", "cat": "ca", "baq": "eu",
    "eus": "eu", "bre": "br", "cos": "co", "oci": "oc", "glg": "gl", "roh": "rm",
}  # fmt: skip
# The codes of the bibliographers, which the authority list of the EU does not use.
_TERMINOLOGICAL = {
    "cze": "ces", "dut": "nld", "fre": "fra", "ger": "deu", "gre": "ell", "rum": "ron",
    "slo": "slk", "ice": "isl", "baq": "eus",
}  # fmt: skip


def frequency(code: str) -> str:
    """Give the IRI of a frequency of maintenance.

    Args:
        code: Of MD_MaintenanceFrequencyCode.

    Returns:
        The EU's, or ISO's where the EU has none.
    """
    if code in _FREQUENCIES:
        return f"{_AUTHORITY}frequency/{_FREQUENCIES[code]}"
    return f"{_ISO}MD_MaintenanceFrequencyCode_{code}"


def tag(code: str) -> str:
    """Give the language tag of a language.

    Args:
        code: Of ISO 639-2, as LanguageCode has it.

    Returns:
        That of BCP 47; the code itself where it is not a language of the table.
    """
    folded = code.strip().lower()
    return _LANGUAGES.get(folded, folded)


def language(code: str) -> str:
    """Give the IRI of a language.

    Args:
        code: Of ISO 639-2.

    Returns:
        The EU's.
    """
    folded = code.strip().lower()
    return f"{_AUTHORITY}language/{_TERMINOLOGICAL.get(folded, folded).upper()}"


def topic(code: str) -> str:
    """Give the IRI of a topic category.

    Args:
        code: Of MD_TopicCategoryCode.

    Returns:
        INSPIRE's.
    """
    return f"http://inspire.ec.europa.eu/metadata-codelist/TopicCategory/{code}"


def role(code: str) -> str:
    """Give the IRI of a party's role.

    Args:
        code: Of CI_RoleCode.

    Returns:
        INSPIRE's.
    """
    return f"http://inspire.ec.europa.eu/metadata-codelist/ResponsiblePartyRole/{code}"


def crs(code: str, space: str) -> str | None:
    """Give the IRI of a coordinate reference system.

    Args:
        code: As RS_Identifier has it: `2154`, `EPSG:2154`, a URN or an IRI.
        space: Its code space.

    Returns:
        OGC's; None where the code is of no register that is known.
    """
    if code.startswith(("http://", "https://")):
        return code
    number = code.rpartition(":")[2].strip()
    is_epsg = "EPSG" in (space + code).upper()
    is_known = is_epsg and number.isdecimal()
    return f"http://www.opengis.net/def/crs/EPSG/0/{number}" if is_known else None
