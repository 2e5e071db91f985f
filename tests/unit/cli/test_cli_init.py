"""``batchtryon init`` over folders of pictures."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from batchtryon.cli.main import app


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two garments and three persons, in which the command is given."""
    for place, name in enumerate(["garments/red.png", "garments/blue.png", "models/anna.png", "models/ben.png",
                                  "models/cleo.png"]):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (300, 400 + place), (40 * place, 90, 120)).save(path)
    (tmp_path / "models" / "notes.txt").write_text("no picture")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(words))
    return result.exit_code, result.stdout, result.stderr


def test_two_folders_become_a_matrix_that_the_plan_reads_alike(studio: Path) -> None:
    code, said, complained = told("init", "garments", "--person", "models")
    assert (code, complained) == (0, "")
    assert "Rows      6 (clothes 6)" in said
    assert "Credits   6" in said
    assert (studio / "garments.yaml").is_file()
    assert "garments: 6 rows" in told("plan", "garments.yaml", "--sandbox")[1]


def test_a_salon_gets_each_person_with_each_haircut_in_each_colour(studio: Path) -> None:
    _, said, _ = told("init", "models", "--haircut", "BobCut,PixieCut", "--hair-color", "black,ash blonde")
    assert "Rows      12 (hairstyle 12)" in said
    text = (studio / "models.yaml").read_text(encoding="utf-8")
    assert "- ash blonde" in text


def test_a_haircut_that_is_none_is_told_and_nothing_is_written(studio: Path) -> None:
    code, _, complained = told("init", "models", "--haircut", "BobCat")
    assert code == 10
    assert "Did you mean 'BobCut'?" in complained
    assert not (studio / "models.yaml").exists()


def test_what_a_shell_made_of_an_unquoted_pattern_gets_a_hint(studio: Path) -> None:
    code, _, complained = told("init", "garments", "--person", "models/anna.png", "models/ben.png", "models/cleo.png")
    assert code == 2
    assert "Quote it, as in --person 'models/*.png'" in complained
    assert not (studio / "garments.yaml").exists()


def test_a_manifest_that_is_there_is_replaced_only_when_asked(studio: Path) -> None:
    (studio / "garments.yaml").write_text("mine", encoding="utf-8")
    code, _, complained = told("init", "garments", "--person", "models")
    assert code == 2
    assert "add --force" in complained
    assert (studio / "garments.yaml").read_text(encoding="utf-8") == "mine"
    assert told("init", "garments", "--person", "models", "--force")[0] == 0
    assert "matrix:" in (studio / "garments.yaml").read_text(encoding="utf-8")


def test_folders_elsewhere_are_allowed_in_the_configuration_and_not_in_the_manifest(studio: Path) -> None:
    (studio / "batch").mkdir()
    code, said, complained = told("init", "garments", "--person", "models", "--out", "batch/night.yaml")
    assert (code, complained) == (0, "")
    assert "Allowed" in said
    config = (studio / "batch" / "batchtryon.toml").read_text(encoding="utf-8")
    assert str(studio / "models") in config
    assert "allow" not in (studio / "batch" / "night.yaml").read_text(encoding="utf-8")
    assert told("plan", "batch/night.yaml", "--sandbox")[0] == 0


@pytest.mark.parametrize(("words", "sentence"), [
    (["garments"], "Say who wears what lies in garments"),
    (["nowhere", "--person", "models"], "nowhere does not exist"),
    (["models", "--hair-color", "red"], "--hair-color goes with --haircut"),
    (["garments", "--person", "models", "--per", "color"], "--per goes with a shop's export"),
    (["garments", "--person", "models", "--out", "none/there.yaml"], "does not exist. Create it"),
    (["garments", "--person", "models", "--option", "quality"], "is not NAME=VALUE"),
    (["models", "--haircut", "BobCut", "--person", "garments"], "leave --person out"),
    (["garments", "models"], "One source is taken, and 2 were given"),
])
def test_what_cannot_be_begun_is_one_clear_line(studio: Path, words: list[str], sentence: str) -> None:
    code, said, complained = told("init", *words)
    assert (code, said) == (2, "")
    assert sentence in " ".join(complained.split())
    assert not list(studio.glob("*.yaml"))


def test_a_picture_that_cannot_be_used_is_told_when_the_manifest_is_begun(studio: Path) -> None:
    (studio / "garments" / "broken.png").write_bytes(b"no picture")
    code, said, complained = told("init", "garments", "--person", "models")
    assert code == 10
    assert "broken.png is not a picture" in complained
    assert "Rows      6" in said
    assert (studio / "garments.yaml").is_file()


def test_options_for_every_row_become_defaults(studio: Path) -> None:
    told("init", "garments", "--person", "models", "--option", "mode=quality", "--option", "num_samples=2")
    assert "defaults:\n  mode: quality\n  num_samples: '2'\n" in (studio / "garments.yaml").read_text(encoding="utf-8")
    assert "Credits   12 to spend" in told("plan", "garments.yaml", "--sandbox")[1]


def garments(studio: Path, *, flat: int, worn: int) -> None:
    for path in (studio / "garments").iterdir():
        path.unlink()
    for number in range(flat + worn):
        image = Image.linear_gradient("L").resize((400, 500)).rotate(30 * number).convert("RGB")
        if number < flat:
            ground = Image.new("RGB", (600, 800), "white")
            ground.paste(image, (100, 150))
            image = ground
        image.save(studio / "garments" / f"g{number}.png")


def test_garments_that_look_laid_flat_are_hinted_at(studio: Path) -> None:
    garments(studio, flat=3, worn=0)
    complained = told("init", "garments", "--person", "models/anna.png")[2]
    assert "hint: All 3 garments look laid flat" in complained
    assert "--option garment_photo_type=flat-lay" in complained
    said = told("init", "garments", "--person", "models/anna.png", "--option", "garment_photo_type=flat-lay", "--force")
    assert said[2] == ""


def test_garments_of_both_sorts_are_counted(studio: Path) -> None:
    garments(studio, flat=2, worn=3)
    assert "hint: 2 of 5 garments look laid flat" in told("init", "garments", "--person", "models/anna.png")[2]


def test_pictures_of_phones_that_are_left_out_are_told(studio: Path) -> None:
    garments(studio, flat=0, worn=1)
    (studio / "models" / "IMG_1.HEIC").write_bytes(b"....ftypheic")
    complained = told("init", "garments", "--person", "models")[2]
    assert "models holds 1 HEIC picture(s), which are left out. Export them as JPEG" in complained
