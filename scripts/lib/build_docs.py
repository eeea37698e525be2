"""Build the site of the documentation, strictly: a broken link or reference ends it.

    .venv/bin/python scripts/lib/build_docs.py

Pages keep their places in the repository, so that links work as they do in a checkout.
"""

from __future__ import annotations

import logging
import re
import shutil
import sys
import time
from pathlib import Path

from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.exceptions import Abort

ROOT = Path(__file__).resolve().parents[2]
_PAGES = ROOT / ".cache" / "site-pages"
_SITE = ROOT / ".cache" / "site"
_AREAS = ("core", "extract", "load", "transform", "orchestrate", "benchmarks", "docs")
_LINK = re.compile(r"\]\((?P<target>[^)#\s:]+)(?:#[^)\s]*)?\)")
_FETCHED = re.compile(
    r"<(?:script|img|iframe|link(?![^>]*rel=\"?(?:canonical|next|prev)))[^>]*?"
    r"(?:src|href)=\"?(?P<url>(?:https?:)?//[^\s\">]+)"
)

# What other packages, and people, may use of each package: the modules that have a page.
INTERFACES = {
    "entrepot_core": [
        "base.errors",
        "base.logs",
        "base.redaction",
        "command.frame",
        "command.settings",
        "config.environment",
        "policy.tables",
        "postgres.client_tools",
        "postgres.connection",
        "postgres.copy.libpq",
        "singer.batch",
        "singer.keywords",
        "singer.plugin",
        "singer.table_definition",
        "storage.bounded",
        "warehouse.locks",
        "warehouse.migrate",
        "warehouse.schemas",
    ],
    "pg_replica": ["settings", "dump.items", "source.origins", "source.rows"],
    "entrepot_target_postgres": ["target", "sinks"],
    "entrepot_tap_postgres": ["tap", "streams"],
    "entrepot_tap_csv": ["tap"],
    "entrepot_tap_dcat": ["tap"],
    "entrepot_tap_lcms": ["tap"],
    "entrepot_tap_rest": ["tap", "definitions"],
    "entrepot_map_transform": ["mapper"],
    "entrepot_dbt": ["runner"],
    "entrepot_ops": ["settings"],
    "entrepot_cli": ["products", "project"],
    "entrepot_metabase_backup": ["database"],
}


def package_folders() -> dict[str, Path]:
    """Find the project's packages.

    Returns:
        The folder that holds each package, by the package's name.
    """
    found = [*ROOT.glob("core/*/__init__.py"), *ROOT.glob("[!.]*/*/*/__init__.py")]
    return {
        file.parent.name: file.parent.parent
        for file in found
        if (file.parent.parent / "pyproject.toml").is_file()
    }


def gather() -> list[str]:
    """Copy the pages, and the files that they link to, under their own paths.

    Returns:
        The pages, from the project's folder.
    """
    shutil.rmtree(_PAGES, ignore_errors=True)
    pages = [*ROOT.glob("*.md")]
    for area in _AREAS:
        pages += [p for p in (ROOT / area).rglob("*.md") if "tests" not in p.parts]
    pages = [p for p in pages if not p.name.startswith("_")]  # dbt's blocks of text
    linked = [
        target
        for page in pages
        for match in _LINK.finditer(page.read_text(encoding="utf-8"))
        if (target := (page.parent / match["target"]).resolve()).is_file()
        and target.is_relative_to(ROOT)
    ]
    for file in {*pages, *linked}:
        copy = _PAGES / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    return sorted(str(page.relative_to(ROOT)) for page in pages)


def write_interfaces() -> list[str]:
    """Write a page for each package, from which mkdocstrings makes its interface.

    Returns:
        The pages, from the project's folder.
    """
    written = []
    for package, modules in INTERFACES.items():
        page = Path("api") / f"{package}.md"
        text = f"# {package}\n\n" + "\n".join(f"::: {package}.{m}\n" for m in modules)
        (_PAGES / "api").mkdir(exist_ok=True)
        (_PAGES / page).write_text(text, encoding="utf-8")
        written.append(str(page))
    return written


def fetched(page: str) -> list[str]:
    """Find what a page makes a browser fetch from elsewhere.

    Args:
        page: HTML.

    Returns:
        Addresses; none where nothing is.
    """
    return [match["url"] for match in _FETCHED.finditer(page)]


def main() -> int:
    """Build the site.

    Returns:
        The exit status.
    """
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    began = time.monotonic()
    pages, interfaces = gather(), write_interfaces()
    config = load_config(
        str(ROOT / "mkdocs.yml"),
        docs_dir=str(_PAGES),
        site_dir=str(_SITE),
        strict=True,
    )
    handlers = config.plugins["mkdocstrings"].config.handlers
    handlers["python"]["paths"] = sorted(map(str, set(package_folders().values())))
    config.nav = [
        *(config.nav or []),
        {"Decisions": [p for p in pages if p.startswith("docs/adr/")]},
        {"Packages": [p for p in pages if p.count("/") and p.endswith("README.md")]},
        {"Interfaces": interfaces},
    ]
    try:
        build(config)
    except Abort as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    for page in _SITE.rglob("*.html"):
        if asked := fetched(page.read_text(encoding="utf-8")):
            print(f"error: {page} fetches {', '.join(asked)}", file=sys.stderr)
            return 1
    print(f"{_SITE.relative_to(ROOT)}: built in {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
