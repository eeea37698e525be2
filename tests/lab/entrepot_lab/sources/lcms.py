"""An LCMS on this machine: invented learning content behind a key, and faults to order.

The content goes with the invented source: its answers and knowledge elements speak of these
challenges, skills and competences.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from entrepot_lab.background import HttpServer, Silent

PATH = "/databases/airtable"
KEY = "lcms+s3cret/Key=42"
# As many as the source's answers and knowledge elements speak of.
_COMPETENCES, _SKILLS, _CHALLENGES = 16, 400, 900
_AREAS, _TUBES, _TUTORIALS, _COURSES, _ATTACHMENTS = 5, 100, 60, 8, 45
_PICTURE = 60_237_024  # bytes

Content = dict[str, Any]


def record_id(number: int, kind: str = "") -> str:
    """Give the id that the source uses, or one of the same look.

    Args:
        number: Which.
        kind: For records that the source does not speak of.

    Returns:
        The id.
    """
    return "rec" + hashlib.md5(f"{kind}{number}".encode()).hexdigest()


def content() -> Content:
    """Make the content; always the same."""
    return {
        "areas": [_area(n) for n in range(_AREAS)],
        "attachments": [_attachment(n) for n in range(_ATTACHMENTS)],
        "competences": [_competence(n) for n in range(_COMPETENCES)],
        "tubes": [_tube(n) for n in range(_TUBES)],
        "skills": [_skill(n) for n in range(_SKILLS)],
        "challenges": [_challenge(n) for n in range(_CHALLENGES)],
        "courses": [
            {"id": record_id(n, "course"), "name": f"Test {n}", "isActive": True}
            for n in range(_COURSES)
        ],
        "tutorials": [_tutorial(n) for n in range(_TUTORIALS)],
        "thematics": [{"id": record_id(0, "thematic"), "tubeIds": []}],
    }


def _area(number: int) -> Content:
    code = str(number + 1)
    return {
        "id": record_id(number, "area"),
        "code": code,
        "name": f"{code}. Domaine {code}",
        "color": "jaffa",
    }


def _attachment(number: int) -> Content:
    return {
        "id": record_id(number, "attachment"),
        "challengeId": record_id(number * 20),
        "type": "attachment" if number % 3 else "illustration",
        "alt": None if number % 3 else "Une capture d'écran",
        "url": f"https://dl.example.org/{number}/fichier, version 2.tif",
        "size": _PICTURE + number,
        "mimeType": "image/tiff",
    }


def _competence(number: int) -> Content:
    return {
        "id": record_id(number),
        "index": f"{1 + number % _AREAS}.{1 + number // _AREAS}",
        "name": f"Compétence {number}",
        "name_i18n": {"fr": f"Compétence {number}", "en": f"Competence {number}"},
        "areaId": record_id(number % _AREAS, "area"),
        "origin": "Pix",
    }


def _tube(number: int) -> Content:
    return {
        "id": record_id(number, "tube"),
        "name": f"@tube{number}",
        "competenceId": record_id(number % _COMPETENCES),
        "practicalTitle_i18n": {"fr": f"Usage {number}", "en": f"Use {number}"},
        "practicalDescription_i18n": {"fr": f"Savoir faire {number}", "en": None},
    }


def _skill(number: int) -> Content:
    return {
        "id": record_id(number),
        "name": f"@tube{number % _TUBES}{1 + number // _TUBES}",
        "description": f"Niveau {1 + number // _TUBES}",
        "level": 1 + number // _TUBES,
        "pixValue": round(4 / (1 + number % 7), 7),
        "status": "archivé" if number % 50 == 0 else "actif",
        "tubeId": record_id(number % _TUBES, "tube"),
        "hint_i18n": {"fr": "Un « indice »"} if number % 4 else {},
        "hintStatus": "no status" if number % 4 else "Validé",
        "tutorialIds": [record_id(number % _TUTORIALS, "tutorial")],
        "learningMoreTutorialIds": [],
        "internationalisation": "Monde",
    }


def _challenge(number: int) -> Content:
    has_page = number % 9 == 0
    return {
        "id": record_id(number),
        "instruction": f'Combien font {number} fois 2 ?\n\n"Citez", {{x}} \\ tab\t',
        "alternativeInstruction": "Au clavier" if number % 6 == 0 else "",
        "status": "périmé" if number % 30 == 0 else "validé",
        "type": ("QROC", "QCM", "QCU")[number % 3],
        "timer": 60 if number % 10 == 0 else None,
        "autoReply": has_page,
        "skillId": record_id(number % _SKILLS),
        "locales": ["fr", "fr-fr"] if number % 2 else ["en"],
        "embedUrl": f"https://epreuves.example.org/{number}" if has_page else None,
        "area": "France" if number % 5 == 0 else None,
        "focusable": number % 4 == 0,
        "solutionToDisplay": str(number * 2),
        "delta": number / 100 - 4 if number % 3 else None,
        "alpha": 1 + number % 17 / 13 if number % 3 else None,
        "createdAt": "2021-03-28T01:30:00.000Z",
        "validatedAt": "2021-04-01T08:00:00.000Z",
        "archivedAt": None,
        "madeObsoleteAt": "2023-01-01T00:00:00.000Z" if number % 30 == 0 else None,
        "accessibility1": "OK",
        "accessibility2": "RAS",
        "spoil": "Difficilement Sp",
        "responsive": "Tablette/Smartphone",
        "deafAndHardOfHearing": "RAS",
        "requireGafamWebsiteAccess": False,
        "isIncompatibleIpadCertif": number % 8 == 0,
        "toRephrase": False,
        "isAwarenessChallenge": False,
        "genealogy": "Prototype 1" if number < _SKILLS else "Décliné 1",
        "version": 1,
        "alternativeVersion": None if number < _SKILLS else number // _SKILLS,
        "declinable": "facilement",
        "proposals": "${x#réponse}",
        "solution": f"{number * 2}\nle double",
        "pedagogy": "q-savoir",
        "shuffled": number % 3 == 1,
        "contextualizedFields": ["instruction", "embed"] if has_page else [],
        "urlsToConsult": ["https://example.org/a,b?x={1}"] if has_page else None,
    }


def _tutorial(number: int) -> Content:
    return {
        "id": record_id(number, "tutorial"),
        "title": f"Apprendre, pas à pas : {number}",
        "link": f"https://tutoriels.example.org/{number}",
        "locale": "fr-fr",
        "tutorialForSkills": [record_id(number)],
        "furtherInformation": [],
    }


Fault = Callable[["_Handler"], None]


@dataclass
class Lcms(HttpServer):
    """The server; use it as a context manager. All may be changed while it runs.

    Attributes:
        body: What a right request is answered with.
        faults: What becomes of the next requests instead, one for each.
        port: Where; a free one by default.
        requests: Path and header `client` of each request with the right key.
        times: When each request came.
    """

    body: bytes = b""
    key: str = KEY
    faults: list[Fault] = field(default_factory=list)
    port: int = 0
    requests: list[tuple[str, str]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    def variables(self) -> dict[str, str]:
        """Give the project's variables."""
        return {"LCMS_API_URL": self.url, "LCMS_API_KEY": self.key}

    def give(self, given: Content) -> None:
        """Change what is answered.

        Args:
            given: The content.
        """
        self.body = json.dumps(given, ensure_ascii=False).encode()

    def handler(self) -> type[BaseHTTPRequestHandler]:
        """Give what answers for it."""
        return type("Handler", (_Handler,), {"lcms": self})

    def listen(self, port: int = 0) -> ThreadingHTTPServer:
        """Take the port, and give the server that will answer there."""
        self.body = self.body or json.dumps(content(), ensure_ascii=False).encode()
        server = super().listen(port or self.port)
        self.port = server.server_port
        return server


