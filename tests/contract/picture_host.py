"""A shop's picture host on this machine, whose pictures a test changes; it remembers who asked for what."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from PIL import Image, ImageOps

__all__ = ["Asked", "Lying", "PictureHost", "a_picture", "open_host"]


def a_picture(colour: str, size: tuple[int, int] = (320, 400)) -> bytes:
    """The bytes of a picture in one colour from dark to bright, of which nothing is to be remarked."""
    made = io.BytesIO()
    shades = Image.linear_gradient("L").resize(size)
    ImageOps.colorize(shades, "black", colour).save(made, "PNG")
    return made.getvalue()


@dataclass(frozen=True, slots=True)
class Lying:
    """What lies at an address."""

    content: bytes
    etag: str | None = None
    last_modified: str | None = None
    status: int = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, and what it was answered with."""

    path: str
    status: int


class PictureHost:
    """Answers every path in :attr:`pictures`, whatever its query; others are not there."""

    def __init__(self, port: int) -> None:
        self.port = port
        #: By path, without the query, or with it where that matters.
        self.pictures: dict[str, Lying] = {}
        self.asked: list[Asked] = []
        self.headers: list[str] = []

    def at(self, path: str) -> str:
        """The address of a path."""
        return f"http://127.0.0.1:{self.port}{path}"

    def fetched(self) -> list[str]:
        """The paths whose bytes were sent since this was last called."""
        paths = [each.path for each in self.asked if each.status == 200]
        self.asked.clear()
        return paths

    def answer(self, path: str, headers: dict[str, str]) -> tuple[Lying, bool]:
        """What lies there, and whether it is what the headers tell of."""
        lying = self.pictures.get(path) or self.pictures.get(path.split("?", maxsplit=1)[0]) or Lying(b"", status=404)
        told = headers.get("if-none-match"), headers.get("if-modified-since")
        same = told[0] == lying.etag if lying.etag and told[0] else bool(told[1]) and told[1] == lying.last_modified
        return lying, same and lying.status == 200


@contextmanager
def open_host() -> Iterator[PictureHost]:
    """A host that serves while the context is open."""
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            lying, same = host.answer(self.path, {name.lower(): value for name, value in self.headers.items()})
            host.headers.append(str(self.headers))
            status = 304 if same else lying.status
            host.asked.append(Asked(self.path, status))
            self.send_response(status)
            for name, value in (("ETag", lying.etag), ("Last-Modified", lying.last_modified)):
                if value is not None:
                    self.send_header(name, value)
            content = b"" if same else lying.content
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the library's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    host = PictureHost(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
