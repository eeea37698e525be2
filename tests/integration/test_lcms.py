"""Learning content from a server to the warehouse: whole, or as it was."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from entrepot_lab.postgres.warehouse import READER, Lab
from entrepot_lab.processes import prepared
from entrepot_lab.sources import lcms
from entrepot_lab.sources.lcms import KEY, Lcms
from entrepot_tap_lcms.content import CONTENTS

SCHEMA = "raw_lcms"
NASTY = ["a,b", 'q"', "{x}", "\\", "", "NULL", None, " é\n\t", "'", "\\N"]
TYPES = f"""
SELECT c.relname::text, array_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
    ORDER BY a.attnum)
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relnamespace = '{SCHEMA}'::regnamespace AND c.relkind = 'r' GROUP BY 1
"""
INDEXES = f"SELECT indexname::text FROM pg_indexes WHERE schemaname = '{SCHEMA}'"
# As the tables of the system before were, and as people's queries expect them.
CHALLENGES = (
    "id text, instruction text, status text, type text, timer smallint, autoReply boolean, "
    "skillId text, skillIds text[], skillCount smallint, firstSkillId text, secondSkillId text, "
    "thirdSkillId text, languages text[], embedUrl text, hasEmbedUrl boolean, "
    "alternativeInstruction text, hasAlternativeInstruction boolean, area text, focus boolean, "
    "explicativeResponse text, delta numeric, alpha numeric, createdAt timestamp with time zone, "
    "validatedAt timestamp with time zone, archivedAt timestamp with time zone, "
    "madeObsoleteAt timestamp with time zone, accessibility1 text, accessibility2 text, "
    "spoil text, responsive text, deafAndHardOfHearing text, requireGafamWebsiteAccess boolean, "
    "isIncompatibleIpadCertif boolean, toRephrase boolean, isAwarenessChallenge boolean, "
    "genealogy text, version smallint, alternativeVersion smallint, declinable text, "
    "proposals text, solution text, pedagogy text, shuffled boolean, contextualizedFields text[], "
    "urlsToConsult text[]"
)
TABLES = {
    "areas": "id text, name text",
    "attachments": "id text, type text, challengeId text, alt text, url text, size numeric",
    "competences": "id text, name text, code text, title text, origin text, areaId text",
    "tubes": "id text, name text, practicalTitle text, practicalDescription text, "
    "competenceId text",
    "skills": "id text, name text, description text, level smallint, tubeId text, status text, "
    "pixValue numeric(6,5), hint text, hintStatus text, tutorialIds text[], "
    "learningMoreTutorialIds text[], internationalisation text",
    "challenges": CHALLENGES,
    "courses": "id text, name text",
    "tutorials": "id text, title text, link text, tutorialForSkills text[], "
    "furtherInformation text[], locale text",
}


class Pair:
    """The tap, the target, and the server."""

    def __init__(self, lab: Lab, server: Lcms) -> None:
        self.lab = lab
        self.server = server
        self.output = ""

    def run(self, **settings: Any) -> tuple[int, int]:
        tap = {"retry_wait": 0.01, "tries": 2, **settings}
        target = {"default_target_schema": SCHEMA, "load_method": "overwrite"}
        env = {**self.lab.env, "DOMAINS": "lcms", **self.server.variables()}
        log = self.lab.folder / "log"
        log.unlink(missing_ok=True)
        sent: list[str] = []
        statuses = []
        for name, config in (("tap_lcms", tap), ("target_postgres", target)):
            path, out = (self.lab.folder / f"{name}.{end}" for end in ("json", "out"))
            path.write_text(json.dumps(config))
            command = [sys.executable, "-m", f"entrepot_{name}", "--config", str(path)]
            with out.open("wb") as output, log.open("ab") as errors:
                done = prepared.run(
                    [*command, *sent],
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=errors,
                    timeout=60,
                )
            statuses.append(done.returncode)
            sent = ["--input", str(out)]
        self.output = log.read_text()
        assert KEY not in self.output
        assert "Traceback" not in self.output, self.output
        return statuses[0], statuses[1]

    def load(self, **settings: Any) -> None:
        assert self.run(**settings) == (0, 0), self.output

    def ask(self, query: str, user: str = "entrepot") -> list[tuple]:
        with self.lab.warehouse(user) as warehouse:
            return warehouse.execute(query).fetchall()

    def content(self) -> dict[str, tuple[int, str]]:
        with self.lab.warehouse() as warehouse:
            return self.lab.content(warehouse, SCHEMA)


@pytest.fixture
def pair(empty_lab: Lab) -> Iterator[Pair]:
    with Lcms() as server:
        yield Pair(empty_lab, server)


def test_every_column_with_its_type_and_every_index(pair: Pair) -> None:
    given = lcms.content()
    given["skills"][0] |= {"tutorialIds": NASTY, "pixValue": 1.3333333}
    pair.server.give(given)
    for _ in range(2):
        pair.load()
        made = {name: ", ".join(columns) for name, columns in pair.ask(TYPES)}
        assert made == TABLES
        indexes = {name for (name,) in pair.ask(INDEXES)}
        assert indexes - {f"{name}_pkey" for name in TABLES} == {
            "competences_areaId_idx",
            "tubes_competenceId_idx",
            "skills_tubeId_idx",
            "challenges_firstSkillId_idx",
            "tutorials_title_idx",
        }
    assert {name: rows for name, (rows, _) in pair.content().items()} == {
        content.name: len(given[content.name]) for content in CONTENTS
    }
    key = given["skills"][0]["id"]
    ask = f'SELECT "tutorialIds", "pixValue"::text FROM {SCHEMA}.skills WHERE id = \'{key}\''
    assert pair.ask(ask, READER) == [(NASTY, "1.33333")]
    assert pair.ask(
        'SELECT DISTINCT "skillIds" = ARRAY["skillId"], "firstSkillId" = "skillId",'
        ' "skillCount"::int, "hasEmbedUrl" = ("embedUrl" IS NOT NULL),'
        ' "hasAlternativeInstruction" = ("alternativeInstruction" <> \'\'),'
        ' "secondSkillId" IS NULL AND "thirdSkillId" IS NULL,'
        " extract(hour FROM \"createdAt\" AT TIME ZONE 'UTC')::int"
        f" FROM {SCHEMA}.challenges"
    ) == [(True, True, 1, True, True, True, 1)]


def missing(server: Lcms) -> None:
    given = lcms.content()
    del given["courses"]
    server.give(given)


def empty(server: Lcms) -> None:
    server.give({**lcms.content(), "courses": []})


def twice(server: Lcms) -> None:
    server.give({**lcms.content(), "courses": [{"id": "recX", "name": "x"}] * 2})


def misfit(server: Lcms) -> None:
    server.give({**lcms.content(), "courses": [{"id": "recX", "name": {}}]})


def wrong_key(server: Lcms) -> None:
    server.faults = [lcms.status(401)]


def instead(*faults: lcms.Fault) -> Callable[[Lcms], None]:
    def order(server: Lcms) -> None:
        server.faults = list(faults)

    return order


FAULTS = {
    "500 for ever": (instead(*[lcms.status(500)] * 2), "answered 500"),
    "429 for too long": (instead(lcms.status(429, Retry_After="999")), "999 seconds"),
    "wrong key": (wrong_key, "LCMS_API_KEY"),
    "stall": (instead(lcms.stall), "within 2 seconds"),
    "drip": (instead(lcms.drip), "within 2 seconds"),
    "lost": (instead(lcms.lost, lcms.lost), "tried 2 times"),
    "truncated": (instead(lcms.cut), "cut off"),
    "page": (instead(lcms.page), "no JSON"),
    "{}": (instead(lambda r: r.answer(200, b"{}")), "the answer has no areas"),
    "a stream is missing": (missing, "has no courses"),
    "a stream is empty": (
        empty,
        f"stream courses is empty, and table {SCHEMA}.courses",
    ),
    "an id twice": (twice, "record recX: its id is there twice"),
    "a value that does not fit": (misfit, "record recX, field name"),
}


def test_after_every_failure_the_content_is_still_there(pair: Pair) -> None:
    """F35, F50: all tables of last night stay, and the error says which fault it was."""
    pair.load()
    before = pair.content()
    for name, (order, words) in FAULTS.items():
        # What would be seen if a part of the next answer came in.
        changed = lcms.content()
        changed["areas"][0]["name"] = name
        pair.server.give(changed)
        order(pair.server)
        impatient = {"deadline": 2, "tries": 1} if "within" in words else {}
        tap, target = pair.run(**impatient)
        assert max(tap, target) > 0, name
        assert words in pair.output, pair.output
        assert pair.content() == before, name
        pair.server.faults = []
    assert pair.ask("SELECT FROM pg_tables WHERE schemaname LIKE '%loading%'") == []
    pair.server.faults = [lcms.status(500)]
    pair.server.give({**lcms.content(), "courses": []})
    pair.load(allow_empty=True)
    assert pair.content()["courses"][0] == 0
    empty(pair.server)
    pair.load()
