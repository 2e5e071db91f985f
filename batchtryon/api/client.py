"""The client of the TryItOn API: submit, status and credits over injected httpx clients.

A submit never raises for its outcome: it returns an :class:`~batchtryon.records.Answer` whose verdict
follows ``design/charges.md``, "Was it sent?". Status and credits cost nothing, so they raise. The key
stands in requests only: never in an exception, a repr or what is kept of an answer (fault K1).
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import metadata
from typing import Final, NoReturn
from urllib.parse import quote, quote_plus

import httpx

from batchtryon.api import wire
from batchtryon.api.transport import Exchange, SendAbandoned
from batchtryon.clock import Clock
from batchtryon.errors import AnswerLost, CallError, ConfigurationError, NotSent
from batchtryon.records import Answer, Balance, JobReport, Verdict
from batchtryon.tryon import KINDS

__all__ = ["KeyRing", "TryOnClient", "check_base_url"]

#: Shorter keys are not looked for in answers: they would match by chance.
_SHORTEST_HIDDEN: Final = 8


class KeyRing:
    """The API key, kept out of sight, and where to read it again when it was rotated.

    ``load`` reads the key from its file (``design/experience.md``, "Environment"); None if there is none.
    Raises :class:`ConfigurationError` for a key that no HTTP header could carry.
    """

    __slots__ = ("_keys", "_load")

    def __init__(self, key: str, load: Callable[[], str] | None = None) -> None:
        # Every key this process has had, the current one last: an old one is a secret too.
        self._keys = [_checked_key(key)]
        self._load = load

    def __repr__(self) -> str:
        return "KeyRing(hidden)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a KeyRing is not pickled or copied: the key stays in this process")

    @property
    def fingerprint(self) -> str:
        """A short hash that tells one key from another and does not give it away."""
        return hashlib.sha256(self.current().encode()).hexdigest()[:16]

    def current(self) -> str:
        """The key itself."""
        return self._keys[-1]

    def reread(self) -> bool:
        """Read the key again, after a 401. True if it is another one now; one that cannot be read changes nothing."""
        if self._load is None:
            return False
        try:
            key = _checked_key(self._load())
        except (OSError, ValueError, ConfigurationError):
            return False
        if key == self.current():
            return False
        self._keys.append(key)
        return True

    def hide(self, content: bytes) -> bytes:
        """``content`` without any key, for an answer or an error that repeats it."""
        for key in self._keys:
            if len(key) >= _SHORTEST_HIDDEN:
                for form in _forms(key):
                    content = content.replace(form, b"[key]")
        return content


def check_base_url(url: str) -> str:
    """The API's address without a trailing slash.

    Raises :class:`ConfigurationError` unless it is https (plain http only to this machine), names a host,
    and holds no credentials, query or fragment.
    """
    try:
        parsed = httpx.URL(url.strip())
    except httpx.InvalidURL as exc:
        # What it says may hold a part of a password.
        raise ConfigurationError("The API's address is not a URL. Write it as https://host/path.") from exc
    if parsed.userinfo:
        raise ConfigurationError("The API's address holds a user name or password. Remove it; the key is given apart.")
    shown = wire.clean_text(url, 200)
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise ConfigurationError(f"The API's address '{shown}' is not a full URL. Write it as https://host/path.")
    if parsed.scheme == "http" and not _is_loopback(parsed.host):
        raise ConfigurationError(f"The API's address '{shown}' would send the key unencrypted. Use https://.")
    if "?" in url or "#" in url:
        raise ConfigurationError(f"The API's address '{shown}' has a query or fragment. Leave out '?' and '#'.")
    return str(parsed).rstrip("/")


class TryOnClient:
    """The three calls of the API.

    ``submits`` should run over :func:`~batchtryon.api.transport.submit_transport`, ``reads`` over
    :func:`~batchtryon.api.reads.read_transport`; the caller closes both. ``paths`` maps a kind to a
    path that replaces the table's. ``abandon_after`` is how many seconds of boot time may pass between the
    ``sending`` mark and the first byte; ``read_timeout`` bounds a status or credits call in seconds.
    Raises :class:`ConfigurationError` for a ``base_url`` that :func:`check_base_url` refuses.
    """

    def __init__(self, *, base_url: str, keys: KeyRing, submits: httpx.AsyncClient, reads: httpx.AsyncClient,
                 clock: Clock, paths: Mapping[str, str], abandon_after: float = 5.0,
                 read_timeout: float = 30.0) -> None:
        self._base = check_base_url(base_url)
        self._keys = keys
        self._submits = submits
        self._reads = reads
        self._clock = clock
        self._paths = paths
        self._abandon_after = abandon_after
        self._read_timeout = read_timeout

    async def submit(self, kind: str, body: bytes, *, sent_mark: float,
                     timeout: float,  # noqa: ASYNC109 - the deadline is part of the attempt in the ledger
                     on_leaving: Callable[[], None] | None = None) -> Answer:
        """POST one job and say what came of it; an outcome is never raised.

        ``sent_mark`` is the :meth:`Clock.monotonic` second of the ledger's ``sending`` mark, ``timeout``
        the seconds for everything together. ``on_leaving`` is called just before the first byte leaves
        (again if a 401 made it try with a rotated key): a caller that cancels this call, the only thing
        it raises for, knows from it whether the outcome is unknown.
        """
        exchange = Exchange(lambda: self._pass_gate(sent_mark, on_leaving))
        url = self._base + (self._paths[kind] if kind in self._paths else KINDS[kind].path)
        try:
            async with asyncio.timeout(timeout):
                await self._perform(exchange, self._submits, lambda: self._post(url, body, timeout))
        except Exception as exc:  # noqa: BLE001 - whatever broke it, a POST that may be paid for is never lost
            return self._broken_off(exchange, exc)
        return self._read_submit(exchange)

    async def status(self, job_id: str) -> JobReport:
        """What the API says of a job. Raises NotSent, Refused (``NotFound``: not known) or AnswerLost."""
        got, status = await self._get(f"/status/{quote(job_id, safe='')}")
        return wire.read_status(status, got.headers, self._keys.hide(got.body), now=self._clock.now())

    async def credits(self) -> Balance:
        """The account's balance. Raises NotSent, Refused or AnswerLost."""
        got, status = await self._get("/credits")
        return wire.read_credits(status, got.headers, self._keys.hide(got.body), now=self._clock.now())

    @property
    def key_fingerprint(self) -> str:
        """Hash of the key in use, from which the key cannot be told."""
        return self._keys.fingerprint

    def _pass_gate(self, sent_mark: float, on_leaving: Callable[[], None] | None) -> None:
        late = self._clock.monotonic() - sent_mark
        if late > self._abandon_after:
            raise SendAbandoned(f"{late:.1f} s passed between the decision to send and the first byte")
        if on_leaving is not None:
            on_leaving()

    async def _perform(self, exchange: Exchange, client: httpx.AsyncClient,
                       request: Callable[[], httpx.Request]) -> None:
        used = self._keys.current()
        await exchange.run(client, request())
        # A 401 is free. Another call may have read the rotated key already.
        if exchange.status == 401 and (self._keys.current() != used or self._keys.reread()):
            await exchange.run(client, request())

    def _post(self, url: str, body: bytes, timeout: float) -> httpx.Request:
        # A connection slower than the gate allows would be abandoned there; this names it better.
        limits = httpx.Timeout(timeout, connect=min(timeout, self._abandon_after))
        headers = {**self._headers(), "Content-Type": "application/json", "Connection": "close"}
        return self._submits.build_request("POST", url, content=body, headers=headers, timeout=limits)

    async def _get(self, path: str) -> tuple[Exchange, int]:
        exchange = Exchange()
        limits = httpx.Timeout(self._read_timeout)
        try:
            async with asyncio.timeout(self._read_timeout):
                await self._perform(exchange, self._reads, lambda: self._reads.build_request(
                    "GET", self._base + path, headers=self._headers(), timeout=limits))
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError, ValueError) as exc:
            # httpx looks at a Location even where it does not follow it, and may not like what it reads.
            raise self._call_error(exchange, exc) from exc
        assert exchange.status is not None
        return exchange, exchange.status

    def _headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self._keys.current()}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": _USER_AGENT,
        }

    def _read_submit(self, exchange: Exchange) -> Answer:
        assert exchange.status is not None
        return wire.read_submit(exchange.status, exchange.headers, self._keys.hide(exchange.body),
                                now=self._clock.now())

    def _broken_off(self, exchange: Exchange, exc: Exception) -> Answer:
        broken = self._call_error(exchange, exc)
        if exchange.status is None:
            verdict = Verdict.UNKNOWN if exchange.left else Verdict.UNSENT
            return Answer(verdict=verdict, name=broken.name, message=str(broken))
        # The head of an answer arrived, perhaps all that matters of its body.
        answer = self._read_submit(exchange)
        if answer.verdict is Verdict.UNKNOWN:
            return replace(answer, name=broken.name, message=str(broken))
        return answer

    def _call_error(self, exchange: Exchange, exc: Exception) -> CallError:
        reason = wire.clean_text(self._keys.hide(_reason(exc).encode(errors="replace")).decode(), 200)
        if exchange.left:
            return AnswerLost(f"The request may have left, and no whole answer came: {reason}.", name=_name(exc),
                              http_status=exchange.status, raw=self._keys.hide(exchange.body)[: wire.RAW_KEPT])
        return NotSent(f"The request was not sent: {reason}.", name=_name(exc))


