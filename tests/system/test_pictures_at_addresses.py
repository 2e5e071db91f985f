"""Whole runs on a catalog of addresses: what counts as changed, what is left out, and what is paid."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest
from typer.testing import CliRunner, Result

from batchtryon.cli.main import app
from batchtryon.errors import ExitCode
from batchtryon.sandbox.server import SandboxServer
from batchtryon.sandbox.world import World
from tests.contract.picture_host import Lying, PictureHost, a_picture, open_host

__all__: list[str] = []

SPEED = 50.0
RED, BLUE, GREY = a_picture("red"), a_picture("blue"), a_picture("grey")


class Shop:
    """A catalog of addresses, a host of its pictures, and a sandbox that counts what is charged."""

    def __init__(self, folder: Path, server: SandboxServer, host: PictureHost) -> None:
        self.folder = folder
        self.server = server
        self.host = host
        host.pictures |= {"/person.png": Lying(GREY), "/shirt.png": Lying(RED), "/dress.png": Lying(BLUE)}

    def write(self, *garments: str) -> None:
        lines = [f"r{place},{self.host.at('/person.png')},{self.host.at(each)}" for place, each in enumerate(garments)]
        text = "\n".join(["id,person,garment", *lines]) + "\n"
        (self.folder / "catalog.csv").write_text(text, encoding="utf-8")

    def call(self, command: str, *more: str) -> Result:
        window = 60 / SPEED
        limits = ["--rate", f"20/{window}", "--poll-rate", f"300/{window}", "--settle", "2s", "--on-unknown", "hold"]
        limits = limits if command == "run" else []
        result = CliRunner().invoke(
            app, [command, str(self.folder / "catalog.csv"), "--output", str(self.folder / "output"), *limits, *more],
            env={"TRYITON_API_KEY": self.server.key, "TRYITON_BASE_URL": self.server.base_url},
        )
        assert "Traceback" not in result.output
        return result

    def run(self, *more: str) -> ExitCode:
        return ExitCode(self.call("run", "--yes", *more).exit_code)

    def plan(self, *more: str) -> dict[str, object]:
        result = self.call("plan", "--json", *more)
        assert result.exit_code == 0, result.output
        told: dict[str, object] = json.loads(result.stdout)
        return told

    def states(self, *more: str) -> dict[str, int]:
        rows = self.plan(*more)["rows"]
        assert isinstance(rows, dict)
        return {state: count for state, count in rows.items() if count and state != "total"}

    def results(self) -> dict[str, dict[str, str]]:
        with (self.folder / "output" / "catalog" / "results.csv").open(encoding="utf-8", newline="") as file:
            return {row["id"]: row for row in csv.DictReader(file)}

    @property
    def charged(self) -> int:
        return self.server.world.books.charged


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A shop whose sandbox and whose picture host are open."""
    world = World(monotonic=monotonic, speed=SPEED)
    with SandboxServer(world) as server, open_host() as host:
        yield Shop(tmp_path, server, host)


def test_a_new_version_number_on_the_same_bytes_stays_done_and_is_not_paid_again(shop: Shop) -> None:
    shop.write("/shirt.png?v=1", "/dress.png?v=1")
    assert shop.run("--preflight", "urls") is ExitCode.ALL_DONE
    assert shop.charged == 2
    shop.write("/shirt.png?v=2", "/dress.png?v=2")
    shop.host.pictures["/dress.png"] = Lying(RED)
    assert shop.states() == {"done": 1, "changed": 1}
    assert shop.run("--changed", "run") is ExitCode.ALL_DONE
    assert shop.charged == 3
    assert shop.states() == {"done": 2}
    shop.host.asked.clear()
    assert shop.run("--changed", "run") is ExitCode.ALL_DONE
    assert shop.charged == 3
    assert shop.host.asked == [], "what was compared is known"


def test_where_nobody_looked_before_a_new_version_number_is_a_change_and_nothing_is_fetched(shop: Shop) -> None:
    shop.write("/shirt.png?v=1")
    assert shop.run() is ExitCode.ALL_DONE
    shop.write("/shirt.png?v=2")
    assert shop.states() == {"changed": 1}
    assert shop.host.asked == []


def test_an_address_that_was_paid_for_unseen_stays_done_once_it_is_seen(shop: Shop) -> None:
    shop.write("/shirt.png?v=1")
    assert shop.run("--preflight", "urls") is ExitCode.ALL_DONE
    shop.host.pictures["/shirt.png"] = Lying(b"", status=503)
    shop.write("/shirt.png?v=2")
    assert shop.run("--changed", "run") is ExitCode.ALL_DONE, "it could not be compared, so it was rendered"
    assert shop.charged == 2
    shop.host.pictures["/shirt.png"] = Lying(RED)
    assert shop.states() == {"done": 1}
    assert shop.run("--revalidate", "--changed", "run") is ExitCode.ALL_DONE
    assert shop.charged == 2


