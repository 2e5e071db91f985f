"""Bugs that a careful programmer could still write, planted one at a time to see the simulation find each.

A harness that cannot fail proves nothing. Each bug is a small patch of the client's side, in force while its
context is open; ``within`` is the number of seeds, from 0 on, in which the judge must have found it, and
``seed`` one at which it was, to be tried first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any, cast
from unittest.mock import patch

from sqlalchemy import select

from batchtryon.api.client import TryOnClient
from batchtryon.executor import bookkeeping, following, reconciler, submitting
from batchtryon.executor.bookkeeping import Bookkeeper
from batchtryon.executor.delivery import Courier
from batchtryon.executor.pollwindow import PollWindow
from batchtryon.executor.reconciler import Reconciler
from batchtryon.ledger import jobs as job_books
from batchtryon.ledger import restoring
from batchtryon.ledger.attempts import Attempts, Heard
from batchtryon.ledger.jobs import Ended, Jobs
from batchtryon.ledger.permits import Denied, PermitBook
from batchtryon.ledger.reconciliation import Reconciliation, Since
from batchtryon.ledger.tables import attempts, items, jobs
from batchtryon.polling import PollPlanner
from batchtryon.reconcile import Finding, Interval, Patience, Reading
from batchtryon.records import Answer, Attempt, AttemptOutcome, Delivery, Job, JobOutcome, Output, Verdict
from batchtryon.states import AttemptEvent, AttemptState, ItemEvent, ItemState, JobEvent, JobState
from tests.simulation.night import Night

__all__ = ["BUGS", "Bug"]


def _troubled(*needed: set[str]) -> Callable[[Night], bool]:
    """Nights with at least one trouble of each of these sets, in which no promise is broken."""
    return lambda night: night.broken is None and all(names & set(night.troubles) for names in needed)


_LOST = {"lost answers", "late acceptance", "nothing happened"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug:
    """One planted bug."""

    name: str
    plant: Callable[[], AbstractContextManager[Any]]
    within: int
    seed: int
    #: Which nights can show it at all; the others are not played.
    fits: Callable[[Night], bool] = lambda _: True


def _replaced(owner: Any, name: str, value: Any) -> Callable[[], AbstractContextManager[Any]]:
    return lambda: patch.object(owner, name, value)


def _around(owner: Any, name: str, make: Callable[[Any], Any]) -> Callable[[], AbstractContextManager[Any]]:
    """Put ``make(original)`` in the place of a function."""
    return lambda: patch.object(owner, name, make(getattr(owner, name)))


def _all(*plants: Callable[[], AbstractContextManager[Any]]) -> Callable[[], AbstractContextManager[Any]]:
    @contextmanager
    def planted() -> Iterator[None]:
        if not plants:
            yield
            return
        with plants[0](), _all(*plants[1:])():
            yield

    return planted


# -- the permit and the intent -------------------------------------------------------------------------


def _intent_after_send() -> AbstractContextManager[Any]:
    """What is written before the send is that nothing was sent; the truth only comes with the answer."""
    take, record = Attempts.take_permits, Attempts.record_answers

    def write(self: Attempts, attempt: Attempt, state: AttemptState, item: ItemState) -> None:
        with self._database.transaction() as connection:
            connection.execute(attempts.update().where(attempts.c.seq == attempt.seq).values(state=state))
            connection.execute(items.update().where(items.c.id == attempt.item_id).values(state=item))

    def take_permits(self: Attempts, *given: Any) -> Any:
        granted = take(self, *given)
        for attempt in granted.attempts:
            if attempt is not None:
                write(self, attempt, AttemptState.UNSENT, ItemState.PENDING)
        return granted

    def record_answers(self: Attempts, heard: Sequence[Heard]) -> Any:
        for each in heard:
            write(self, each.attempt, AttemptState.SENDING, ItemState.SUBMITTING)
        return record(self, heard)

    return patch.multiple(Attempts, take_permits=take_permits, record_answers=record_answers)


def _two_commits() -> AbstractContextManager[Any]:
    """An accepted answer is written as answered first, and with its job in a second commit."""
    record = Attempts.record_answers

    def write(self: Attempts, attempt: Attempt, item: ItemState, **values: Any) -> None:
        with self._database.transaction() as connection:
            connection.execute(attempts.update().where(attempts.c.seq == attempt.seq).values(**values))
            connection.execute(items.update().where(items.c.id == attempt.item_id).values(state=item))

    def record_answers(self: Attempts, heard: Sequence[Heard]) -> Any:
        for each in heard:
            if each.outcome.attempt is AttemptEvent.ACCEPTED:
                write(self, each.attempt, ItemState.PENDING, state=AttemptState.REFUSED, counted=0)
                write(self, each.attempt, ItemState.SUBMITTING, state=AttemptState.SENDING)
        return record(self, heard)

    return patch.object(Attempts, "record_answers", record_answers)


def _window_by_grant_time(answered: Any) -> Any:
    def by_grant(self: PermitBook, seq: int, now: float) -> None:
        granted_at = self._window[seq] - self.rules.queue - self._span - 60.0
        answered(self, seq, now)
        self._window[seq] = min(self._window[seq], granted_at + self.rules.rate.seconds)

    return by_grant


def _window_empty_for_unknowns(unknown: Any) -> Any:
    def forget(self: PermitBook, seq: int, deadline: float) -> None:
        unknown(self, seq, deadline)
        self._window.pop(seq, None)

    return forget


def _unknown_not_counted(record: Any) -> Any:
    def record_answers(self: Attempts, heard: Sequence[Heard]) -> Any:
        told = record(self, heard)
        for each in heard:
            if each.outcome.attempt is AttemptEvent.ANSWER_LOST:
                self.book.counted -= each.attempt.credits
                with self._database.transaction() as connection:
                    connection.execute(attempts.update().where(attempts.c.seq == each.attempt.seq).values(counted=0))
        return told

    return record_answers


def _given_back_twice(freed: Any) -> Any:
    def twice(self: PermitBook, seq: int) -> None:
        self.counted -= self._own.get(seq, 0)
        freed(self, seq)

    return twice


def _cost_forgotten(ask: Any) -> Any:
    return lambda self, now, cost, **more: ask(self, now, 1 if self.rules.keep_credits is None else cost, **more)


# -- was it sent? ----------------------------------------------------------------------------------------


def _floor_forgotten(ask: Any) -> Any:
    def asked(self: PermitBook, now: float, cost: int, **more: int) -> Denied | None:
        rules, self.rules = self.rules, replace(self.rules, keep_credits=None)
        try:
            denied: Denied | None = ask(self, now, cost, **more)
            return denied
        finally:
            self.rules = rules

    return asked


def _taken_for_unsent(which: Callable[[Answer], bool]) -> Callable[[Any], Any]:
    def make(after: Any) -> Any:
        def after_answer(answer: Answer) -> AttemptOutcome:
            if answer.verdict is Verdict.UNKNOWN and which(answer):
                return AttemptOutcome(attempt=AttemptEvent.UNSENT, item=ItemEvent.RETURNED)
            outcome: AttemptOutcome = after(answer)
            return outcome

        return after_answer

    return make


def _sent_again(submit: Any) -> Any:
    async def submit_twice(self: TryOnClient, *given: Any, **more: Any) -> Answer:
        answer: Answer = await submit(self, *given, **more)
        if answer.verdict is Verdict.UNKNOWN:
            again: Answer = await submit(self, *given, **more)
            return again
        return answer

    return submit_twice


def _dead_means_unsent(_left: Any) -> Any:
    return lambda *, marked: Answer(verdict=Verdict.UNSENT, name="Crashed", message=f"marked: {marked}")


def _id_cut_off(record: Any) -> Any:
    """The column is too short for a job's id."""
    def cut(heard: Heard) -> Heard:
        if heard.outcome.attempt is not AttemptEvent.ACCEPTED:
            return heard
        return replace(heard, answer=replace(heard.answer, job_id=str(heard.answer.job_id)[:12]))

    return lambda self, heard: record(self, [cut(each) for each in heard])