def _forms(key: str) -> set[bytes]:
    """The ways in which an answer may write a key: as it is, as JSON may escape it, as an address does."""
    escaped = json.dumps(key)[1:-1]
    return {form.encode() for form in (key, escaped, escaped.replace("/", "\\/"), quote(key, safe=""), quote_plus(key))}


def _checked_key(key: str) -> str:
    stripped = key.strip()
    if not re.fullmatch(r"[!-~]{1,1000}", stripped):
        raise ConfigurationError("The API key is empty, or has spaces, line breaks or letters that no key has. "
                                 "Copy it again from your TryItOn account.")
    return stripped


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _name(exc: Exception) -> str:
    match exc:
        case SendAbandoned():
            return "Paused"
        case TimeoutError():
            return "Timeout"
        case _:
            return type(exc).__name__


def _reason(exc: Exception) -> str:
    # The innermost text says it best: "Connection refused" rather than "All connection attempts failed".
    cause: BaseException = exc
    while cause.__cause__ is not None and not isinstance(cause.__cause__, BaseExceptionGroup):
        cause = cause.__cause__
    return str(cause).rstrip(".") or ("it took too long" if isinstance(exc, TimeoutError) else type(exc).__name__)


def _read_version() -> str:
    try:
        return metadata.version("batchtryon")
    except metadata.PackageNotFoundError:
        return "unpackaged"


_USER_AGENT: Final = f"batchtryon/{_read_version()}"
