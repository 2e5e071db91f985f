"""The suite of stores on a real disk and on real sockets; and what only an object store can do wrong."""

from __future__ import annotations

import builtins
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from batchtryon.buckets import ObjectAddress
from batchtryon.errors import BatchTryonError, ConfigurationError, ExitCode, StoreAway, StoreRefused
from batchtryon.executor.delivery import free_name
from batchtryon.store import FolderStore, Store, clouds, open_store
from batchtryon.store.objects import ObjectStore
from tests.contract.bucket_host import SECRET, Answer, Buckets, IllHost, buckets_open, credentials, ill_host
from tests.contract.store_suite import StoreSuite

SHOP = ObjectAddress(scheme="s3", bucket="shop", prefix="2026/spring")


@pytest.fixture(scope="module")
def server() -> Iterator[Buckets]:
    with buckets_open() as opened:
        yield opened


@pytest.fixture
def bucket(server: Buckets) -> Iterator[Buckets]:
    server.reset()
    server.make("shop")
    with credentials(server.url):
        yield server


@pytest.fixture
def objects(bucket: Buckets) -> ObjectStore:
    return ObjectStore(SHOP)


@pytest.fixture
def ill(monkeypatch: pytest.MonkeyPatch) -> Iterator[IllHost]:
    monkeypatch.setattr(clouds, "RETRIES", 0)
    with ill_host() as host:
        yield host


class TestFolder(StoreSuite):
    root: Path

    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        self.root = tmp_path / "output"
        return open_store(self.root)

    def there(self) -> dict[str, bytes]:
        return {str(each.relative_to(self.root)): each.read_bytes() for each in self.root.rglob("*") if each.is_file()}

    def somebody_puts(self, path: str, content: bytes) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)

    def test_it_is_chosen_for_a_path(self, store: Store) -> None:
        assert isinstance(store, FolderStore)
        assert store.name == str(self.root)


class TestObjects(StoreSuite):
    bucket: Buckets

    @pytest.fixture
    def store(self, bucket: Buckets) -> Store:
        self.bucket = bucket
        return open_store(SHOP)

    def there(self) -> dict[str, bytes]:
        found = self.bucket.objects("shop")
        assert all(key.startswith("2026/spring/") for key in found)
        return {key.removeprefix("2026/spring/"): content for key, content in found.items()}

    def somebody_puts(self, path: str, content: bytes) -> None:
        self.bucket.put("shop", f"2026/spring/{path}", content)

    def test_it_is_chosen_for_an_address(self, store: Store) -> None:
        assert isinstance(store, ObjectStore)
        assert (store.name, store.free_bytes()) == ("s3://shop/2026/spring", None)

    def test_without_a_prefix_the_whole_bucket_is_the_root(self, bucket: Buckets) -> None:
        ObjectStore(ObjectAddress(scheme="s3", bucket="shop")).create("a.png", b"x")
        assert bucket.objects("shop") == {"a.png": b"x"}


# -- who writes first --------------------------------------------------------------------------------

def test_of_many_who_create_one_object_at_once_one_does_and_the_others_are_told(
        objects: ObjectStore, bucket: Buckets) -> None:
    told: list[str] = []
    together = threading.Barrier(8)

    def create(number: int) -> None:
        store = ObjectStore(SHOP)
        together.wait()
        try:
            store.create("a.png", f"picture {number}".encode())
            told.append(f"picture {number}")
        except FileExistsError:
            told.append("taken")

    workers = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    (winner,) = [each for each in told if each != "taken"]
    assert (told.count("taken"), objects.read("a.png")) == (7, winner.encode())


