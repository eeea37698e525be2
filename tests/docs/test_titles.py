"""The catalogue's readers look for models in French, too."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

MODELS = Path(__file__).resolve().parents[2] / "transform" / "models"
FILES = [
    file
    for layer in ("enrichment", "external")
    for file in sorted((MODELS / layer).glob("*/_*__models.yml"))
]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_model_that_people_read_has_a_french_title(file: Path) -> None:
    models = yaml.safe_load(file.read_text(encoding="utf-8"))["models"]
    without = [
        model["name"]
        for model in models
        if not model.get("config", {}).get("meta", {}).get("fr")
    ]
    assert without == []
