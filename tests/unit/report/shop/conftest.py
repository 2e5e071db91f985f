from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from batchtryon.report.shop import writing
from tests.unit.report.shop.counter import Desk


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = Desk()

    def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
        part = io.BytesIO()
        write(part)
        made.written = part.getvalue()

    monkeypatch.setattr(writing, "write_atomically", write_atomically)
    return made
