"""What servers say of a request that failed: when to come again, and what the fault was."""

from __future__ import annotations

import math
import time
from email.utils import parsedate_to_datetime


def retry_after(text: str) -> float | None:
    """Read the header Retry-After: seconds, or a date (RFC 9110, section 10.2.3).

    Args:
        text: As the server sent it; empty if it did not.

    Returns:
        Seconds from now on; None where it says nothing.
    """
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(
            0.0, math.ceil(parsedate_to_datetime(text).timestamp() - time.time())
        )
    except (TypeError, ValueError):
        return None


def innermost(error: BaseException) -> str:
    """Name the fault below the layers of the HTTP libraries, without any address.

    Args:
        error: As the library raised it.

    Returns:
        The fault, in the system's words where it has any.
    """
    seen: BaseException = error
    while True:
        inner = getattr(seen, "reason", None)
        if not isinstance(inner, BaseException):
            inner = next((a for a in seen.args if isinstance(a, BaseException)), None)
        inner = inner or seen.__cause__
        if inner is None or inner is seen:
            break
        seen = inner
    words = getattr(seen, "strerror", None) or type(seen).__name__
    return str(words)
