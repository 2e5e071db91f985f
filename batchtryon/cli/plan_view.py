"""A plan as lines for a person, and as an object for a program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil
from typing import Any

from batchtryon.batch.pictured import MOST_COUNTED, AssetRemark, PicturedPlan
from batchtryon.cli.catalog_view import catalog_lines
from batchtryon.cli.wording import and_more, counted, duration, number, safe
from batchtryon.planner import NIGHT_SECONDS, BoundBy, Plan
from batchtryon.records import RowState
from batchtryon.settings import Changed, Settings
from batchtryon.tryon import KINDS

__all__ = ["pictures", "plan_json", "plan_lines", "spendable"]

_UNSELECTED = "not selected"
_LABELS = {RowState.IN_FLIGHT: "in flight", RowState.UNKNOWN: "unresolved", RowState.GONE: "gone"}
#: States of which more than one example is worth its line.
_TELLING = (RowState.CHANGED, RowState.FAILED, RowState.UNKNOWN)
_EXAMPLES = 3
#: Pictures that are listed with what may be wrong with them.
_MOST_ASSETS = 10


def pictures(plan: Plan) -> int:
    """How many pictures the plan pays for."""
    return sum(spent // KINDS[kind].credits_per_image for kind, spent in plan.by_kind.items())


def spendable(plan: Plan) -> int:
    """The most credits a run may spend now: all that the rows cost, or what balance, floor and cap leave of it."""
    return plan.estimate if plan.available is None else min(plan.estimate, plan.available)


def plan_lines(plan: Plan, settings: Settings, *, width: int, rehearsal: bool) -> list[str]:
    """The plan for a person, examples cut so that their lines fit ``width`` columns."""
    return [
        f"{safe(plan.manifest, 60)}: {counted(plan.total, 'row')}",
        *_rows(plan, width),
        "",
        *_catalog(plan, width),
        *_money(plan, rehearsal=rehearsal),
        *_time(plan, settings),
        *_assets(plan),
        *_remarks(plan, settings),
    ]


def plan_json(plan: Plan, *, hints: Sequence[str] = ()) -> dict[str, Any]:
    """The plan for a program (``design/experience.md``, "Files": ``plan --json``)."""
    return {
        "manifest": plan.manifest,
        "rows": {
            "total": plan.total, **{state.value: plan.rows[state] for state in RowState}, "unselected": plan.unselected,
        },
        "credits": {
            "estimate": plan.estimate, "max": plan.most, "balance": plan.balance, "saved": plan.saved,
            "changed": plan.changed_credits, "by_kind": dict(plan.by_kind),
        },
        "submits": plan.submits,
        "left_over": plan.left_over,
        "waiting": list(plan.waiting),
        "undecided": plan.undecided,
        "missing": plan.missing_count,
        "seconds": round(plan.seconds, 3),
        "bound_by": plan.bound_by.value,
        "hints": list(hints),
        **_catalog_json(plan),
        **_assets_json(plan),
    }


def _catalog(plan: Plan, width: int) -> Iterator[str]:
    if isinstance(plan, PicturedPlan) and plan.catalog is not None:
        yield from catalog_lines(plan.catalog, width=width)


def _catalog_json(plan: Plan) -> dict[str, Any]:
    report = plan.catalog if isinstance(plan, PicturedPlan) else None
    if report is None:
        return {}
    return {"catalog": {
        "source": report.source, "format": report.format, "products": report.products, "rows": report.rows,
        "skipped": dict(report.skipped), "persons": dict(report.persons), "matched": dict(report.matched),
        "unmatched": len(report.unmatched), "fixed": report.fixed,
    }}


def _rows(plan: Plan, width: int) -> Iterator[str]:
    digits = max(len(number(count)) for count in (plan.unselected, *plan.rows.values()))
    wide = len(_UNSELECTED) if plan.unselected else 10
    for state in RowState:
        count = plan.rows[state]
        if not count:
            continue
        head = f"  {_LABELS.get(state, state.value):<{wide}}  {number(count):>{digits}}"
        examples = plan.reasons.get(state, [])[: _EXAMPLES if state in _TELLING else 1]
        if not examples:
            yield head
        for example in examples:
            yield f"{head}   {safe(example, width - len(head) - 3)}"
            head = " " * len(head)
    if plan.unselected and not plan.selected:
        yield f"  {_UNSELECTED:<{wide}}  {number(plan.unselected):>{digits}}   no row meets the conditions given"
    elif plan.unselected:
        yield f"  {_UNSELECTED:<{wide}}  {number(plan.unselected):>{digits}}   wait for a run that selects them"


def _money(plan: Plan, *, rehearsal: bool) -> Iterator[str]:
    kinds = ", ".join(f"{kind} {number(spent)}" for kind, spent in plan.by_kind.items())
    yield f"Credits   {number(plan.estimate)} to spend{f' ({kinds})' if kinds else ''}"
    if plan.most > plan.estimate:
        yield f"          {number(plan.most)} at most, if every allowed retry were charged"
    if plan.saved:
        yield f"          {number(plan.saved)} saved: rows that share a picture pay for it once"
    if plan.balance is not None:
        short = plan.estimate - plan.balance
        missing = f"; {number(short)} more are needed for all rows" if short > 0 else ""
        yield f"Balance   {number(plan.balance)} now, {number(plan.balance - spendable(plan))} left after{missing}"
    elif plan.estimate:
        yield f"Balance   {'play money: this is a rehearsal' if rehearsal else 'not known'}"


def _time(plan: Plan, settings: Settings) -> Iterator[str]:
    if not plan.seconds:
        return
    nights = f" ({ceil(plan.seconds / NIGHT_SECONDS)} nights of 8 h)" if plan.seconds > NIGHT_SECONDS else ""
    yield f"Time      about {duration(plan.seconds)}{nights}{_bound(plan, settings)}"


def _bound(plan: Plan, settings: Settings) -> str:
    match plan.bound_by:
        case BoundBy.RATE:
            return f", bound by the rate of {settings.rate.count} submits in {settings.rate.seconds:g} s"
        case BoundBy.SLOTS:
            return f", bound by the {counted(settings.concurrency, 'job')} processed at once"
        case BoundBy.DEADLINE:
            return ", bound by --max-duration"
        case BoundBy.CREDITS:
            return ", bound by the credits"
        case BoundBy.NOTHING:
            return ""


def _assets(plan: Plan) -> Iterator[str]:
    if not isinstance(plan, PicturedPlan) or not plan.pictures:
        return
    remarks = plan.remarks()
    counts = ", ".join(
        f"more than {number(MOST_COUNTED)} {column}s" if count >= MOST_COUNTED else counted(count, column)
        for column, count in plan.pictures.items()
    )
    yield f"Pictures  {counts}{f'; look at {number(len(remarks))}:' if remarks else ''}"
    for remark in remarks[:_MOST_ASSETS]:
        yield f"          {_asset(remark)}"
    if len(remarks) > _MOST_ASSETS:
        yield f"          and {number(len(remarks) - _MOST_ASSETS)} more"
    for note in plan.notes:
        yield f"          {safe(note)}"


def _asset(remark: AssetRemark) -> str:
    return f"{counted(remark.rows, 'row')}: {safe(remark.text, 200)}: {safe(remark.warning, 500)}"


def _assets_json(plan: Plan) -> dict[str, Any]:
    if not isinstance(plan, PicturedPlan):
        return {}
    return {
        "pictures": plan.pictures,
        "assets": [{"text": each.text, "rows": each.rows, "warning": each.warning} for each in plan.remarks()],
        "notes": list(plan.notes),
    }


def _remarks(plan: Plan, settings: Settings) -> Iterator[str]:
    if plan.left_over:
        why = "the time given does" if plan.bound_by is BoundBy.DEADLINE else "the credits do"
        which = f": {and_more(plan.waiting, plan.left_over)}" if plan.waiting else ""
        yield f"Later     {counted(plan.left_over, 'row')} must wait, {why} not reach for more{which}"
    changed = plan.rows[RowState.CHANGED]
    if changed and settings.changed is not Changed.RUN:
        yield (f"Changed   {counted(changed, 'row')} changed since paid for; rendering again costs "
               f"{counted(plan.changed_credits, 'credit')} (--changed run)")
    if plan.undecided:
        yield f"Unsure    {counted(plan.undecided, 'row')} may be paid and lost and wait for you: batchtryon failures"
    if plan.missing_count:
        yield (f"Missing   {counted(plan.missing_count, 'done row')} without pictures in the output folder: "
               f"{and_more(plan.missing, plan.missing_count)}")
