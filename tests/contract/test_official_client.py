"""The official Python SDK, unchanged, against the sandbox: what it can do with the real API it can do here."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator

import httpx
import pytest
from PIL import Image
from tryiton import TryItOn, TryItOnError  # type: ignore[import-untyped]  # the SDK ships no types

from batchtryon.sandbox.fault_file import parse_faults
from batchtryon.sandbox.server import SandboxServer
from batchtryon.sandbox.world import World
from tests.contract.sandbox_desk import WIDE

PERSON = "https://pictures.example.com/anna.jpg"
GARMENT = "data:image/png;base64,iVBORw0KGgo="


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer(World(monotonic=time.monotonic, speed=1000.0, limits=WIDE, subscription=3, credits=500)) as own:
        yield own


@pytest.fixture
def client(sandbox: SandboxServer) -> Iterator[TryItOn]:
    own = TryItOn(api_key=sandbox.key, base_url=sandbox.base_url, timeout=10)
    own._session.trust_env = False
    yield own
    own._session.close()


def finished(client: TryItOn, job_id: str) -> list[str]:
    urls = client.wait_for_result(job_id, poll_interval=0.005, timeout=10)
    assert isinstance(urls, list)
    return urls


def test_clothes_with_every_option(client: TryItOn) -> None:
    job_id = client.try_on_clothes(
        model_image=PERSON, garment_image=GARMENT, category="clothing", subcategory="tops", mode="quality",
        num_samples=3, output_format="jpeg", moderation_level="permissive")
    urls = finished(client, job_id)
    assert len(urls) == 3
    with Image.open(io.BytesIO(httpx.get(urls[2], trust_env=False).content)) as image:
        assert (image.format, image.size) == ("JPEG", (864, 1296))


def test_clothes_with_as_little_as_can_be(client: TryItOn) -> None:
    assert len(finished(client, client.try_on_clothes(model_image=PERSON, garment_image=GARMENT))) == 1


def test_a_hairstyle(client: TryItOn) -> None:
    job_id = client.try_on_hairstyle(face_image=PERSON, haircut="BobCut", hair_color="ash blond", num_samples=2,
                                     output_format="png")
    assert len(finished(client, job_id)) == 2


def test_a_tattoo(client: TryItOn) -> None:
    job_id = client.try_on_tattoo(body_image=PERSON, design_image=GARMENT, placement="small, left arm",
                                  region={"x": 0.1, "y": 0.2, "w": 0.3, "h": 0.1}, num_samples=1, output_format="png")
    assert len(finished(client, job_id)) == 1


def test_the_status_of_a_job(client: TryItOn) -> None:
    job_id = client.try_on_clothes(model_image=PERSON, garment_image=GARMENT)
    assert client.get_status(job_id).status in {"processing", "completed"}
    urls = finished(client, job_id)
    status = client.get_status(job_id)
    assert (status.status, status.output, status.error) == ("completed", urls, None)


def test_the_balance(client: TryItOn) -> None:
    before = client.get_credits()
    finished(client, client.try_on_clothes(model_image=PERSON, garment_image=GARMENT, num_samples=4))
    after = client.get_credits()
    assert (after.on_demand, after.reserved) == (before.on_demand - 4, 0)
    assert after.on_demand == after.subscription + after.purchased


@pytest.mark.parametrize(("body", "status", "name"), [
    ({"model_image": "no picture", "garment_image": GARMENT}, 400, "BadRequest"),
    ({"model_image": PERSON, "garment_image": GARMENT, "num_samples": 9}, 400, "BadRequest"),
    ({"model_image": PERSON, "garment_image": GARMENT, "category": "clothing"}, 400, "BadRequest"),
])
def test_its_errors_have_status_name_and_message(
    client: TryItOn, body: dict[str, object], status: int, name: str,
) -> None:
    with pytest.raises(TryItOnError) as caught:
        client.try_on_clothes(**body)
    assert (caught.value.status, caught.value.error_name) == (status, name)
    assert str(caught.value) != f"HTTP {status}"


def test_a_job_nobody_knows(client: TryItOn) -> None:
    with pytest.raises(TryItOnError) as caught:
        client.get_status("64b7f1a9d9a3b8e5c7f9a123")
    assert (caught.value.status, caught.value.error_name) == (404, "NotFound")


def test_a_wrong_key(client: TryItOn) -> None:
    client.api_key = "wrong"
    with pytest.raises(TryItOnError) as caught:
        client.get_credits()
    assert (caught.value.status, caught.value.error_name) == (401, "UnauthorizedAccess")


def test_a_failing_job_and_a_cut_connection() -> None:
    plan = parse_faults("""
        - {call: submit, fault: job-fails, at: 1, name: PoseError, message: No person was found.}
        - {call: submit, fault: cut, at: 2}
        """)
    world = World(monotonic=time.monotonic, speed=1000.0, limits=WIDE)
    with SandboxServer(world, plan=plan) as server:
        client = TryItOn(api_key=server.key, base_url=server.base_url)
        client._session.trust_env = False
        with client._session:
            job_id = client.try_on_clothes(model_image=PERSON, garment_image=GARMENT)
            with pytest.raises(TryItOnError, match=r"No person was found\.") as failed:
                finished(client, job_id)
            with pytest.raises(TryItOnError) as cut:
                client.try_on_clothes(model_image=PERSON, garment_image=GARMENT)
    assert (failed.value.error_name, cut.value.error_name) == ("PoseError", "NetworkError")
