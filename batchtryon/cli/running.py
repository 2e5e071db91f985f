"""``batchtryon run``: does what the manifest asks for; the same command again resumes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

from batchtryon.batch.library import run_opened
from batchtryon.batch.opening import Opened, Options, open_batch
from batchtryon.batch.running import Ears, NotWanted
from batchtryon.cli.desk import Desk
from batchtryon.cli.options import (
    Choices,
    Json,
    Key,
    Limits,
    Manifest,
    Rarer,
    Rows,
    Talk,
    Where,
    Yes,
    options_of,
    switch,
)
from batchtryon.cli.plan_view import plan_json, plan_lines
from batchtryon.cli.questions import Questions
from batchtryon.cli.reporting import BarReporter, JsonReporter, LineReporter, QuietReporter, Reporter
from batchtryon.cli.summary_view import summary_lines
from batchtryon.cli.wording import number, safe
from batchtryon.errors import ExitCode
from batchtryon.executor.run import Progress
from batchtryon.planner import Plan
from batchtryon.report.summary import Summary
from batchtryon.settings import Settings

__all__ = ["Manner", "RunTalk", "run", "run_manifest", "run_open"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTalk:
    """How a run talks, and whether it asks."""

    yes: Yes = False
    json: Json = False
    quiet: Annotated[bool, switch("--quiet", "-q", text="Tell only warnings and the end.")] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """In which manner a manifest is run."""

    talk: RunTalk
    verbose: bool = False
    no_submit: bool = False
    fail_if_nothing: bool = False
    #: Credits the user already said yes to; None: none.
    agreed: int | None = None
    #: Manifest and options as typed, for hints what to do next.
    again: str = ""


def run(
    desk: Desk,
    manifest: Manifest,
    limits: Limits,
    rows: Rows,
    where: Where,
    key: Key,
    choices: Choices,
    rarer: Rarer,
    run_talk: RunTalk,
    talk: Talk,
    *,
    no_submit: Annotated[bool, switch("--no-submit", text="Only finish what is paid for; submit nothing new.")] = False,
    fail_if_nothing: Annotated[bool, switch("--fail-if-nothing",
        text="Exit with 9 instead of 0 when there was nothing to do.")] = False,
) -> ExitCode:
    """Render what the manifest asks for. The same command again resumes; what is done is not paid again."""
    manner = Manner(
        talk=run_talk, verbose=talk.verbose, no_submit=no_submit, fail_if_nothing=fail_if_nothing,
        again=where.as_typed(manifest),
    )
    return run_manifest(desk, Path(manifest), options_of(desk, where, limits, rows, choices, rarer), key, manner)


def run_manifest(desk: Desk, manifest: Path, options: Options, key: Key, manner: Manner) -> ExitCode:
    """Run it, telling and asking as ``manner`` says; the exit code is the run's."""
    return run_open(desk, open_batch(manifest, options), key, manner)


def run_open(desk: Desk, opened: Opened, key: Key, manner: Manner) -> ExitCode:
    """See :func:`run_manifest`."""
    teller = _Teller(desk, manner, rehearsal=opened.rehearsal)
    # A rehearsal spends play money.
    asks = not (manner.talk.yes or opened.rehearsal)
    questions = Questions(
        desk.screen, teller.show_plan, asks=asks, spends=not manner.no_submit, agreed=manner.agreed
    )
    ears = Ears(tell=teller.reporter.tell, watch=teller.watch, ask=questions, signals=True)
    try:
        summary = run_opened(
            opened, desk.environment.key_loader(key.api_key_file), desk.clock, ears, no_submit=manner.no_submit
        )
    except NotWanted:
        desk.screen.remark("Nothing was spent.")
        return ExitCode.INTERRUPTED
    finally:
        teller.reporter.end()
    teller.show_summary(summary)
    if manner.fail_if_nothing and not teller.took_work and summary.exit_code is ExitCode.ALL_DONE:
        return ExitCode.NOTHING_TO_DO
    return summary.exit_code


@dataclass(slots=True)
class _Teller:
    """Shows a run's plan, progress and end in the manner wanted."""

    desk: Desk
    manner: Manner
    rehearsal: bool
    #: Whether the run found anything to do.
    took_work: bool = False
    reporter: Reporter = field(init=False)

    def __post_init__(self) -> None:
        talk, verbose = self.manner.talk, self.manner.verbose
        if talk.json:
            self.reporter = JsonReporter(self.desk)
        elif talk.quiet:
            self.reporter = QuietReporter(self.desk)
        elif self.desk.screen.can_draw:
            self.reporter = BarReporter(self.desk, verbose=verbose)
        else:
            self.reporter = LineReporter(self.desk, verbose=verbose)

    def show_plan(self, plan: Plan, settings: Settings) -> None:
        screen = self.desk.screen
        if isinstance(self.reporter, JsonReporter):
            self.reporter.event("plan", **plan_json(plan))
        elif not self.manner.talk.quiet:
            title, *lines = plan_lines(plan, settings, width=screen.width, rehearsal=self.rehearsal)
            screen.say(screen.bold(title), *lines, "")

    def watch(self, progress: Progress, plan: Plan) -> None:
        self.took_work = True
        self.reporter.watch(progress, plan)

    def show_summary(self, summary: Summary) -> None:
        screen = self.desk.screen
        if isinstance(self.reporter, JsonReporter):
            self.reporter.event("summary", **summary.as_json())
            if summary.exit_code:
                screen.remark(safe(summary.verdict))
            return
        waiting = summary.rows.get("unselected", 0)
        title, rows, *lines = summary_lines(
            _of_the_selected(summary), again=self.manner.again, took_work=self.took_work or bool(waiting)
        )
        told = [f"          {number(waiting)} not selected wait for a run that selects them"] if waiting else []
        screen.say(screen.bold(title), rows, *told, *lines)


def _of_the_selected(summary: Summary) -> Summary:
    """The summary without the rows that wait because they were not selected: the same command would not help them."""
    rows, waiting = dict(summary.rows), summary.rows.get("unselected", 0)
    for word in ("pending", "in_flight"):
        aside = min(waiting, rows.get(word, 0))
        rows[word] = rows.get(word, 0) - aside
        waiting -= aside
    return replace(summary, rows=rows)
