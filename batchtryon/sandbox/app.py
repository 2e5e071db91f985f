"""The sandbox over HTTP: the API below ``/api/v1``, the outputs below ``/outputs``.

Only translates: requests into calls of a :class:`~batchtryon.sandbox.front.Front`, deliveries into answers.
"""

from __future__ import annotations

import asyncio
import json
import time
from email.utils import formatdate
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from batchtryon.sandbox.cable import Shipment
from batchtryon.sandbox.front import Delivery, Front
from batchtryon.sandbox.jobs import OutputFile
from batchtryon.sandbox.pictures import MEDIA_TYPES, Album
from batchtryon.sandbox.replies import refusal_reply

__all__ = ["API_PATH", "MAX_BODY", "OUTPUTS_PATH", "create_app"]

API_PATH = "/api/v1"
OUTPUTS_PATH = "/outputs"
#: Bytes of a request's body that are taken.
MAX_BODY = 32 * 1024 * 1024


class _BodyTooLarge(Exception):
    """The request is answered with 413, as a proxy does; the API never sees it."""


def create_app(front: Front, *, album: Album | None = None) -> Starlette:
    """The ASGI application on ``front``. Cuts and truncation need the server of this package."""
    handlers = _Handlers(front, album or Album())
    routes = [
        Route(f"{API_PATH}/tryon/{{path}}", handlers.submit, methods=["POST"]),
        Route(f"{API_PATH}/status/{{job_id}}", handlers.status, methods=["GET"]),
        Route(f"{API_PATH}/credits", handlers.credits, methods=["GET"]),
        Route(f"{OUTPUTS_PATH}/{{job_id}}/{{name}}", handlers.output, methods=["GET"]),
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _no_such_route, _BodyTooLarge: _too_large})
    app.router.redirect_slashes = False
    return app


class _Handlers:
    def __init__(self, front: Front, album: Album) -> None:
        self._front = front
        self._album = album

    async def submit(self, request: Request) -> ASGIApp:
        body = await _read(request)
        await self._travel()
        return await self._ship(self._front.submit(_key(request), request.path_params["path"], body))

    async def status(self, request: Request) -> ASGIApp:
        await self._travel()
        return await self._ship(self._front.status(_key(request), request.path_params["job_id"]))

    async def credits(self, request: Request) -> ASGIApp:
        await self._travel()
        return await self._ship(self._front.credits(_key(request)))

    async def output(self, request: Request) -> ASGIApp:
        await self._travel()
        return await self._ship(self._front.output(request.path_params["job_id"], request.path_params["name"]))

    async def _travel(self) -> None:
        delay = self._front.delay()
        if delay > 0:
            await asyncio.sleep(delay)

    async def _ship(self, delivery: Delivery) -> Shipment:
        body, usual_type = await self._pack(delivery)
        await self._travel()
        headers = {"Content-Type": delivery.content_type or usual_type, "Content-Length": str(len(body)),
                   **delivery.headers}
        if delivery.retry_after_date is not None:
            headers["Retry-After"] = formatdate(time.time() + delivery.retry_after_date, usegmt=True)
        return Shipment(delivery.status, headers, body, ending=delivery.ending, seconds=delivery.seconds,
                        reset=delivery.reset)

    async def _pack(self, delivery: Delivery) -> tuple[bytes, str]:
        content = delivery.content
        if isinstance(content, OutputFile):
            return await asyncio.to_thread(self._album.get, content), MEDIA_TYPES[content.format]
        if isinstance(content, bytes):
            return content, "application/octet-stream"
        return json.dumps(content).encode(), "application/json"


async def _read(request: Request) -> object:
    """The parsed JSON of the body; None if it is none."""
    data = bytearray()
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size <= MAX_BODY:
            data += piece
    # Answered only after the whole body was taken: a client that is still sending may not listen yet.
    if size > MAX_BODY:
        raise _BodyTooLarge
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _key(request: Request) -> str | None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.casefold() == "bearer" else None


async def _no_such_route(_request: Request, exc: Exception) -> Response:
    if isinstance(exc, HTTPException) and exc.status_code != HTTPStatus.NOT_FOUND:
        name, message = "MethodNotAllowed", "This address takes another method."
        return JSONResponse({"error": name, "message": message}, exc.status_code, headers=exc.headers)
    reply = refusal_reply("NotFound")
    return JSONResponse(reply.body, reply.status)


async def _too_large(_request: Request, _exc: Exception) -> Response:
    body = {"error": "PayloadTooLarge", "message": f"The body is larger than {MAX_BODY} bytes."}
    return JSONResponse(body, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
