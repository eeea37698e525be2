"""Time nights that bring what has changed against whole copies of the same source.

    .venv/bin/python benchmarks/delta.py [--rows 3000000] [--rounds 1] [--system]

It makes its own servers in a temporary folder. Rows change evenly spread, a third each inserted,
updated and deleted; each time is that of `pg-replica run` less that of `pg-replica --help`.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from entrepot_lab.postgres.cluster import Cluster, embedded_binaries, system_binaries
from entrepot_lab.postgres.warehouse import Lab
from entrepot_lab.sources import elearning

_SHARES = (0.0, 0.001, 0.01, 0.1)
_CHANGE = """
UPDATE "knowledge-elements" SET "earnedPix" = "earnedPix" + 1 WHERE id %% %(step)s = 1;
DELETE FROM "knowledge-elements" WHERE id %% %(step)s = 2;
INSERT INTO "knowledge-elements" (source, status, "answerId", "assessmentId", "skillId",
    "earnedPix", "userId") SELECT source, status, "answerId", "assessmentId", "skillId",
    "earnedPix", "userId" FROM "knowledge-elements" WHERE id %% %(step)s = 3;
UPDATE answers SET value = value || '.' WHERE id %% %(step)s = 1;
INSERT INTO answers (value, result, "assessmentId", "challengeId")
    SELECT value, result, "assessmentId", "challengeId" FROM answers WHERE id %% %(step)s = 2
"""


def change(lab: Lab, share: float) -> None:
    """Change a share of the rows of both big tables.

    Args:
        lab: Whose source.
        share: Of its rows.
    """
    if not share:
        return
    with lab.source() as source:
        for statement in _CHANGE.split(";\n"):
            source.execute(statement, {"step": max(4, round(3 / share))})
        source.execute("VACUUM ANALYZE")


def seconds(lab: Lab, *arguments: str) -> float:
    """Time the command, which must succeed.

    Args:
        lab: Its environment.
        arguments: Of the command.

    Returns:
        Seconds.

    Raises:
        SystemExit: If it fails, or copies everything unasked.
    """
    began = time.monotonic()
    status, output = lab.run(*arguments)
    took = time.monotonic() - began
    if status:
        raise SystemExit(output)
    if "--full" not in arguments and "everything is copied" in output:
        raise SystemExit(f"not a delta night:\n{output}")
    return took


def main() -> None:
    """Time the rounds, and print seconds and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument(
        "--system", action="store_true", help="The machine's own servers."
    )
    arguments = parser.parse_args()
    binaries = system_binaries()[0] if arguments.system else embedded_binaries()
    with tempfile.TemporaryDirectory() as folder:
        servers = [Cluster(Path(folder) / kind, binaries) for kind in ("there", "here")]
        for server in servers:
            server.create({"max_wal_size": "4GB", "shared_buffers": "512MB"}).start()
        try:
            work = Path(folder) / "lab"
            work.mkdir()
            lab = Lab(servers[0], servers[1], "delta", work).create()
            lab.env["REPLICATION"] = "auto"
            _measure(lab, arguments.rows, arguments.rounds)
        finally:
            for server in servers:
                server.stop("immediate")


def _measure(lab: Lab, rows: int, rounds: int) -> None:
    with lab.source() as source:
        elearning.create(source, rows)
        source.execute("VACUUM ANALYZE")
    nothing = seconds(lab, "--help")
    lab.run("run", "--full")
    lab.run("drop-previous")
    for share in _SHARES:
        ratios = []
        for _ in range(rounds):
            change(lab, share)
            delta = seconds(lab, "run") - nothing
            full = seconds(lab, "run", "--full") - nothing
            lab.run("drop-previous")
            ratios.append(delta / full)
            print(f"  {share:.1%}: {delta:.2f} s against {full:.2f} s")
        print(f"{share:.1%} changed: {statistics.median(ratios):.2f} of a whole copy")


if __name__ == "__main__":
    main()