def test_bytes_that_changed_behind_an_address_are_told_and_rendered_on_the_users_word_only(shop: Shop) -> None:
    shop.write("/shirt.png", "/dress.png")
    assert shop.run("--revalidate") is ExitCode.ALL_DONE
    shop.host.pictures["/shirt.png"] = Lying(a_picture("green"))
    assert shop.states() == {"done": 2}
    told = shop.plan("--revalidate")
    address = shop.host.at("/shirt.png")
    assert told["assets"] == [
        {"text": address, "rows": 1, "warning": "Other bytes lie there than when it was first seen."}
    ]
    screen = shop.call("plan", "--revalidate").stdout
    assert f"other bytes lie at {address}" in " ".join(screen.split())
    assert shop.states() == {"done": 2}, "a plan leaves no trace"
    assert shop.run("--revalidate") is ExitCode.ALL_DONE
    assert shop.charged == 2, "nobody said that it is to be rendered again"
    assert shop.states() == {"changed": 1, "done": 1}, "what a run saw is known to what follows"
    assert shop.run("--changed", "run") is ExitCode.ALL_DONE
    assert shop.charged == 3
    assert shop.states() == shop.states("--revalidate") == {"done": 2}


def test_rows_without_a_picture_are_left_out_and_listed_by_picture_and_the_others_are_rendered(shop: Shop) -> None:
    shop.write("/shirt.png", "/gone.png", "/gone.png?size=2", "/dress.png")
    told = shop.plan("--preflight", "urls")
    assert told["credits"]["estimate"] == told["submits"] == 2  # type: ignore[index]  # JSON
    assert told["pictures"] == {"person": 1, "garment": 4}
    assert [(each["text"], each["rows"]) for each in told["assets"]] == [  # type: ignore[attr-defined]  # JSON
        (shop.host.at("/gone.png"), 1), (shop.host.at("/gone.png?size=2"), 1)]
    assert shop.run("--preflight", "urls") is ExitCode.SOME_FAILED
    assert shop.charged == len(shop.server.world.books.jobs) == 2
    row = shop.results()["r1"]
    assert (row["tryon_status"], row["tryon_error"], row["tryon_attempts"]) == ("failed", "PictureUnusable", "0")
    assert "HTTP 404" in row["tryon_message"]
    assert shop.host.at("/gone.png") in row["tryon_message"]
    assert shop.run("--preflight", "urls") is ExitCode.SOME_FAILED


def test_a_run_that_submits_nothing_fails_nothing(shop: Shop) -> None:
    shop.write("/gone.png")
    shop.run("--preflight", "urls", "--no-submit")
    assert shop.results()["r0"]["tryon_status"] == "pending"


def test_pictures_of_rows_that_are_not_selected_are_not_looked_at(shop: Shop) -> None:
    shop.write("/shirt.png", "/gone.png")
    assert shop.run("--preflight", "urls", "--where", "id=r0") is ExitCode.ALL_DONE
    assert sorted(each.path for each in shop.host.asked) == ["/person.png", "/shirt.png"]
    assert shop.results()["r1"]["tryon_status"] == "pending"


def test_a_picture_that_is_back_is_rendered_after_a_retry(shop: Shop) -> None:
    shop.write("/gone.png")
    assert shop.run("--preflight", "urls") is ExitCode.SOME_FAILED
    shop.host.pictures["/gone.png"] = Lying(RED)
    assert shop.call("retry").exit_code == 0
    assert shop.run("--preflight", "urls") is ExitCode.ALL_DONE
    assert shop.charged == 1


def test_a_done_row_stays_done_though_its_picture_is_gone_from_the_shop(shop: Shop) -> None:
    shop.write("/shirt.png", "/dress.png")
    assert shop.run() is ExitCode.ALL_DONE
    del shop.host.pictures["/shirt.png"], shop.host.pictures["/person.png"]
    assert shop.states("--preflight", "urls") == {"done": 2}
    assert shop.run("--preflight", "urls", "--revalidate") is ExitCode.ALL_DONE
    assert shop.charged == 2


def test_a_bad_model_photograph_is_one_line_with_all_its_rows(shop: Shop) -> None:
    shop.host.pictures["/person.png"] = Lying(b"<html>no</html>")
    shop.write(*(f"/shirt.png?c={colour}" for colour in range(12)))
    screen = shop.call("plan", "--preflight", "urls").stdout
    (line,) = [line for line in screen.splitlines() if "person.png" in line and "12 rows" in line]
    assert "it is an HTML page" in line
    assert "Pictures  1 person, 12 garments; look at 1:" in screen


def test_a_rehearsal_fetches_nothing(shop: Shop) -> None:
    shop.write("/shirt.png")
    result = shop.call("run", "--sandbox", "--preflight", "urls", "--revalidate", "--speed", "1000")
    assert result.exit_code == 0
    assert shop.host.asked == []


def test_the_manifest_is_checked_before_anything_is_fetched(shop: Shop) -> None:
    shop.write("/shirt.png")
    with (shop.folder / "catalog.csv").open("a", encoding="utf-8") as file:
        file.write("r9,,nowhere.png\n")
    assert shop.call("plan", "--preflight", "urls").exit_code == ExitCode.MANIFEST_INVALID
    assert shop.host.asked == []
