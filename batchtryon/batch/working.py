"""A worker: takes part in the runs of a ledger that several processes share (``batchtryon worker``).

It never plans. A run that is on says by what settings its rows are submitted, and where their pictures go; a worker
joins it under the run's own number, and stops submitting when the run ends. What is paid for is finished whoever asked
for it.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from batchtryon.batch.accounts import Access
from batchtryon.batch.executing import Engine
from batchtryon.batch.remote import RemotePictures
from batchtryon.batch.witnesses import Witnesses, how_to_accept, place_of, witnessed
from batchtryon.buckets import ObjectAddress, is_object_address
from batchtryon.clock import Clock
from batchtryon.errors import ConfigurationError, ExitCode, LedgerAway, LedgerForgot
from batchtryon.executor.run import Message, Progress, Weight
from batchtryon.ledger.database import is_postgres
from batchtryon.ledger.identity import objections
from batchtryon.ledger.ledger import Ledger
from batchtryon.ledger.runs import OpenRun
from batchtryon.ledger.shared.crew import HEARTBEAT, Badge
from batchtryon.settings import Layer, OnUnknown, Settings
from batchtryon.store import open_store

__all__ = ["Worker", "run_settings", "settings_of"]

#: Seconds between two looks for work.
_LOOK = 1.0
#: Seconds to wait after something that another try may mend.
_REST = 30.0
#: What a run says of its settings, for the workers that join it.
_OF_THE_RUN = (
    "rate", "poll_rate", "concurrency", "max_credits", "keep_credits", "settle", "job_deadline", "max_attempts",
    "quarantine", "label", "shared",
)
_SECONDS = frozenset({"settle", "job_deadline"})
#: What only the user can mend: another worker would meet it too.
_GRAVE = frozenset({
    ExitCode.CONFIGURATION, ExitCode.LEDGER_UNUSABLE, ExitCode.DISK, ExitCode.UNEXPECTED, ExitCode.INTERRUPTED,
    ExitCode.TERMINATED,
})


def run_settings(settings: Settings) -> dict[str, Any]:
    """What a run keeps of its settings in the ledger: those by which workers join it, in the words of a user."""
    told: dict[str, Any] = {}
    for name in _OF_THE_RUN:
        value = getattr(settings, name)
        if isinstance(value, bool):
            told[name] = "yes" if value else "no"
        elif value is not None:
            told[name] = f"{value:g}s" if name in _SECONDS else value if isinstance(value, int) else str(value)
    return told


def settings_of(told: Mapping[str, Any], own: Settings, environment: Mapping[str, object]) -> Settings:
    """A worker's settings for a run: the run's where it says them, and its own for the rest."""
    nothing = Layer("", {})
    named = {name: str(told[name]) for name in _OF_THE_RUN if told.get(name) is not None}
    settings = Settings.from_layers(
        file=nothing, manifest=nothing, environment=Layer("the environment", environment),
        flags=Layer("the run", named),
    )
    # Whose answers were lost, the run asks the balance, for all workers.
    return replace(own, **{name: getattr(settings, name) for name in _OF_THE_RUN}, on_unknown=OnUnknown.HOLD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """One worker on a shared ledger."""

    ledger_url: str
    access: Access
    settings: Settings
    environment: Mapping[str, object]
    clock: Clock
    tell: Callable[[Message], None]
    #: Where outputs go, if not where the run says: the same place may have another path here.
    output: Path | ObjectAddress | None = None
    #: End when there is nothing to do; otherwise wait for more.
    until_idle: bool = False
    remote: RemotePictures = field(default_factory=RemotePictures)
    version: str = ""

    def work(self) -> ExitCode:
        """Take part until it is told to end. Raises :class:`ConfigurationError`, :class:`LedgerError` and kin."""
        if not is_postgres(self.ledger_url):
            raise ConfigurationError(
                "worker: only a ledger on PostgreSQL can be shared. Name it with --ledger "
                "postgresql://user@host/database."
            )
        with ExitStack() as stack:
            ledger = stack.enter_context(
                Ledger.for_work(self.ledger_url, self.clock, origin=self.access.origin, note="worker")
            )
            ledger.join(Badge.here("worker", self.version))
            self._say(f"Waiting for work on {ledger.name}." if not self.until_idle else f"At work on {ledger.name}.")
            return self._serve(ledger)

    def _serve(self, ledger: Ledger) -> ExitCode:
        worked = False
        while True:
            with _signals_heard() as told:
                code = self._wait_for_work(ledger, told, worked=worked)
            if code is not None:
                return code
            worked = True
            try:
                run = self._next(ledger)
                if run is None:
                    continue
                self._say(f"At work on {run.manifest}.")
                code = self._join(ledger, run)
            except LedgerAway as exc:
                self._warn(str(exc))
                code = exc.exit_code
            if code in _GRAVE:
                return code
            if code is not ExitCode.ALL_DONE:
                if self.until_idle:
                    return code
                with _signals_heard() as told:
                    code = told.wait(_REST)
                if code is not None:
                    return code

    def _wait_for_work(self, ledger: Ledger, told: _Told, *, worked: bool) -> ExitCode | None:
        """None once there is some; an exit code to end with. ``worked``: on a run before, which is over for it."""
        assert ledger.crew is not None
        beaten = self.clock.monotonic()
        while True:
            try:
                if worked:
                    # What it did not finish is anybody's now, its own too: it claims only what nobody has.
                    ledger.rejoin()
                    worked = False
                if self._next(ledger) is not None:
                    return None
                if self.until_idle and ledger.crew.is_idle():
                    return ExitCode.ALL_DONE
                if self.clock.monotonic() - beaten >= HEARTBEAT:
                    beaten = self.clock.monotonic()
                    ledger.crew.renew(doing="")
                    ledger.crew.strike_the_dead()
            except LedgerAway as exc:
                self._warn(f"{exc} Waiting for it.")
                if (code := told.wait(_REST)) is not None:
                    return code
                with suppress(LedgerAway):
                    ledger.rejoin()
                continue
            if (code := told.wait(_LOOK)) is not None:
                return code

    def _next(self, ledger: Ledger) -> OpenRun | None:
        """A run with something to do: one that is on, or any whose jobs nobody follows."""
        assert ledger.crew is not None
        for each in ledger.runs.open():
            if ledger.crew.remaining(each.key.manifest).waiting and not each.settings.get("no_submit"):
                return each
        return ledger.runs.latest() if ledger.crew.has_orphans() else None

    def _join(self, ledger: Ledger, run: OpenRun) -> ExitCode:
        assert ledger.crew is not None
        settings = settings_of(run.settings, self.settings, self.environment)
        output = self._output(run)
        ledger.crew.renew(doing=run.manifest)
        engine = Engine(
            access=self.access, clock=self.clock, store=open_store(output), settings=settings, tell=self.tell,
            rng=Random(), remote=self.remote, signals=True, no_submit=bool(run.settings.get("no_submit")),  # noqa: S311 - jitter
        )
        witnesses = Witnesses(
            place=place_of(self.ledger_url), output=output, origin=self.access.origin,
            key_fingerprint=self.access.keys.fingerprint, clock=self.clock,
        )
        self._require_same_account(ledger, witnesses)
        with witnessed(witnesses, ledger, self.ledger_url, self._warn):
            ended = engine.work(ledger, run.key, run.sync, goal=0, watch=lambda _: None)
        self._say(f"{run.manifest}: {_counts(ended.progress)}.")
        # A picture that could not be fetched is tried again after a rest.
        otherwise = ExitCode.TEMPORARY if ended.left_for_later else ExitCode.ALL_DONE
        return max(ended.stops, default=otherwise, key=lambda code: (code in _GRAVE, code))

    def _require_same_account(self, ledger: Ledger, witnesses: Witnesses) -> None:
        """The run's account, and a ledger that has forgotten nothing this machine knows of (``design/charges.md``)."""
        known = witnesses.evidence(ledger.identity)
        # Read after the witnesses: other workers move both, the ledger first.
        identity = ledger.identity
        if self.access.keys.fingerprint not in identity.accounts:
            raise ConfigurationError(
                f"{ledger.name} is used with another API key than this worker's, perhaps of another account. Give the "
                "worker the key that the run has."
            )
        told = objections(identity, known)
        if told:
            raise LedgerForgot(f"{told[0].text} {how_to_accept(told[0])}")

    def _output(self, run: OpenRun) -> Path | ObjectAddress:
        if self.output is not None:
            return self.output
        told = str(run.settings.get("output", ""))
        if is_object_address(told):
            return ObjectAddress.parse(told)
        if not told or not Path(told).is_dir():
            raise ConfigurationError(
                f"The pictures of {run.manifest} go to {told or 'an unknown place'}, which is not there on this "
                "machine. Name the same place with --output, or give the run an object store such as "
                "s3://bucket/prefix."
            )
        return Path(told)

    def _say(self, text: str) -> None:
        self.tell(Message(Weight.INFO, text))

    def _warn(self, text: str) -> None:
        self.tell(Message(Weight.WARNING, text))


def _counts(progress: Progress) -> str:
    return (f"{progress.done} rows done here, {progress.failed} failed, {progress.unknown} of unknown outcome; "
            f"{progress.submits} submits")


class _Told:
    """What a signal said while there was nothing to do."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._code: ExitCode | None = None

    def end(self, code: ExitCode) -> None:
        """End with that code."""
        self._code = code
        self._event.set()

    def wait(self, seconds: float) -> ExitCode | None:
        """The code to end with, if one was told within ``seconds``."""
        self._event.wait(seconds)
        return self._code


@contextmanager
def _signals_heard() -> Iterator[_Told]:
    told = _Told()
    codes = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}
    before = {number: signal.signal(number, lambda *_, code=code: told.end(code)) for number, code in codes.items()}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
