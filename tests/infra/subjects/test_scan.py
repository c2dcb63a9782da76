"""Text in plain is found in files of any size, wherever in them it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.subjects import scan

FORMS = [b"hospital", b"ann"]


@pytest.mark.parametrize("before", range(20))
def test_text_across_two_parts_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: int
) -> None:
    monkeypatch.setattr(scan, "FILE_PART_BYTES", 8)
    file = tmp_path / "log"
    file.write_bytes(b"." * before + b"hospital" + b"." * 5)
    assert scan._looked_through(file, FORMS) == (before + 13, True)
    file.write_bytes(b"." * before + b"hospit" + b"." * 5)
    assert scan._looked_through(file, FORMS) == (before + 11, False)


def test_text_of_one_letter_is_found(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"abc")
    assert scan._looked_through(file, [b"c"]) == (3, True)