def test_what_was_exchanged_between_the_look_and_the_put_is_not_written_over(
        objects: ObjectStore, bucket: Buckets, monkeypatch: pytest.MonkeyPatch) -> None:
    objects.create("a.png", b"without a label")
    known = objects.digest("a.png")
    look = objects._version

    def exchanged(path: str) -> Any:
        seen = look(path)
        bucket.put("shop", "2026/spring/a.png", b"retouched just now")
        return seen

    monkeypatch.setattr(objects, "_version", exchanged)
    with pytest.raises(FileExistsError):
        objects.create("a.png", b"with a label", over=known)
    assert objects.read("a.png") == b"retouched just now"


@pytest.mark.parametrize("wrong", [{"size": 3, "e_tag": "same"}, {"size": 7, "e_tag": "other"}, None])
def test_what_is_not_there_as_it_was_put_is_noticed(
        objects: ObjectStore, monkeypatch: pytest.MonkeyPatch, wrong: Mapping[str, object] | None) -> None:
    monkeypatch.setattr(objects, "_put", lambda *_: {"e_tag": "same"})
    monkeypatch.setattr(objects, "_head", lambda _: wrong)
    with pytest.raises(StoreAway, match="not what was just put"):
        objects.create("a.png", b"picture")


# -- moves that are cut short -------------------------------------------------------------------------

def test_d9_a_move_cut_short_between_copy_and_deletion_is_completed_by_the_next(
        objects: ObjectStore, bucket: Buckets, monkeypatch: pytest.MonkeyPatch) -> None:
    objects.create("a.png", b"one")
    with monkeypatch.context() as patch:
        patch.setattr(objects, "remove", _raising(StoreAway("cut short")))
        with pytest.raises(StoreAway, match="cut short"):
            objects.move("a.png", "a.take1.png")
    assert set(bucket.objects("shop")) == {"2026/spring/a.png", "2026/spring/a.take1.png"}
    objects.move("a.png", free_name(objects, "a.png", "take", 1))
    assert bucket.objects("shop") == {"2026/spring/a.take1.png": b"one"}


def test_a_name_that_another_take_has_is_passed_over(objects: ObjectStore, bucket: Buckets) -> None:
    objects.create("a.take1.png", b"zero")
    objects.create("a.png", b"one")
    assert free_name(objects, "a.png", "take", 1) == "a.take2.png"


# -- an object store that does not let us, or is away -------------------------------------------------

CALLS: Sequence[tuple[str, Callable[[Store], object]]] = [
    ("check", lambda store: store.check_writable()), ("create", lambda store: store.create("a.png", b"x")),
    ("write", lambda store: store.write("a.png", b"x")), ("read", lambda store: store.read("a.png")),
    ("digest", lambda store: store.digest("a.png")), ("exists", lambda store: store.exists("a.png")),
    ("names", lambda store: store.names("a")), ("folders", lambda store: store.folders()),
    ("move", lambda store: store.move("a.png", "b.png")), ("remove", lambda store: store.remove("a.png")),
]


@pytest.mark.parametrize("call", [call for _, call in CALLS], ids=[name for name, _ in CALLS])
@pytest.mark.parametrize(("answer", "kind", "words"), [
    (Answer(403, "AccessDenied"), StoreRefused, "access is denied"),
    (Answer(403, "InvalidAccessKeyId"), StoreRefused, "access is denied|does not take the credentials"),
    (Answer(401), StoreRefused, "does not take the credentials"),
    (Answer(400, "AuthorizationHeaderMalformed"), StoreRefused, "refused"),
    (Answer(503, "SlowDown"), StoreAway, "answered 503"),
    (Answer(500), StoreAway, "answered 500"),
])
def test_whatever_is_asked_the_trouble_is_one_clear_line_without_a_secret(
        ill: IllHost, call: Callable[[Store], object], answer: Answer, kind: type[BatchTryonError], words: str) -> None:
    ill.answer = answer
    with pytest.raises(kind, match=words) as caught:
        call(ObjectStore(SHOP))
    said = str(caught.value)
    assert said.startswith("s3://shop/2026/spring")
    assert said.isprintable()
    assert not any(part in said for part in (SECRET, "AKIA", ill.url, "127.0.0.1"))
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_refused_is_a_matter_of_configuration_and_away_of_time() -> None:
    assert (StoreRefused.exit_code, StoreAway.exit_code) == (ExitCode.CONFIGURATION, ExitCode.TEMPORARY)
    assert (StoreRefused.rerun_helps, StoreAway.rerun_helps) == (False, True)


