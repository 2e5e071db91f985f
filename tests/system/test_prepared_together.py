"""Several processes prepare the same pictures with one small folder between them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_WORK = """
import io, sys
from pathlib import Path
from PIL import Image
from batchtryon.images import prepare
from batchtryon.images.prepared import PreparedCache

def picture(number):
    file = io.BytesIO()
    Image.new("RGB", (60, 40), (number, 9, 9)).save(file, "PNG")
    return file.getvalue()

cache = PreparedCache(Path(sys.argv[1]), 6000)
for number in list(range(20)) * 10:
    content = picture(number)
    assert cache.prepare(content, max_pixels=(40, 40)) == prepare(content, max_pixels=(40, 40))
"""


def test_processes_that_share_a_folder_never_meet_a_half_written_picture(tmp_path: Path) -> None:
    folder = tmp_path / "prepared"
    working = [subprocess.Popen([sys.executable, "-c", _WORK, str(folder)], stderr=subprocess.PIPE) for _ in range(3)]

    errors = [process.communicate(timeout=60)[1] for process in working]

    assert errors == [b"", b"", b""]
    left = list(folder.iterdir())
    assert {each.suffix for each in left} == {".prepared"}
    assert sum(each.stat().st_size for each in left) <= 6000 * (1 + 3 / 16) + 3 * 1500
