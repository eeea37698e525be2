"""Telling Sentry of a failed night, by SENTRY_*."""

from __future__ import annotations

import json
from typing import Any

import sentry_sdk
from sentry_sdk.transport import HttpTransport

from entrepot_core.base.redaction import redact
from entrepot_ops.notify.delivery import Delivery
from entrepot_ops.report.outcome import Outcome
from entrepot_ops.settings import NotifySettings

_FLUSH_SECONDS = 10.0


def tell(outcome: Outcome, settings: NotifySettings) -> Delivery | None:
    """Send a failure to Sentry.

    Args:
        outcome: How the night ended.
        settings: SENTRY_*.

    Returns:
        What became of it; None when the night did not fail.
    """
    if outcome.outcome != "failure":
        return None
    problems: list[str] = []

    class Watched(HttpTransport):
        """Says what could not be sent; the SDK itself would be silent."""

        def on_dropped_event(self, _reason: str) -> None:
            problems.append(_reason)

    client = sentry_sdk.Client(
        dsn=settings.sentry_dsn,
        transport=Watched,
        environment=settings.sentry_environment,
        debug=settings.sentry_debug,
        max_breadcrumbs=settings.sentry_max_breadcrumbs,
        max_value_length=settings.sentry_max_value_length,
        default_integrations=False,
        auto_enabling_integrations=False,
        send_default_pii=False,
        send_client_reports=False,
        before_send=_scrub,
    )
    scope = sentry_sdk.Scope()
    scope.set_context("night", outcome.as_dict())
    client.capture_event(
        {
            "message": f"night {outcome.status}: {outcome.message}",
            "level": "error",
            "fingerprint": ["night", *outcome.failed_steps],
        },
        scope=scope,
    )
    client.close(timeout=_FLUSH_SECONDS)
    return Delivery(
        "Sentry",
        is_delivered=not problems,
        message=", ".join(problems) or "sent",
    )


def _scrub(event: Any, _hint: dict[str, Any]) -> Any:
    event.pop("server_name", None)
    return json.loads(redact(json.dumps(event, default=str)))