def test_a_bucket_that_is_not_there_is_told_before_a_run(bucket: Buckets) -> None:
    with pytest.raises(StoreRefused, match="s3://nothing/x: there is no such bucket"):
        ObjectStore(ObjectAddress(scheme="s3", bucket="nothing", prefix="x")).check_writable()


def test_a_store_that_says_nothing_is_left_after_its_time(ill: IllHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clouds, "REQUEST_SECONDS", 0.2)
    ill.answer = Answer(200, mute=True)
    with pytest.raises(StoreAway, match="did not answer in time"):
        ObjectStore(SHOP).create("a.png", b"x")


def test_a_store_that_nobody_listens_for_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clouds, "RETRIES", 0)
    with credentials("http://127.0.0.1:9"), pytest.raises(StoreAway, match="cannot be reached"):
        ObjectStore(SHOP).check_writable()


def test_a_short_illness_is_tried_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clouds, "RETRIES", 1)
    with ill_host() as host:
        host.answer = Answer(503, "SlowDown")
        with pytest.raises(StoreAway):
            ObjectStore(SHOP).exists("a.png")
        assert host.asked == ["HEAD", "HEAD"]


# -- credentials and endpoints ------------------------------------------------------------------------

def test_without_credentials_nothing_is_asked_of_the_network(bucket: Buckets) -> None:
    with credentials(bucket.url) as patch:
        patch.delenv("AWS_SECRET_ACCESS_KEY")
        with pytest.raises(ConfigurationError, match="There are no credentials for s3") as caught:
            ObjectStore(SHOP)
    assert "AKIA" not in str(caught.value)


def test_the_keys_of_a_profile_are_used(bucket: Buckets, tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text(
        "[default]\naws_access_key_id = wrong\n"
        f"[studio]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = {SECRET}%\n"
    )
    (tmp_path / "config").write_text("[profile studio]\nregion = eu-central-1\n")
    with credentials(bucket.url) as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
            patch.delenv(name)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
        patch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
        with pytest.raises(ConfigurationError, match="no credentials"):
            ObjectStore(SHOP)
        patch.setenv("AWS_PROFILE", "studio")
        store = ObjectStore(SHOP)
        store.create("a.png", b"x")
    assert store._client.config["region"] == "eu-central-1"
    assert bucket.objects("shop") == {"2026/spring/a.png": b"x"}


@pytest.mark.parametrize("endpoint", [
    "http://storage.example.com", "http://192.168.1.7:9000", "http://127.0.0.1.example.com", "storage.example.com",
    "http://[", f"https://me:{SECRET}@storage.example.com",
])
@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_plain_http_goes_to_this_machine_only(endpoint: str, name: str) -> None:
    with credentials("http://127.0.0.1:9") as patch:
        patch.setenv("AWS_ALLOW_HTTP", "true")
        patch.setenv(name, endpoint)
        with pytest.raises(ConfigurationError, match=rf"^{name}: .*https") as caught:
            ObjectStore(SHOP)
    assert SECRET not in str(caught.value)


def test_without_its_library_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *more: Any, **named: Any) -> Any:
        if name.partition(".")[0] == "obstore":
            raise ImportError(name)
        return real(name, *more, **named)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ConfigurationError, match=r"pip install 'batchtryon\[objects\]'"):
        open_store(SHOP)


def test_what_is_shown_of_a_store_holds_no_secret(objects: ObjectStore) -> None:
    assert repr(objects) == "ObjectStore(s3://shop/2026/spring)"


def _raising(error: Exception) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail
