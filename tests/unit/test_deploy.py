"""What stands in deploy/ agrees with the program: its deadlines, its exit codes, its options."""

from __future__ import annotations

import re
import shlex
import shutil
import struct
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from batchtryon import errors
from batchtryon.api.wire import submit_body
from batchtryon.cli.main import app
from batchtryon.errors import BatchTryonError, ExitCode
from batchtryon.executor.submitting import _BASE_TIMEOUT, _SLOWEST_UPLOAD
from batchtryon.images.prepare import prepare
from batchtryon.settings import Settings

__all__: list[str] = []

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
#: Seconds that saving takes (design/charges.md).
TO_SAVE = 15
KUBERNETES = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
SERVICES = sorted((DEPLOY / "systemd").glob("*.service"))


def kinds_of_errors(kind: type[BatchTryonError] = BatchTryonError) -> Iterator[type[BatchTryonError]]:
    for each in kind.__subclasses__():
        if each.__module__ == errors.__name__:
            yield each
            yield from kinds_of_errors(each)


#: Codes of errors after which the same command may succeed, and those of one that was told to end.
LATER = {int(each.exit_code) for each in kinds_of_errors() if each.rerun_helps}
TOLD = {int(ExitCode.INTERRUPTED), int(ExitCode.TERMINATED)}


def incompressible(*, samples: int) -> bytes:
    """A PNG of the size that is sent by default, 16 bits a sample: RGB for 3 of them, RGBA for 4."""
    width, height = SETTINGS.max_pixels
    rows = b"".join(b"\0" + Random(row).randbytes(2 * samples * width) for row in range(height))

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 16, {3: 2, 4: 6}[samples], 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 0))
            + chunk(b"IEND", b""))


def grace() -> float:
    """Seconds that the largest body of the default settings needs: a tattoo, whose design keeps its clear parts."""
    sent = {
        name: prepare(incompressible(samples=samples), max_pixels=SETTINGS.max_pixels, keep_alpha=samples == 4).data_url
        for name, samples in (("body_image", 3), ("design_image", 4))
    }
    return _BASE_TIMEOUT + len(submit_body({}, sent)) / _SLOWEST_UPLOAD + TO_SAVE


SETTINGS = Settings()
GRACE = grace()


