from __future__ import annotations

from pathlib import Path

from entrepot_core.backups import dated
from entrepot_core.backups.places import BackupFolder


def test_what_was_just_taken_stays_whatever_the_clock_said_before(
    tmp_path: Path,
) -> None:
    """F55: the others seem to be of the future."""
    taken = dated.name_now("pix")
    later = [f"pix-2999010{day}T020000Z.dump" for day in (1, 2, 3)]
    for name in (taken, *later):
        (tmp_path / name).touch()
    dated.remove_too_many(BackupFolder(tmp_path), "pix", 2, taken)
    assert BackupFolder(tmp_path).names() == [taken, *later[1:]]
