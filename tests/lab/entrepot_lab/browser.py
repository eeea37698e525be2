"""A headless Chromium that a test drives, through two pipes and no port.

It speaks the DevTools protocol: JSON messages, each ended by a null byte.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from entrepot_lab.background import Background

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
_PATIENCE = 60.0
# Chromium reads commands on 3 and answers on 4.
_LAUNCH = 'r=$1 w=$2; shift 2; exec "$@" 3<&"$r" 4>&"$w"'


class Browser(Background):
    """One page in a window of 1400 by 900.

    Attributes:
        requested: The addresses that the page has asked for, itself included.
        complaints: What the page's scripts have thrown.
    """

    def __init__(self, profile: Path) -> None:
        """Prepare a browser.

        Args:
            profile: An empty folder of its own.
        """
        self.requested: list[str] = []
        self.complaints: list[str] = []
        self._profile = profile
        self._buffer = b""
        self._number = 0
        self._session: str | None = None

    def start(self) -> None:
        """Open it, on an empty page."""
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        self._process = subprocess.Popen(
            [
                *("bash", "-c", _LAUNCH, "bash", str(theirs_in), str(theirs_out)),
                *(str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu"),
                *("--remote-debugging-pipe", "--window-size=1400,900"),
                f"--user-data-dir={self._profile}",
                "about:blank",
            ],
            # It would leave reports of crashes that never were at home.
            env={**os.environ, "HOME": str(self._profile)},
            pass_fds=(theirs_in, theirs_out),
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        targets = self._ask("Target.getTargets")["targetInfos"]
        page = next(target for target in targets if target["type"] == "page")
        self._session = self._ask(
            "Target.attachToTarget", targetId=page["targetId"], flatten=True
        )["sessionId"]
        for domain in ("Network", "Page", "Runtime"):
            self._ask(f"{domain}.enable")

    def stop(self) -> None:
        """Close it."""
        self._process.kill()
        self._process.wait()
        os.close(self._in)
        os.close(self._out)

    def open(self, url: str) -> None:
        """Go to an address, or to another part of the same page.

        Args:
            url: The address.
        """
        self._ask("Page.navigate", url=url)

    def resize(self, width: int, height: int) -> None:
        """Give the page another size, also one that no window has.

        Args:
            width: In pixels.
            height: In pixels.
        """
        size = {"width": width, "height": height}
        self._ask(
            "Emulation.setDeviceMetricsOverride",
            **size,
            deviceScaleFactor=1,
            mobile=False,
        )

    def run(self, script: str) -> Any:
        """Evaluate JavaScript in the page.

        Args:
            script: An expression.

        Returns:
            Its value.
        """
        answer = self._ask("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait_for(self, script: str) -> Any:
        """Wait until an expression is true.

        Args:
            script: JavaScript.

        Returns:
            Its value.
        """
        deadline = time.monotonic() + _PATIENCE
        while not (value := self.run(script)):
            assert time.monotonic() < deadline, f"never true: {script}"
            time.sleep(0.05)
        return value

    def type(self, text: str) -> None:
        """Type into what has the focus.

        Args:
            text: What is typed.
        """
        self._ask("Input.insertText", text=text)

    def screenshot(self, path: Path) -> None:
        """Save what the window shows.

        Args:
            path: A PNG file.
        """
        image = self._ask("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(image))

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                result: dict[str, Any] = answer["result"]
                return result
            self._note(answer)

    def _note(self, event: dict[str, Any]) -> None:
        match event.get("method"):
            case "Network.requestWillBeSent":
                self.requested.append(event["params"]["request"]["url"])
            case "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(event["params"]["exceptionDetails"]))

    def _receive(self) -> dict[str, Any]:
        deadline = time.monotonic() + _PATIENCE
        while b"\0" not in self._buffer:
            left = max(0.0, deadline - time.monotonic())
            assert select.select([self._in], [], [], left)[0], "Chromium is silent"
            part = os.read(self._in, 1 << 16)
            assert part, "Chromium has ended"
            self._buffer += part
        message, self._buffer = self._buffer.split(b"\0", 1)
        answer: dict[str, Any] = json.loads(message)
        return answer
