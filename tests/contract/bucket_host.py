"""Buckets on this machine: moto's server, and one that is ill in a chosen way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

__all__ = ["SECRET", "Answer", "Buckets", "IllHost", "buckets_open", "credentials", "ill_host"]

SECRET = "the-secret-that-nobody-may-see"


@dataclass(frozen=True, slots=True)
class Buckets:
    """The server's buckets, looked at from outside."""

    url: str
    #: Another client than the one under test.
    client: Any

    def reset(self) -> None:
        httpx.post(f"{self.url}/moto-api/reset", trust_env=False).raise_for_status()

    def make(self, name: str) -> None:
        self.client.create_bucket(Bucket=name)

    def put(self, bucket: str, key: str, content: bytes) -> None:
        self.client.put_object(Bucket=bucket, Key=key, Body=content)

    def delete(self, bucket: str, key: str) -> None:
        self.client.delete_object(Bucket=bucket, Key=key)

    def objects(self, bucket: str) -> dict[str, bytes]:
        """Everything in it, by key."""
        keys = [each["Key"] for each in self.client.list_objects_v2(Bucket=bucket).get("Contents", [])]
        return {key: self.client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


@contextmanager
def buckets_open() -> Iterator[Buckets]:
    """A server without a bucket; the environment's credentials are for it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    try:
        with credentials(url):
            session = boto3.Session("AKIAOUTSIDE", "outside", region_name="us-east-1")
            client = session.client("s3", endpoint_url=url)
            try:
                opened = Buckets(url, client)
                opened.reset()
                yield opened
            finally:
                client.close()
    finally:
        server.stop()


@contextmanager
def credentials(url: str) -> Iterator[pytest.MonkeyPatch]:
    """An environment with keys, and with the address as S3's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        patch.setenv("AWS_ENDPOINT_URL", url)
        patch.setenv("AWS_REGION", "us-east-1")
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere/credentials")
        patch.setenv("AWS_CONFIG_FILE", "/nowhere/config")
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "AWS_WEB_IDENTITY_TOKEN_FILE"):
            patch.delenv(name, raising=False)
        yield patch


@dataclass(frozen=True, slots=True)
class Answer:
    """What an ill host says to every request."""

    status: int
    code: str = ""
    #: It says nothing at all until the test is over.
    mute: bool = False


@dataclass(slots=True)
class IllHost:
    """A host that answers as it is told, and counts."""

    url: str = ""
    answer: Answer = Answer(500)
    asked: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def ill_host() -> Iterator[IllHost]:
    """Open one; the environment's credentials are for it."""
    told = IllHost()

    class Handler(BaseHTTPRequestHandler):
        def _say(self) -> None:
            told.asked.append(self.command)
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if told.answer.mute:
                told.over.wait(30)
                return
            body = f"<Error><Code>{told.answer.code}</Code></Error>".encode()
            self.send_response(told.answer.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _say  # noqa: N815 -- names that http.server looks for

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        with credentials(told.url):
            yield told
    finally:
        told.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
