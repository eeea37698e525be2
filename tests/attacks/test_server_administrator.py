"""Actor: who administers a server, or reads its log and its sessions.

Has: the source's or the warehouse's log with every statement, parameter and plan in it, and
everything that a superuser sees of a session.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator

from entrepot_lab.meltano.singer import Pipe
from entrepot_lab.postgres.cluster import Cluster
from entrepot_lab.postgres.warehouse import Lab

SECRET = "the key of the pseudonyms"
TELLS_ALL = {
    "log_statement": "all",
    "log_min_duration_statement": "0",
    "log_parameter_max_length": "-1",
    "log_parameter_max_length_on_error": "-1",
    "log_error_verbosity": "verbose",
    "log_min_messages": "info",
    "debug_print_plan": "on",
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_verbose": "on",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_level": "log",
}
POLICY = """
tables:
  people: {columns: {email: pseudonymise, born: pseudonymise, name: exclude}}
  letters: {mode: incremental, columns: {sender: pseudonymise}}
"""


def pseudonym(text: str) -> str:
    return hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()


def give_it_back() -> Iterator[bytes]:
    """List the texts from which the key, or what serves as well, can be read."""
    key = SECRET.encode()
    padded = key.ljust(64, b"\0")
    raw = [key, hashlib.sha256(key).digest()]
    raw.extend(bytes(byte ^ pad for byte in padded[: len(key)]) for pad in (0x36, 0x5C))
    for text in raw:
        yield from (text, text.hex().encode(), text.hex().upper().encode())
        yield base64.b64encode(text).rstrip(b"=")[:-1]
        # As a plan prints a constant: byte by byte, in decimal.
        yield " ".join(str(byte) for byte in text).encode()


def tell_all(server: Cluster, database: str) -> None:
    with server.admin() as admin:
        for name, value in TELLS_ALL.items():
            admin.execute(f"ALTER DATABASE \"{database}\" SET {name} = '{value}'")


def test_no_server_can_tell_the_key_of_the_pseudonyms(lab: Lab) -> None:
    """Attempt: log everything on both servers while a night, a load and an audit run.

    Expected: the key is nowhere, nor what it could be computed from. Beside it: pseudonyms are
    what they always were, also where the audit repairs.
    """
    with lab.source() as source:
        source.execute(
            "CREATE TABLE people (id int PRIMARY KEY, email varchar(99), born date, name text);"
            r"INSERT INTO people VALUES (1, E'a\\b\tc\n', '2000-02-29', 'A'), (2, NULL, NULL, '');"
            "CREATE TABLE letters (id serial PRIMARY KEY, sender text, body text);"
            "INSERT INTO letters (sender, body) VALUES ('é@example.org', 'x'), (NULL, 'y')"
        )
    for kind in ("source", "warehouse"):
        tell_all(lab.source_server, f"{lab.name}_{kind}")
    log = lab.source_server.folder / "log"
    before = log.stat().st_size
    lab.policy(POLICY)
    lab.night(PSEUDONYM_SECRET=SECRET)
    pipe = Pipe(lab)
    pipe.load(PSEUDONYM_SECRET=SECRET)
    with lab.source() as source:
        source.execute("UPDATE letters SET sender = 'b' WHERE id = 1")
    status, output = lab.run("audit", "--all", PSEUDONYM_SECRET=SECRET)
    assert status == 4, output
    assert "1 changed" in output
    status, output = lab.run("audit", "--all", PSEUDONYM_SECRET=SECRET)
    assert status == 0, output
    with lab.warehouse() as warehouse:
        people = warehouse.execute("SELECT email, born FROM pix.people ORDER BY id")
        assert people.fetchall() == [
            (pseudonym("a\\b\tc\n"), pseudonym("2000-02-29")),
            (None, None),
        ]
        letters = warehouse.execute(
            "SELECT sender, body FROM pix_incremental.letters ORDER BY id"
        )
        assert letters.fetchall() == [(pseudonym("b"), "x"), (None, "y")]
    told = log.read_bytes()[before:]
    for statement in (b"COPY (SELECT", b"INSERT INTO entrepot_ops", b"Query Text"):
        assert statement in told
    for text in give_it_back():
        assert text not in told
