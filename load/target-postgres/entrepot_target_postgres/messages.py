"""The tap's lines, read without losing a digit and without printing what they hold."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from singer_sdk.singerlib.encoding import SimpleSingerReader
from singer_sdk.singerlib.exceptions import InvalidInputLine

_SAFE_DIGITS = 4000  # beyond, Python refuses to make an int of a text


class Reader(SimpleSingerReader):
    """Reads messages, and counts lines."""

    def __init__(self) -> None:
        """Start before the first line."""
        super().__init__()
        self._line = 0

    def deserialize_json(self, line: str) -> dict[str, Any]:
        """Read a message.

        Args:
            line: One line of the tap's output.

        Returns:
            The message; numbers keep their digits.

        Raises:
            InvalidInputLine: If it is no JSON object; it tells where, and not what.
        """
        self._line += 1
        try:
            message = json.loads(line, parse_float=Decimal, parse_int=_integer)
        except ValueError as error:
            where = getattr(error, "pos", None)
            raise InvalidInputLine(
                f"line {self._line} of the tap's output is not JSON"
                + (f" (at character {where})" if where is not None else "")
                + ": the tap wrote something else there, or was cut off"
            ) from None
        if not isinstance(message, dict):
            raise InvalidInputLine(
                f"line {self._line} of the tap's output is no Singer message"
            )
        return message


def _integer(digits: str) -> int | Decimal:
    return int(digits) if len(digits) < _SAFE_DIGITS else Decimal(digits)
