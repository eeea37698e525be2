"""The SDK's own tests of a tap, on the project's samples."""

from __future__ import annotations

from pathlib import Path

from singer_sdk.testing import SuiteConfig, get_tap_test_class

from entrepot_tap_csv.tap import TapCsv

SAMPLES = Path(__file__).resolve().parents[3] / "contents/barometre/samples"

TestTap = get_tap_test_class(
    TapCsv,
    config={
        "files": [
            {
                "entity": "experiences",
                "path": str(SAMPLES / "voxusagers-experiences.csv"),
                "keys": ["id"],
                "delimiter": ";",
                "normalize_headers": True,
                "columns": {"ecrit_le": {"type": "date", "format": "%d/%m/%Y"}},
            },
            {
                "entity": "ages",
                "path": str(SAMPLES / "perceval"),
                "format": "json-maps",
                "map": "age_categories_month",
                "field_names": ["month", "age", "count"],
                "keys": ["month", "age"],
            },
        ],
        "add_metadata_columns": True,
    },
    suite_config=SuiteConfig(ignore_no_records=False),
)
