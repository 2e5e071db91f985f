"""One row's way, as decisions: what an answer or a poll means for the attempt, the item and the run.

Pure. Fresh run, resume, retry and crash recovery all go through here (``design/house.md``, "One way in,
one way on"); :mod:`batchtryon.executor.executor` performs what is decided.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from batchtryon.errors import RefusalName
from batchtryon.records import Answer, AttemptOutcome, Item, Job, JobOutcome, JobReport, SourceForm, Verdict
from batchtryon.retry import GiveUp, RetryIn, RetryPolicy
from batchtryon.states import AttemptEvent, ItemEvent, JobEvent, JobState

__all__ = [
    "NO_OUTPUTS",
    "Stop",
    "Streaks",
    "after_answer",
    "after_overdue",
    "after_report",
    "after_vanished",
    "is_about_account",
    "left_by_the_dead",
    "retry_after_report",
    "stop_for",
]


#: What is said of a job that completed and has nothing to show (fault P4).
NO_OUTPUTS = "the API says the job is completed and names no picture"


class Stop(StrEnum):
    """Why nothing more is submitted, whatever rows are left."""

    KEY_REFUSED = "key refused"
    OUT_OF_CREDITS = "out of credits"
    RATE = "rate"
    SLOTS = "slots"


_RETURNED = {
    RefusalName.RATE_LIMIT, RefusalName.CONCURRENCY_LIMIT, RefusalName.OUT_OF_CREDITS, RefusalName.UNAUTHORIZED,
    RefusalName.NOT_FOUND, "Forbidden",
}


def after_answer(answer: Answer) -> AttemptOutcome:
    """What a POST's outcome means (``design/charges.md``, "Was it sent?").

    A refusal for the account's sake (a limit, the key, the credits, the path) says nothing about the row,
    which goes back and loses no attempt; any other refusal is about the row as it is (fault S9).
    """
    match answer.verdict:
        case Verdict.ACCEPTED:
            return AttemptOutcome(attempt=AttemptEvent.ACCEPTED, item=ItemEvent.ACCEPTED)
        case Verdict.UNSENT:
            return AttemptOutcome(attempt=AttemptEvent.UNSENT, item=ItemEvent.RETURNED)
        case Verdict.UNKNOWN:
            return AttemptOutcome(attempt=AttemptEvent.ANSWER_LOST, item=ItemEvent.ANSWER_LOST,
                                  error_name=answer.name or "AnswerLost", error_message=answer.message)
        case Verdict.REFUSED:
            if is_about_account(answer):
                return AttemptOutcome(attempt=AttemptEvent.REFUSED, item=ItemEvent.RETURNED)
            return AttemptOutcome(attempt=AttemptEvent.REFUSED, item=ItemEvent.REFUSED, failure=True,
                                  error_name=answer.name, error_message=answer.message)


def is_about_account(answer: Answer) -> bool:
    """Whether a refusal is about the account or the set-up rather than the row."""
    return answer.name in _RETURNED or answer.http_status in {401, 402, 403, 404, 429}


def stop_for(answer: Answer) -> Stop | None:
    """What a refusal tells the whole run. The three 429s are told apart by name (``api/tryiton.md``)."""
    if answer.verdict is not Verdict.REFUSED:
        return None
    if answer.name == RefusalName.OUT_OF_CREDITS:
        return Stop.OUT_OF_CREDITS
    if answer.name == RefusalName.CONCURRENCY_LIMIT:
        return Stop.SLOTS
    if answer.name == RefusalName.RATE_LIMIT or answer.http_status == 429:
        return Stop.RATE
    if is_about_account(answer):
        return Stop.KEY_REFUSED
    return None


def left_by_the_dead(*, marked: bool) -> Answer:
    """What is known of an attempt whose process died: without a sending mark it never left (S1, S2)."""
    if not marked:
        return Answer(verdict=Verdict.UNSENT, name="Crashed", message="the process ended before it was sent")
    return Answer(verdict=Verdict.UNKNOWN, name="Crashed", message="the process ended while the answer was awaited")


def after_report(report: JobReport, *, again: bool) -> JobOutcome:
    """What a poll that found the job ended means; ``again``: it failed for free and is tried again."""
    if report.state is JobState.COMPLETED:
        named = bool(report.urls)
        return JobOutcome(
            job=JobEvent.COMPLETED, item=ItemEvent.COMPLETED, urls=report.urls,
            error_name=None if named else "NoOutputs", error_message=None if named else NO_OUTPUTS,
        )
    return JobOutcome(
        job=JobEvent.FAILED, item=ItemEvent.FAILED_FOR_NOW if again else ItemEvent.FAILED, failure=True,
        error_name=report.name or "Failed", error_message=report.message,
    )


def retry_after_report(job: Job, report: JobReport, item: Item, retry: RetryPolicy) -> RetryIn | GiveUp:
    """Whether, and when, a failed job is tried again (fault P5)."""
    by_address = any(source.form is SourceForm.URL for source in item.sources.values())
    return retry.failed_job(report.name or "Failed", job.failures + 1, by_address=by_address)


def after_vanished() -> JobOutcome:
    """The API no longer knows a job it accepted; never resubmitted by itself (fault P2)."""
    return JobOutcome(
        job=JobEvent.VANISHED, item=ItemEvent.VANISHED, error_name="JobVanished",
        error_message="the API no longer knows the job it accepted",
    )


def after_overdue(seconds: float) -> JobOutcome:
    """A job did not end within its deadline; held, its credits at risk (fault P6)."""
    return JobOutcome(
        job=JobEvent.OVERDUE, item=ItemEvent.OVERDUE, error_name="JobNeverEnded",
        error_message=f"the job was still being rendered after {seconds / 60:.0f} minutes",
    )


@dataclass(frozen=True, slots=True)
class Streaks:
    """Runs of trouble that stop a hopeless batch early (fault S13; charges.md, "A burst of unknowns")."""

    refusal_name: str = ""
    refusals: int = 0
    unknowns: int = 0

    def after(self, answer: Answer) -> Streaks:
        """The streaks after one more answer."""
        match answer.verdict:
            case Verdict.ACCEPTED:
                return Streaks()
            case Verdict.UNKNOWN:
                return Streaks(self.refusal_name, self.refusals, self.unknowns + 1)
            case Verdict.REFUSED if not is_about_account(answer):
                name = answer.name or ""
                count = self.refusals + 1 if name == self.refusal_name else 1
                return Streaks(name, count, 0)
            case _:
                return self
