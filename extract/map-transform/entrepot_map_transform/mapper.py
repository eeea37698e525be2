"""The mapper: MeltanoLabs' own, and pseudonyms."""

from __future__ import annotations

import os
import typing as t
from functools import partial

from meltano_map_transform.mapper import StreamTransform
from singer_sdk import singerlib as singer
from singer_sdk.exceptions import InvalidInputLine, MapExpressionError
from singer_sdk.mapper import CustomStreamMap, RemoveRecordTransform

from entrepot_core.base.errors import Refused, RunFailed
from entrepot_core.base.redaction import redact
from entrepot_core.policy.columns import pseudonyms
from entrepot_core.singer import keywords
from entrepot_core.singer.plugin import Plugin

_VARIABLE = "PSEUDONYM_SECRET"
_SHORTEST = 16  # characters
_FUNCTION = "pseudonym"


class MapTransform(Plugin, StreamTransform):
    """Stream maps whose expressions may call `pseudonym(value)`.

    Args:
        **options: Of the SDK.

    Raises:
        Refused: If pseudonyms are wanted, and there is no secret.
    """

    package_name = "entrepot-map-transform"
    explained = (InvalidInputLine, MapExpressionError)

    def __init__(self, **options: t.Any) -> None:
        super().__init__(**options)
        secret = os.environ.get(_VARIABLE, "")
        redact.hide(secret)
        if _is_called(self.config["stream_maps"]) and len(secret) < _SHORTEST:
            problem = f"{_VARIABLE} is missing, or has less than {_SHORTEST} characters"
            raise Refused([f"{problem}: stream maps pseudonymise; nothing was read"])
        self._pseudonym = partial(_of_value, pseudonyms(secret))

    def map_schema_message(
        self, message_dict: dict[str, t.Any]
    ) -> t.Generator[singer.Message, None, None]:
        """Map a schema, and hand on what the target wants to know beside it.

        Args:
            message_dict: A SCHEMA message.

        Yields:
            The mapped messages.
        """
        schema = message_dict["schema"]
        told = keywords.of(schema)
        messages = list(super().map_schema_message(message_dict))
        maps = self.mapper.stream_maps[message_dict["stream"]]
        for message, stream_map in zip(messages, maps, strict=True):
            if isinstance(stream_map, RemoveRecordTransform):
                continue
            if isinstance(stream_map, CustomStreamMap):
                stream_map.expr_evaluator.functions[_FUNCTION] = self._pseudonym
            if isinstance(message, singer.SchemaMessage):
                message.schema = {**message.schema, **told}
            yield message

    def map_batch_message(self, message_dict: dict[str, t.Any]) -> t.NoReturn:
        """Refuse rows that come in a file, which nobody here could change.

        Args:
            message_dict: A BATCH message.

        Raises:
            RunFailed: Always.
        """
        raise RunFailed(
            f"stream {message_dict['stream']} comes in a BATCH of files, which a mapper cannot "
            "change: give the tap no batch_config"
        )


def _is_called(maps: t.Any) -> bool:
    """Say whether an expression, however deep, calls the function."""
    if isinstance(maps, t.Mapping):
        return any(map(_is_called, maps.values()))
    return isinstance(maps, str) and _FUNCTION in maps


def _of_value(pseudonym: t.Callable[[bytes], bytes], value: t.Any) -> str | None:
    if value is None:
        return None
    return pseudonym(str(value).encode()).decode()