# -- jobs and pictures -------------------------------------------------------------------------------------


def _given_up_and_again(_outcome: JobOutcome) -> JobOutcome:
    return JobOutcome(job=_outcome.job, item=ItemEvent.FAILED_FOR_NOW, error_name=_outcome.error_name,
                      error_message=_outcome.error_message)


def _vanished_is_free(after: Any) -> Any:
    return lambda: _given_up_and_again(after())


def _expired_again(record: Any) -> Any:
    def record_gone(self: Jobs, output: Output, **more: Any) -> None:
        record(self, output, **more)
        with self._database.transaction() as connection:
            connection.execute(items.update().where(items.c.id == output.item_id, items.c.state == ItemState.EXPIRED)
                               .values(state=ItemState.PENDING))

    return record_gone


class _Dry:
    """A store that writes nothing yet."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.wanted: list[tuple[str, bytes]] = []

    def write(self, path: str, content: bytes) -> None:
        self.wanted.append((path, content))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def _saved_before_written(deliver: Any) -> Any:
    async def save_first(self: Courier, output: Output, content: bytes, picture: Any) -> None:
        store, dry = self._store, _Dry(self._store)
        self._store = cast("Any", dry)
        try:
            await deliver(self, output, content, picture)
        finally:
            self._store = store
        for path, kept in dry.wanted:
            store.write(path, kept)

    return save_first


def _swapped_deliveries(deliveries: Any) -> Any:
    def of_the_row_before(self: Jobs, output: Output) -> list[Delivery]:
        found: list[Delivery] = deliveries(self, replace(output, item_id=max(1, output.item_id - 1)))
        return found or list(deliveries(self, output))

    return of_the_row_before


def _samples_mixed_up(record: Any) -> Any:
    return lambda connection, job, urls: record(connection, job, list(reversed(urls)))


def _failed_still_counts(record: Any) -> Any:
    """A failed job is written as completed without outputs."""
    def completed(ended: Ended) -> Ended:
        if ended.outcome.job is not JobEvent.FAILED:
            return ended
        return replace(ended, outcome=replace(ended.outcome, job=JobEvent.COMPLETED, failure=False))

    return lambda self, ended: record(self, [completed(each) for each in ended])


def _jobs_forgotten_on_start(_open: Any) -> Any:
    """Jobs of an earlier process are given up, and their rows submitted again."""
    def give_up(self: Jobs) -> list[Job]:
        with self._database.transaction() as connection:
            connection.execute(items.update().where(items.c.state == ItemState.PROCESSING).values(
                state=ItemState.PENDING))
            connection.execute(jobs.update().where(jobs.c.state == JobState.PROCESSING).values(state=JobState.FAILED))
        return []

    return give_up


# -- closing the books -----------------------------------------------------------------------------------


def _free_by(rule: Callable[[Interval], bool]) -> Callable[[Any], Any]:
    def make(finding: Any) -> Any:
        def found(interval: Interval) -> tuple[Finding, str]:
            if rule(interval):
                return Finding.FREE, "so it seems"
            honest: tuple[Finding, str] = finding(interval)
            return honest

        return found

    return make


def _since_without(column: str) -> Callable[[Any], Any]:
    def make(since: Any) -> Any:
        def counted(self: Reconciliation, attempt: int) -> Since:
            honest: Since = since(self, attempt)
            if column == "orphans":
                newest = select(attempts.c.run_id).order_by(attempts.c.seq.desc()).limit(1)
                with self._database.transaction() as connection:
                    run = connection.execute(newest).scalar()
                    ours = connection.execute(
                        select(attempts.c.credits).join(jobs, jobs.c.attempt_seq == attempts.c.seq)
                        .where(attempts.c.seq > attempt, attempts.c.run_id == run, jobs.c.state != JobState.FAILED)
                    ).scalars()
                    return replace(honest, charged=sum(ours))
            with self._database.transaction() as connection:
                accepted = connection.execute(
                    select(attempts.c.credits).where(attempts.c.seq > attempt,
                                                     attempts.c.state == AttemptState.ACCEPTED)).scalars()
                return replace(honest, charged=sum(accepted))

        return counted

    return make


def _no_baseline_rules() -> AbstractContextManager[Any]:
    """Any reading is a baseline, also with jobs live."""
    async def all_is_past(_self: Bookkeeper) -> bool:
        return True

    return _all(
        _replaced(Bookkeeper, "_all_is_past", all_is_past),
        _replaced(Reading, "settled", property(lambda _self: True)),
        _replaced(Reconciliation, "under_way", lambda _self: False),
    )()


def _without_the_last_books(confirm: Any) -> Any:
    async def at_once(self: Bookkeeper, quiet: Reading) -> bool:
        with patch.object(Patience, "horizon", lambda _self, _deadline: 0.0):
            honest: bool = await confirm(self, quiet)
            return honest

    return at_once


def _retry_unasked(begin: Any) -> Any:
    async def retry(self: Reconciler, reading: Reading | None) -> None:
        await begin(self, reading)
        with self._run.books._database.transaction() as connection:
            connection.execute(items.update().where(items.c.state == ItemState.UNKNOWN).values(
                state=ItemState.PENDING))

    return retry


_read_any = _replaced(reconciler, "is_quiet", lambda readings, **_: bool(readings))
_nobody_objects = _replaced(Bookkeeper, "_objections", lambda *_: iter(()))

BUGS: Sequence[Bug] = (
    Bug(
        name="the intent is written after the send", within=60, seed=11,
        plant=_intent_after_send,
    ),
    Bug(
        name="an answer is written in two commits", within=400, seed=42,
        fits=_troubled({"crashes", "reboot", "full disk"}),
        plant=_two_commits,
    ),
    Bug(
        name="the window counts by the time of the grant", within=400, seed=37,
        fits=_troubled({"settings"}),
        plant=_around(PermitBook, "answered", _window_by_grant_time),
    ),
    Bug(
        name="a restart forgets the window", within=500, seed=490,
        fits=_troubled({"settings"}, {"crashes", "Ctrl-C", "reboot"}),
        plant=_replaced(restoring, "_restore", lambda *_: None),
    ),
    Bug(
        name="a lost submit leaves the window", within=1000, seed=783,
        fits=_troubled(_LOST | {"slow answers"}, {"settings", "other counting"}),
        plant=_around(PermitBook, "unknown", _window_empty_for_unknowns),
    ),
    Bug(
        name="a lost answer does not count against the cap", within=400, seed=154,
        fits=_troubled({"caps"}, _LOST | {"crashes"}),
        plant=_around(Attempts, "record_answers", _unknown_not_counted),
    ),
    Bug(
        name="credits are given back twice", within=400, seed=347,
        fits=_troubled({"caps"}, {"row refusals", "job fates"}),
        plant=_around(PermitBook, "freed", _given_back_twice),
    ),
    Bug(
        name="a resume forgets what the batch cost", within=400, seed=35,
        fits=_troubled({"caps"}),
        plant=_replaced(PermitBook, "restore_counted", lambda *_: None),
    ),
    Bug(
        name="the cap is asked for one credit, whatever a row costs", within=400, seed=80,
        fits=_troubled({"caps"}),
        plant=_around(PermitBook, "_binds", _cost_forgotten),
    ),
    Bug(
        name="what is to be kept is spent", within=400, seed=160,
        fits=_troubled({"floor"}),
        plant=_around(PermitBook, "_binds", _floor_forgotten),
    ),
    Bug(
        name="jobs are asked for several times a second, whatever the budget", within=100, seed=3,
        plant=_all(_replaced(PollWindow, "opens", lambda _self, now: now),
                   _replaced(PollPlanner, "next_age", lambda _self, _kind, _options, _images, age, **_: age + 0.1)),
    ),
    Bug(
        name="a 500 is taken for a refusal", within=100, seed=4,
        plant=_around(submitting, "after_answer", _taken_for_unsent(lambda answer: (answer.http_status or 0) >= 500)),
    ),
    Bug(
        name="a cut connection is taken for unsent", within=100, seed=3,
        plant=_around(submitting, "after_answer", _taken_for_unsent(lambda answer: answer.http_status is None)),
    ),
    Bug(
        name="a 200 without a job id is taken for a refusal", within=200, seed=4,
        plant=_around(submitting, "after_answer", _taken_for_unsent(lambda answer: answer.http_status == 200)),
    ),
    Bug(
        name="the transport of submits retries", within=100, seed=2,
        plant=_around(TryOnClient, "submit", _sent_again),
    ),
    Bug(
        name="what a crash left is taken for unsent", within=100, seed=29,
        fits=_troubled({"crashes", "reboot"}),
        plant=_around(submitting, "left_by_the_dead", _dead_means_unsent),
    ),
    Bug(
        name="the end of a job id is cut off", within=40, seed=0,
        plant=_around(Attempts, "record_answers", _id_cut_off),
    ),
    Bug(
        name="a job the API forgot is submitted again", within=400, seed=7,
        plant=_around(following, "after_vanished", _vanished_is_free),
    ),
    Bug(
        name="a picture that expired is rendered again unasked", within=400, seed=7,
        plant=_around(Jobs, "record_gone", _expired_again),
    ),
    Bug(
        name="a file is booked before it is written", within=400, seed=4,
        plant=_around(Courier, "_deliver", _saved_before_written),
    ),
    Bug(
        name="pictures go to the row before", within=40, seed=3,
        plant=_around(Jobs, "deliveries", _swapped_deliveries),
    ),
    Bug(
        name="samples come in the wrong order", within=100, seed=1,
        plant=_around(job_books, "_new_outputs", _samples_mixed_up),
    ),
    Bug(
        name="a failed job is booked as completed", within=200, seed=37,
        plant=_around(Jobs, "record_ends", _failed_still_counts),
    ),
    Bug(
        name="jobs of an earlier process are given up", within=100, seed=1,
        plant=_around(Jobs, "open", _jobs_forgotten_on_start),
    ),
    Bug(
        name="the balance is read while jobs are live, and believed", within=400, seed=14,
        plant=_all(_no_baseline_rules, _read_any),
    ),
    Bug(
        name="orphans are left out of the books", within=1000, seed=147,
        fits=_troubled({"crashes", "reboot"}, _LOST),
        plant=_around(Reconciliation, "since", _since_without("orphans")),
    ),
    Bug(
        name="failed jobs are counted as charged in the books", within=1500, seed=321,
        fits=_troubled({"job fates"}, _LOST),
        plant=_around(Reconciliation, "since", _since_without("failed")),
    ),
    Bug(
        name="a subset sum is solved", within=1000, seed=4,
        plant=_around(
            bookkeeping, "finding", _free_by(lambda it: not it.objections and 0 < it.difference < it.doubtful),
        ),
    ),
    Bug(
        name="more credits than expected are taken for nothing charged", within=1500, seed=52,
        fits=_troubled({"top-up"}, _LOST),
        plant=_all(
            _nobody_objects, _around(bookkeeping, "finding", _free_by(lambda it: it.difference <= 0)),
            _replaced(Bookkeeper, "_breaks", lambda *_: None),
        ),
    ),
    Bug(
        name="found free is free at once", within=1000, seed=22,
        plant=_around(Bookkeeper, "_confirm", _without_the_last_books),
    ),
    Bug(
        name="nobody waits for a late acceptance", within=400, seed=3,
        plant=_all(
            _replaced(Patience, "due", lambda _self, _deadline: 0.0),
            _replaced(Patience, "horizon", lambda _self, _deadline: 0.0),
        ),
    ),
    Bug(
        name="rows that were proven free are not looked for again", within=100, seed=11,
        fits=_troubled(_LOST),
        plant=_replaced(submitting.Submitter, "begin_again", lambda _self: None),
    ),
    Bug(
        name="lost answers are submitted again unasked", within=100, seed=4,
        plant=_around(Reconciler, "begin", _retry_unasked),
    ),
)

