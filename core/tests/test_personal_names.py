"""Columns whose names promise personal data."""

from __future__ import annotations

import pytest

from entrepot_core.policy.personal_names import looks_personal


@pytest.mark.parametrize(
    "name",
    [
        *("email", "contactEmail", "EMAIL_ADDRESS", "e-mail", "Prénom", "first_name"),
        *("lastName", "phoneNumber", "birthdate", "date_of_birth", "userIP", "ip"),
        *("Nom de famille".replace("de ", ""), "streetAddress", "nationalStudentId"),
        *("passwordHash", "gender", "iban", "lieu_naissance", "TÉLÉPHONE"),
    ],
)
def test_personal(name: str) -> None:
    assert looks_personal(name)


@pytest.mark.parametrize(
    "name",
    [
        *("id", "user_id", "email_sent_at", "isEmailValid", "emailCount", "name"),
        *("shipping", "description", "zip", "title", "createdAt", "score", "", "été"),
        *("recipe", "addressee_count", "phone_type_id", "snapshot", "healthy"),
    ],
)
def test_not_personal(name: str) -> None:
    assert not looks_personal(name)
