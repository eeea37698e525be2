from __future__ import annotations

import pytest

from entrepot_core.base.errors import Refused
from entrepot_core.config import domains


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, {"replica"}),
        ("", {"replica"}),  # as Meltano expands a variable that is missing
        (" ", set()),
        ("replica", {"replica"}),
        ("pix, lcms,cpf", {"pix", "lcms", "cpf"}),
    ],
)
def test_a_list_is_read(text: str | None, expected: set[str]) -> None:
    assert domains.enabled({} if text is None else {"DOMAINS": text}) == expected


def test_an_unknown_domain_is_refused_with_the_nearest() -> None:
    with pytest.raises(Refused) as refusal:
        domains.enabled({"DOMAINS": "pix,lmcs"})
    (problem,) = refusal.value.problems
    assert problem.startswith("DOMAINS has no domain 'lmcs'. Did you mean 'lcms'?")
