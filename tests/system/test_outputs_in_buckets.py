"""The installed command with its outputs, and its pictures, in an object store: moto's server, on this machine."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.bucket_host import SECRET, Answer, Buckets, buckets_open, ill_host
from tests.system.command import Shop, open_shop
from tests.system.crash.shop import shown_by


@pytest.fixture(scope="module")
def server() -> Iterator[Buckets]:
    with buckets_open() as opened:
        yield opened


@pytest.fixture
def bucket(server: Buckets) -> Buckets:
    server.reset()
    server.make("shop")
    return server


@pytest.fixture
def shop(tmp_path: Path, bucket: Buckets) -> Iterator[Shop]:
    with open_shop(tmp_path, rows=4) as opened:
        yield opened


def there(shop: Shop) -> tuple[str, ...]:
    return ("--output", "s3://shop/spring", "--ledger", f"sqlite:///{shop.folder / 'books' / 'ledger.sqlite3'}")


def results(bucket: Buckets) -> list[dict[str, str]]:
    content = bucket.objects("shop")["spring/catalog/results.csv"].decode()
    return list(csv.DictReader(io.StringIO(content, newline="")))


def assert_complete(shop: Shop, bucket: Buckets) -> None:
    found, by_id = bucket.objects("shop"), {row["id"]: row for row in results(bucket)}
    for row in shop.wanted:
        assert by_id[row.id]["tryon_status"] == "done", by_id[row.id]
        picture = shop.folder / "seen.png"
        picture.write_bytes(found[f"spring/catalog/{by_id[row.id]['tryon_files']}"])
        assert shown_by(picture) == row.pair
    assert not shop.world.books.charged_twice()
    assert shop.world.books.charged == len(shop.pairs)


def test_a_run_puts_pictures_and_results_into_the_bucket_and_a_rerun_pays_nothing(shop: Shop, bucket: Buckets) -> None:
    code, said, complained = shop.run(*there(shop))
    assert code == 0, complained
    assert_complete(shop, bucket)
    found = bucket.objects("shop")
    assert all(key.startswith("spring/") for key in found)
    assert {"spring/ledger.witness.json", "spring/catalog/summary.json"} <= found.keys()
    assert json.loads(found["spring/catalog/summary.json"])["exit_code"] == 0
    assert "s3://shop/spring/catalog/images" in said + complained
    assert not shop.output.exists()
    assert not (shop.folder / "s3:").exists()
    assert shop.run(*there(shop))[0] == 0
    assert_complete(shop, bucket)


def test_k1_a_run_into_a_bucket_tells_no_secret(shop: Shop, bucket: Buckets) -> None:
    told = [*shop.run(*there(shop), "-v"), *shop.run(*there(shop), command="status"),
            *shop.run(*there(shop), command="doctor")]
    told += [each.read_bytes().decode("latin-1") for each in shop.folder.rglob("*") if each.is_file()]
    told += [content.decode("latin-1") for content in bucket.objects("shop").values()]
    assert not [each for each in told if SECRET in str(each) or "AKIAEXAMPLE" in str(each)]


def test_plan_status_doctor_and_export_know_the_bucket(shop: Shop, bucket: Buckets) -> None:
    shop.run(*there(shop))
    lost = next(key for key in bucket.objects("shop") if "/images/" in key)
    bucket.delete("shop", lost)
    code, said, complained = shop.run(*there(shop), command="plan")
    assert (code, "1 done row without pictures" in said + complained) == (0, True), said + complained
    code, said, complained = shop.run(*there(shop), "--verify", command="doctor")
    assert code == 13, said + complained
    assert lost.removeprefix("spring/") in said + complained
    assert "s3://shop/spring can be listed, read, written and deleted in" in said + complained
    assert shop.run(*there(shop), command="status")[0] == 0
    assert shop.run(*there(shop), "--out", str(shop.folder / "out.csv"), command="export")[0] == 0
    assert len((shop.folder / "out.csv").read_text().splitlines()) == 1 + len(shop.wanted)


def test_a_new_take_leaves_the_earlier_picture_beside_it(shop: Shop, bucket: Buckets) -> None:
    shop.run(*there(shop))
    before = bucket.objects("shop")
    row = shop.wanted[0].id
    code, said, complained = shop.run(*there(shop), "--id", row, "--yes", command="retry")
    assert code == 0, said + complained
    assert shop.run(*there(shop))[0] == 0
    after = bucket.objects("shop")
    (aside,) = [key for key in after if ".take1." in key]
    assert after[aside] == before[aside.replace(".take1", "")]
    assert aside.replace(".take1", "") in after


def test_a_picture_of_the_user_s_is_moved_aside_and_never_written_over(shop: Shop, bucket: Buckets) -> None:
    bucket.put("shop", f"spring/catalog/images/{shop.wanted[0].id}.png", b"my own")
    assert shop.run(*there(shop), "--accept-ledger")[0] == 0
    assert_complete(shop, bucket)
    assert bucket.objects("shop")[f"spring/catalog/images/{shop.wanted[0].id}.kept1.png"] == b"my own"


def test_l8_a_lost_host_is_noticed_by_the_witness_in_the_bucket(shop: Shop, bucket: Buckets) -> None:
    shop.run(*there(shop))
    paid = len(shop.world.books.jobs)
    shutil.rmtree(shop.folder / "books")
    code, said, complained = shop.run(*there(shop), state="another-host")
    assert code == 12, said + complained
    assert "--accept-ledger" in complained
    assert len(shop.world.books.jobs) == paid


@pytest.mark.parametrize(("where", "words"), [
    (("--output", "s3://shop/spring"), "an address holds no ledger"),
    (("--output", "s3://nothing/x", "--ledger", "sqlite:///books.sqlite3"), "there is no such bucket"),
])
def test_what_is_missing_is_told_before_anything_is_spent(shop: Shop, where: tuple[str, ...], words: str) -> None:
    code, said, complained = shop.run(*where)
    assert code == 6, said + complained
    assert words in complained
    assert len(shop.world.books.jobs) == 0


@pytest.mark.parametrize(("answer", "code"), [(Answer(403, "AccessDenied"), 6), (Answer(503, "SlowDown"), 5)])
def test_a_store_that_is_ill_is_told_before_anything_is_spent(shop: Shop, answer: Answer, code: int) -> None:
    with ill_host() as host:
        host.answer = answer
        found, said, complained = shop.run(*there(shop))
    assert found == code, said + complained
    assert "s3://shop/spring: " in complained
    assert len(shop.world.books.jobs) == 0


def test_pictures_in_a_bucket_are_sent_where_the_user_allows_it(shop: Shop, bucket: Buckets) -> None:
    lines = (shop.folder / "catalog.csv").read_text().splitlines()
    for each in shop.folder.rglob("*"):
        if each.suffix in {".png", ".jpg"}:
            bucket.put("shop", f"pictures/{each.relative_to(shop.folder).as_posix()}", each.read_bytes())
    rows = list(csv.DictReader(lines))
    names = [name for name in rows[0] if (shop.folder / rows[0][name]).is_file()]
    with (shop.folder / "catalog.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows({**row, **{name: f"s3://shop/pictures/{row[name]}" for name in names}} for row in rows)
    code, _, complained = shop.run(*there(shop))
    assert code == 10, complained
    assert "--allow-outside s3://shop/PREFIX" in complained
    code, _, complained = shop.run(*there(shop), "--allow-outside", "s3://shop/pictures")
    assert code == 0, complained
    assert_complete(shop, bucket)


def test_a_rehearsal_keeps_its_ledger_beside_the_named_one(shop: Shop, bucket: Buckets) -> None:
    code, said, complained = shop.run(*there(shop), "--sandbox", "--speed", "100")
    assert code == 0, said + complained
    assert (shop.folder / "books" / "rehearsal" / "ledger.sqlite3").is_file()
    assert "spring/rehearsal/catalog/results.csv" in bucket.objects("shop")
    assert len(shop.world.books.jobs) == 0
