"""The floors of the house: imports run downward, and some libraries live in one room only.

The rules are those of design/house.md, "Rooms". Every import counts: under TYPE_CHECKING and inside functions
too, because that is where circles hide.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import batchtryon

ROOT = Path(__file__).parents[2] / "batchtryon"

#: A room and its floor; a room may import from lower floors, and within itself.
FLOORS = {
    "errors": 0, "clock": 0,
    "tryon": 1, "names": 1, "buckets": 1, "conditions": 1, "seen": 1, "states": 1, "records": 1, "settings": 1,
    "manifest": 2, "planner": 2, "sampling": 2, "retry": 2, "polling": 2, "reconcile": 2,
    "api": 3, "ledger": 3, "images": 3, "store": 3, "workspace": 3,
    "executor": 4, "report": 4, "sandbox": 4,
    "batch": 5,
    "cli": 6,
    "__main__": 7, "__init__": 7,
}
#: Within the two lowest floors, a room may import those named before it.
GROUND_ORDER = (
    "errors", "clock", "tryon", "names", "buckets", "conditions", "seen", "states", "records", "settings",
)
#: What a room may import besides or instead: the sandbox judges the rest, so it shares only the kinds.
ONLY = {"sandbox": {"tryon", "errors"}}

#: Libraries and where they may be imported, as modules or rooms (prefixes).
HOMES = {
    "httpx": ("api.client", "api.transport", "api.reads", "executor.download"),
    "aiohttp": ("api.reads",),
    "sqlalchemy": ("ledger",),
    "typer": ("cli",),
    "tqdm": ("cli",),
    "starlette": ("sandbox",),
    "uvicorn": ("sandbox",),
    "PIL": ("images", "sandbox"),
    "pandas": ("manifest",),
    "pyarrow": ("manifest", "report"),
    "yaml": ("manifest", "sandbox"),
    "tenacity": ("retry",),
    "filelock": ("ledger",),
    "platformdirs": ("workspace",),
    "obstore": ("store.library",),
}
#: Calls that touch time or the environment, and the one room where they may.
TOUCHES = {
    "time.time": "clock", "time.monotonic": "clock", "time.sleep": "clock", "time.clock_gettime": "clock",
    "datetime.now": "clock", "datetime.utcnow": "clock", "asyncio.sleep": "clock",
    "os.environ": "cli", "os.getenv": "cli",
}
#: Modules that may touch what belongs to another room. The clouds' credentials stand in variables that are not ours;
#: the library reads them by itself, and what it may make of them is checked there.
TOUCHES_BESIDES = {"store.clouds": {"os.environ"}}


def complaints(module: str, source: str) -> Iterator[str]:
    """Everything in ``source``, the text of ``batchtryon.<module>``, that the house does not allow."""
    tree = ast.parse(source)
    room = module.split(".", maxsplit=1)[0]
    if room not in FLOORS:
        yield f"{module}: the room '{room}' has no floor; give it one"
        return
    if any(part in {"utils", "helpers", "common"} for part in module.split(".")):
        yield f"{module}: a drawer is no room"
    for node in ast.walk(tree):
        for imported in imports_of(node):
            yield from of_import(module, room, imported)
        yield from of_touch(module, room, node)


def imports_of(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        if node.level:
            yield "."
        elif node.module == "batchtryon":
            yield from (f"batchtryon.{alias.name}" for alias in node.names)
        else:
            yield node.module or "."


def of_import(module: str, room: str, imported: str) -> Iterator[str]:
    if imported == ".":
        yield f"{module}: a relative import hides its floor"
    elif imported.startswith("batchtryon."):
        target = imported.split(".")[1]
        if target not in FLOORS:
            yield f"{module}: imports '{target}', which has no floor"
        elif target != room and not may_import(room, target):
            yield f"{module}: imports {imported}, which is not below it"
    else:
        library = imported.split(".", maxsplit=1)[0]
        homes = HOMES.get(library)
        if homes is not None and not any(f"{module}.".startswith(f"{home}.") for home in homes):
            yield f"{module}: imports {library}, which lives in {', '.join(homes)}"


def may_import(room: str, target: str) -> bool:
    if room in ONLY:
        return target in ONLY[room]
    if room in GROUND_ORDER and target in GROUND_ORDER:
        return GROUND_ORDER.index(target) < GROUND_ORDER.index(room)
    if target == "sandbox":
        return FLOORS[room] > FLOORS["sandbox"]
    return FLOORS[target] < FLOORS[room]


def of_touch(module: str, room: str, node: ast.AST) -> Iterator[str]:
    touched = []
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        touched = [f"{node.value.id}.{node.attr}"]
    elif isinstance(node, ast.ImportFrom):
        touched = [f"{node.module}.{alias.name}" for alias in node.names]
    elif isinstance(node, ast.Import):
        renamed = [alias for alias in node.names if alias.asname and alias.name in {"time", "os"}]
        touched = [f"{alias.name} as {alias.asname}" for alias in renamed]
    for each in touched:
        home = "nobody under another name" if " as " in each else TOUCHES.get(each)
        # The sandbox is another program that happens to live in the same package; it has its own time.
        elsewhere = each in TOUCHES_BESIDES.get(module, ())
        if home is not None and room != home and not elsewhere and not (room == "sandbox" and home == "clock"):
            yield f"{module}: uses {each}, which belongs to {home}"


def modules() -> list[tuple[str, str]]:
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__") or "__init__"
        found.append((name, path.read_text(encoding="utf-8")))
    return found


@pytest.mark.parametrize(("module", "source"), modules(), ids=[name for name, _ in modules()])
def test_every_module_keeps_to_its_floor(module: str, source: str) -> None:
    assert list(complaints(module, source)) == []


@pytest.mark.parametrize(("module", "source", "complaint"), [
    ("planner", "from batchtryon.ledger.ledger import Ledger", "not below it"),
    ("planner", "from batchtryon.retry import RetryPolicy", "not below it"),
    ("api.client", "import batchtryon.ledger", "not below it"),
    ("ledger.jobs", "from batchtryon.api import wire", "not below it"),
    ("states", "from batchtryon.records import Row", "not below it"),
    ("sandbox.world", "from batchtryon.records import Row", "not below it"),
    ("executor.run", "from batchtryon.report.summary import Summary", "not below it"),
    ("executor.run", "from batchtryon.sandbox.world import World", "not below it"),
    ("store", "from batchtryon.batch import running", "not below it"),
    ("planner", "def f():\n    from batchtryon.store import Store", "not below it"),
    ("planner", "if TYPE_CHECKING:\n    from batchtryon.cli import main", "not below it"),
    ("planner", "from . import retry", "relative"),
    ("planner", "import httpx", "lives in"),
    ("executor.run", "from httpx import AsyncClient", "lives in"),
    ("batch.running", "import sqlalchemy as sa", "lives in"),
    ("executor.run", "now = datetime.now(UTC)", "belongs to clock"),
    ("executor.run", "await asyncio.sleep(1)", "belongs to clock"),
    ("ledger.runs", "began = time.monotonic()", "belongs to clock"),
    ("batch.running", "key = os.environ['TRYITON_API_KEY']", "belongs to cli"),
    ("sandbox.app", "home = os.environ['HOME']", "belongs to cli"),
    ("store.objects", "key = os.environ['AWS_SECRET_ACCESS_KEY']", "belongs to cli"),
    ("store.objects", "import obstore", "lives in"),
    ("executor.run", "from time import monotonic", "belongs to clock"),
    ("executor.run", "from os import environ", "belongs to cli"),
    ("executor.run", "import time as t", "belongs to nobody"),
    ("newroom", "", "has no floor"),
    ("ledger.utils", "", "drawer"),
])
def test_each_rule_can_be_broken_and_is_then_told(module: str, source: str, complaint: str) -> None:
    assert any(complaint in told for told in complaints(module, source))


def test_init_holds_names_only() -> None:
    tree = ast.parse((ROOT / "__init__.py").read_text(encoding="utf-8"))
    allowed = (ast.ImportFrom, ast.Assign, ast.Expr, ast.If)
    code = [node for node in tree.body if not isinstance(node, allowed)]
    assert [node.name for node in code if isinstance(node, ast.FunctionDef)] == ["__getattr__"]
    assert len(code) == 1


def test_every_public_name_is_there_and_no_other() -> None:
    assert all(getattr(batchtryon, name) is not None for name in batchtryon.__all__)
    with pytest.raises(AttributeError, match="no attribute 'render'"):
        batchtryon.render  # noqa: B018 -- looked up, to see it refused


def test_the_public_names_are_these() -> None:
    assert sorted(batchtryon.__all__) == [
        "BatchTryonError", "Checked", "ExitCode", "ManifestInvalid", "Plan", "Problem", "Summary", "check", "plan",
        "run",
    ]
