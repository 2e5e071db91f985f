"""``batchtryon doctor``: is everything well that a run depends on?"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

from batchtryon.batch.doctor import KeySource, examine
from batchtryon.batch.findings import Finding, Level, exit_code_of
from batchtryon.cli.desk import Desk
from batchtryon.cli.options import AnyManifest, Json, Key, Talk, Where, options_of, switch
from batchtryon.cli.wording import counted, safe
from batchtryon.errors import ExitCode

__all__ = ["doctor"]


def doctor(
    desk: Desk, manifest: AnyManifest = None, *, where: Where, key: Key, talk: Talk,
    verify: Annotated[bool, switch("--verify",
        text="Read every picture and compare it with what the ledger knows of it.")] = False,
    json: Json = False,
) -> ExitCode:
    """Check key, network, clock, ledger, outputs and disk; nothing is spent. Exits with 0 if nothing is a problem."""
    del talk
    found: list[Finding] = []
    for finding in examine(manifest, options_of(desk, where), _source(desk, key), desk.clock, verify=verify):
        found.append(finding)
        if not json:
            desk.screen.say(_line(desk, finding))
    code = exit_code_of(found)
    if json:
        desk.screen.say_json({"checks": [_as_json(desk, each) for each in found], "exit_code": int(code)})
        return code
    counts = Counter(each.level for each in found)
    if code:
        desk.screen.remark(f"{counted(counts[Level.PROBLEM], 'problem')}: {code.sentence}.")
    elif counts[Level.WARNING]:
        desk.screen.remark(f"No problem, {counted(counts[Level.WARNING], 'warning')}.")
    else:
        desk.screen.remark("All is well.")
    return code


def _source(desk: Desk, key: Key) -> KeySource:
    load = desk.environment.key_loader(key.api_key_file)
    if key.api_key_file is not None:
        file = Path(key.api_key_file).expanduser()
        return KeySource(load=load, told=f"in {file}", file=file)
    if desk.environment.has_key_variable:
        return KeySource(load=load, told="in the variable TRYITON_API_KEY")
    file = desk.environment.login_file
    return KeySource(load=load, told=f"in {file}, stored by 'batchtryon login'", file=file)


def _line(desk: Desk, finding: Finding) -> str:
    text = safe(desk.environment.hide(f"{finding.what} {finding.fix}".rstrip()))
    return f"{finding.level:<8} {finding.check:<9} {text}"


def _as_json(desk: Desk, finding: Finding) -> dict[str, str]:
    hide = desk.environment.hide
    return {"check": finding.check, "level": finding.level.value, "what": hide(finding.what), "fix": hide(finding.fix)}