class _Handler(Silent, BaseHTTPRequestHandler):
    """Answers one request."""

    lcms: Lcms

    def do_GET(self) -> None:
        """Give the content, or what was ordered instead."""
        self.lcms.times.append(time.monotonic())
        if self.headers.get("Authorization") != f"Bearer {self.lcms.key}":
            # Careless servers repeat what they were sent.
            said = f"bad key {self.headers.get('Authorization')}"
            return self.answer(401, said.encode())
        self.lcms.requests.append((self.path, self.headers.get("client", "")))
        if self.lcms.faults:
            return self.lcms.faults.pop(0)(self)
        if self.path != PATH:
            return self.answer(404, b"{}")
        return self.answer(200, self.lcms.body)

    def answer(
        self, status: int, body: bytes, length: int | None = None, **headers: str
    ) -> None:
        """Answer.

        Args:
            status: Of HTTP.
            body: What is sent.
            length: What is announced, if it is not the body's.
            **headers: With `_` for `-`.
        """
        self.send_response(status)
        headers = {"Content_Type": "application/json", **headers}
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if length != 0:
            self.send_header("Content-Length", str(length or len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True


def status(number: int, **headers: str) -> Fault:
    """Make a fault: an answer of that status, which also tells the key that it was sent.

    Args:
        number: Of HTTP.
        **headers: With `_` for `-`.

    Returns:
        The fault.
    """
    return lambda request: request.answer(
        number, f"error {request.lcms.key}".encode(), length=None, **headers
    )


def page(request: _Handler) -> None:
    """Answer with a page to log in, as proxies do."""
    request.answer(200, b"<!DOCTYPE html><p>Log in", Content_Type="text/html")


def cut(request: _Handler) -> None:
    """Answer with half of the content, as if it were whole."""
    request.answer(200, request.lcms.body[: len(request.lcms.body) // 2])


def lost(request: _Handler) -> None:
    """Close the connection in the middle of the answer."""
    body = request.lcms.body
    request.answer(200, body[: len(body) // 2], len(body))


def stall(request: _Handler) -> None:
    """Begin the answer, and say no more."""
    request.answer(200, request.lcms.body[:100], len(request.lcms.body))
    time.sleep(60)


def drip(request: _Handler) -> None:
    """Answer byte by byte, headers included, for ever."""
    with suppress(OSError):  # until nobody listens any more
        for byte in _for_ever(b"HTTP/1.1 200 OK\r\nX-Slow: "):
            request.wfile.write(bytes([byte]))
            time.sleep(0.1)


def _for_ever(first: bytes) -> Iterator[int]:
    yield from first
    while True:
        yield ord("x")


def serve(folder: Path) -> None:
    """Serve the content with the port and the key that a folder holds, until a signal.

    Args:
        folder: Holds `port` and `key`.
    """
    lcms = Lcms(
        key=(folder / "key").read_text(), port=int((folder / "port").read_text())
    )
    lcms.listen().serve_forever()


def main() -> None:
    """Run `python -m entrepot_lab.sources.lcms FOLDER`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="holds port and key")
    serve(parser.parse_args().folder)


if __name__ == "__main__":
    main()
