"""What the sandbox answers: a status, a JSON body, and the documented errors by name.

The statuses and bodies are those of ``api/tryiton.md``, "Errors before a job exists".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

__all__ = ["API_ERRORS", "Call", "Refusal", "Reply", "refusal_reply"]


class Call(StrEnum):
    """The calls a client can make. Outputs are plain downloads and need no key."""

    SUBMIT = "submit"
    STATUS = "status"
    CREDITS = "credits"
    OUTPUT = "output"


#: HTTP status and sentence of each documented error.
API_ERRORS: Mapping[str, tuple[int, str]] = MappingProxyType({
    "BadRequest": (400, "A parameter is malformed or missing."),
    "UnauthorizedAccess": (401, "The API key is missing or not valid."),
    "NotFound": (404, "Nothing is known at this address."),
    "RateLimitExceeded": (429, "Too many requests in the window."),
    "ConcurrencyLimitExceeded": (429, "Too many jobs are processing."),
    "OutOfCredits": (429, "The balance does not cover this request."),
    "InternalServerError": (500, "Something went wrong on the server."),
})


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the API before it is put on the wire."""

    status: int
    body: dict[str, Any]

    @property
    def error(self) -> str | None:
        """The error's name, or None for a success."""
        return self.body.get("error") if self.status >= 400 else None


class Refusal(Exception):
    """The API says no: ``name`` is one of :data:`API_ERRORS`. Caught by the world, never seen outside."""

    def __init__(self, name: str, message: str | None = None) -> None:
        super().__init__(message or API_ERRORS[name][1])
        self.name = name

    @property
    def reply(self) -> Reply:
        """The answer that says so."""
        return refusal_reply(self.name, str(self))


def refusal_reply(name: str, message: str | None = None) -> Reply:
    """The documented body and status of the error ``name``, with its own sentence unless one is given."""
    status, sentence = API_ERRORS[name]
    return Reply(status, {"error": name, "message": message or sentence})