def objects(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def pod(found: dict[str, Any]) -> dict[str, Any]:
    spec = found["spec"]
    while "containers" not in spec:
        spec = spec.get("jobTemplate", spec.get("template", spec))["spec"]
    assert isinstance(spec, dict)
    return spec


def job(found: dict[str, Any]) -> dict[str, Any]:
    spec = found["spec"]["jobTemplate"]["spec"] if found["kind"] == "CronJob" else found["spec"]
    assert isinstance(spec, dict)
    return spec


def unit(path: Path) -> dict[str, list[str]]:
    """Every setting of a unit file, with all its values."""
    found: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if re.match(r"[A-Z]\w*=", line):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def options_of(command: str) -> set[str]:
    """The options that a command has."""
    return set(re.findall(r"--[a-z][a-z-]+", CliRunner().invoke(app, [command, "--help"]).stdout))


def test_the_time_to_end_is_that_of_the_largest_body() -> None:
    assert pytest.approx(284.1, abs=0.1) == GRACE, "the figure in deploy/ and docs/workers.md"
    assert {5, 11, 14} == LATER


def test_what_the_guides_say_is_that_time_too() -> None:
    for guide in ("README.md", "docs/workers.md", "deploy/Dockerfile"):
        said = re.findall(r"(?:Give|allow|--time) (\d+)", (ROOT / guide).read_text(encoding="utf-8"))
        assert said, guide
        assert min(map(int, said)) >= GRACE, guide


# -- Kubernetes ----------------------------------------------------------------------------------

def test_there_is_a_job_a_cron_job_and_workers() -> None:
    found = [each for path in KUBERNETES for each in objects(path)]
    assert sorted(each["kind"] for each in found) == ["CronJob", "Deployment", "Job"]


@pytest.mark.parametrize("path", KUBERNETES, ids=lambda path: path.stem)
def test_a_pod_has_the_time_to_await_its_submits(path: Path) -> None:
    for found in objects(path):
        assert pod(found)["terminationGracePeriodSeconds"] >= GRACE


@pytest.mark.parametrize("path", KUBERNETES, ids=lambda path: path.stem)
def test_a_pod_holds_no_secret_and_is_not_root(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"kind: Secret\b|stringData|://[^/\s:@]+:[^/\s@]+@", text)
    for found in objects(path):
        spec = pod(found)
        (container,) = spec["containers"]
        assert all("valueFrom" in each for each in container["env"])
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        mounted = {each["name"] for each in container["volumeMounts"]}
        assert mounted == {each["name"] for each in spec["volumes"]}
        assert container["resources"]["limits"]["memory"]


@pytest.mark.parametrize("path", KUBERNETES, ids=lambda path: path.stem)
def test_every_option_is_one_of_the_command(path: Path) -> None:
    for found in objects(path):
        command, *arguments = pod(found)["containers"][0]["args"]
        given = {each.partition("=")[0] for each in arguments if each.startswith("--")}
        assert given <= options_of(command)
        assert "--ledger" in given


@pytest.mark.parametrize("path", KUBERNETES, ids=lambda path: path.stem)
def test_what_a_pod_could_not_deliver_outlives_it(path: Path) -> None:
    for found in objects(path):
        spec = pod(found)
        (state,) = [each for each in spec["volumes"] if each["name"] == "state"]
        assert state["hostPath"]["type"] == "Directory", "one that the kubelet made would be root's"
        (place,) = [each["mountPath"] for each in spec["containers"][0]["volumeMounts"] if each["name"] == "state"]
        (kept,) = re.findall(r"XDG_STATE_HOME=(\S+)", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"))
        assert Path(kept).is_relative_to(place)


def test_a_job_fails_by_the_codes_that_the_same_command_would_only_repeat() -> None:
    jobs = [each for path in KUBERNETES for each in objects(path) if each["kind"] != "Deployment"]
    for found in jobs:
        assert pod(found)["restartPolicy"] == "Never"
        rules = {each["action"]: each for each in job(found)["podFailurePolicy"]["rules"]}
        again = LATER | TOLD | {int(ExitCode.ALL_DONE), int(ExitCode.NOTHING_TO_DO)}
        assert set(rules["FailJob"]["onExitCodes"]["values"]) == {int(each) for each in ExitCode} - again
        assert rules["FailJob"]["onExitCodes"]["containerName"] == pod(found)["containers"][0]["name"]
        assert "--fail-if-nothing" not in pod(found)["containers"][0]["args"]


def test_nights_do_not_overlap() -> None:
    (night,) = [each for path in KUBERNETES for each in objects(path) if each["kind"] == "CronJob"]
    assert night["spec"]["concurrencyPolicy"] == "Forbid"


def test_workers_of_two_versions_are_not_at_work_at_once() -> None:
    (found,) = [each for path in KUBERNETES for each in objects(path) if each["kind"] == "Deployment"]
    assert found["spec"]["strategy"] == {"type": "Recreate"}
    assert "--until-idle" not in pod(found)["containers"][0]["args"]
    assert found["spec"]["selector"]["matchLabels"] == found["spec"]["template"]["metadata"]["labels"]


# -- systemd -------------------------------------------------------------------------------------

@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.stem)
def test_a_service_has_the_time_to_await_its_submits(path: Path) -> None:
    found = unit(path)
    assert int(found["TimeoutStopSec"][0]) >= GRACE
    assert found["KillSignal"] == ["SIGTERM"]
    assert found["KillMode"] == ["mixed"]


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.stem)
def test_a_service_begins_again_after_the_codes_that_pass(path: Path) -> None:
    found = unit(path)
    assert {int(code) for code in found["RestartForceExitStatus"][0].split()} == LATER
    assert {int(code) for code in found["SuccessExitStatus"][0].split()} == TOLD | {int(ExitCode.NOTHING_TO_DO)}
    # Else every other code would begin it again, too.
    assert found["Restart"] == ["on-abnormal"]


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.stem)
def test_a_service_s_command_is_one_of_ours_and_holds_no_secret(path: Path) -> None:
    (line,) = unit(path)["ExecStart"]
    _, command, *arguments = shlex.split(line)
    given = {each for each in arguments if each.startswith("--")}
    assert given <= options_of(command)
    assert "--api-key-file" in given
    assert not re.search(r"PGPASSWORD|TRYITON_API_KEY=|://[^/\s:@]+:[^/\s@]+@", path.read_text(encoding="utf-8"))


def test_the_timer_is_that_of_the_run() -> None:
    (path,) = (DEPLOY / "systemd").glob("*.timer")
    assert path.with_suffix(".service") in SERVICES
    assert unit(path)["Persistent"] == ["true"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="this machine has no systemd")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for path in (DEPLOY / "systemd").iterdir():
        # The program is not installed here; all else is as it stands.
        text = path.read_text(encoding="utf-8").replace("/opt/batchtryon/bin/batchtryon", "/bin/true")
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    for path in sorted(tmp_path.iterdir()):
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True, check=False,
        )
        # What it knows of other units of this machine is not ours.
        ours = [line for line in done.stderr.splitlines() if "batchtryon" in line]
        assert not ours


# -- the image -----------------------------------------------------------------------------------

def test_the_image_installs_what_is_pinned_and_is_not_root() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    assert "--require-hashes -r requirements/workers.txt" in text
    assert re.findall(r"^FROM (\S+)", text, flags=re.MULTILINE) == ["python:3.11-slim", "python:3.11-slim"]
    assert re.search(r"^USER 10001:10001$", text, flags=re.MULTILINE)
    users = {pod(each)["securityContext"]["runAsUser"] for path in KUBERNETES for each in objects(path)}
    assert users == {10001}


def test_its_pins_are_those_of_a_run_and_what_a_shared_ledger_needs() -> None:
    def pins(name: str) -> dict[str, str]:
        text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
        return dict(re.findall(r"^([\w.-]+)==([^ ;]+)", text, flags=re.MULTILINE))

    run, workers = pins("run"), pins("workers")
    assert workers.items() >= run.items()
    assert {"psycopg", "psycopg-binary", "obstore"} <= workers.keys() - run.keys()
