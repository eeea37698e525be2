"""The catalogue: what may be published, seen as readers see it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import dbt.task.docs
import pytest

from entrepot_lab.browser import CHROMIUM, Browser
from entrepot_lab.meltano.real_nights import Night
from entrepot_lab.postgres.servers import ROOT

# Names that nothing else has, so that they can be searched for.
OWNER, READER, PARTNER = "owner_zq81", "analyst_zq82", "partner_zq83"
PASSWORD = "p@ss:/%'zq84"
TABLE = "organization_activity"
pytestmark = pytest.mark.plugins


@pytest.fixture(scope="module")
def renamed(night: Night) -> Iterator[str]:
    """Give the warehouse's URL while its roles have other names."""
    names = {"entrepot": OWNER, "internal_reader": READER, "external_reader": PARTNER}
    passwords = {
        old: (night.demo.folder / f"password.{old}").read_text() for old in names
    }
    with night.demo.warehouse.admin() as admin:
        for old, new in names.items():
            admin.execute(f"ALTER ROLE {old} RENAME TO {new}")
        admin.execute(
            f"ALTER ROLE {OWNER} PASSWORD '{PASSWORD.replace(chr(39), chr(39) * 2)}'"
        )
        yield night.demo.warehouse.url("warehouse", OWNER, PASSWORD)
        for old, new in names.items():
            admin.execute(f"ALTER ROLE {new} RENAME TO {old}")
            admin.execute(f"ALTER ROLE {old} PASSWORD '{passwords[old]}'")


@pytest.fixture(scope="module")
def catalogue(night: Night, renamed: str) -> Path:
    status, output = night.meltano(
        *("invoke", "dbt:docs-static"),
        TARGET_DATABASE_URL=renamed,
        INTERNAL_READER=READER,
        EXTERNAL_READER=PARTNER,
    )
    assert status == 0, output
    assert "zq84" not in output
    return night.root / ".entrepot" / "dbt" / "catalogue.html"


def test_it_tells_nothing_of_roles_and_machines(
    catalogue: Path, renamed: str, night: Night
) -> None:
    page = catalogue.read_bytes().decode()
    own = Path(dbt.task.docs.DOCS_INDEX_FILE_PATH).read_text(encoding="utf-8")
    assert TABLE in page
    for word in (
        *(OWNER, READER, PARTNER, PASSWORD, quote(PASSWORD, safe=""), "zq84"),
        *(
            renamed,
            str(ROOT),
            str(night.root),
            str(Path.home()),
            str(night.demo.folder),
        ),
        *("127.0.0.1", "postgresql://", "compiled_code", "invocation_id"),
    ):
        assert page.count(word) == own.count(word), word
    port = rf"\b{night.demo.warehouse.port}\b"
    assert len(re.findall(port, page)) == len(re.findall(port, own))


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_a_reader_finds_a_table_and_what_it_is_made_of(
    catalogue: Path, tmp_path: Path
) -> None:
    with Browser(tmp_path / "profile") as browser:
        browser.open(catalogue.as_uri())
        browser.wait_for("document.body?.innerText.includes('Find a table')")

        browser.wait_for("document.querySelector('#search')?.offsetParent != null")
        browser.run("document.querySelector('#search').focus()")
        browser.type("activity")
        result = (
            "[...document.querySelectorAll('.search-result')].find("
            f"r => r.querySelector('h4').innerText.trim().startsWith('{TABLE} '))"
        )
        browser.wait_for(f"{result} != null")
        browser.run(f"{result}.click()")

        for text in (
            "Members, campaigns and participations of each organisation",
            "active_members",
            "People who work for it",
            "data-engineering",
        ):
            browser.wait_for(f"document.body.innerText.includes({text!r})")
        assert browser.run(f"location.hash.includes('model.entrepot.{TABLE}')")

        browser.run("document.querySelector('.launcher-btn a').click()")
        # Cytoscape draws nodes and edges on its third canvas.
        drawn = browser.wait_for(
            "(() => { const c = document.querySelector('canvas[data-id=layer2-node]');"
            "if (!c || !c.width) return 0;"
            "const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
            "let n = 0; for (let i = 3; i < d.length; i += 4) if (d[i]) n++; return n })()"
        )
        assert drawn > 1000, "the graph is empty"
        browser.screenshot(tmp_path / "graph.png")
        asked = [
            url
            for url in browser.requested
            if urlsplit(url).scheme not in ("file", "data")
        ]
        assert not asked
        assert not browser.complaints
