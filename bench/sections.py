"""What was measured at the limits and with scarce polls, as sections of the page of results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench import full_slots, permits, polls, workers
from bench.at_the_limit import JOBS, LATENCY, Summed
from bench.contenders.errand import SPEED
from bench.full_slots import Played, binding
from bench.polls import Compared
from bench.results import table

__all__ = ["every_duration", "scarce_polls", "shared_ledgers", "virtual_nights"]

#: Goals where the rate binds, where the slots bind, and beside perfect knowledge where polls are scarce.
_RATE, _SLOTS, _PERFECT = 1.01, 1.03, 1.15


def virtual_nights(nights: Sequence[Played], *, jobs: int, seeds: int) -> Iterator[str]:
    """Of :mod:`bench.full_slots`."""
    yield "## At the default limits, under the virtual clock"
    yield ""
    yield (f"{jobs} jobs each, medians of {seeds} seed(s); the real executor and ledger, a network of "
           f"{full_slots.ROUND_TRIP * 1000:.0f} ms there and back on average. Goal: at most {_RATE} of the ideal where "
           f"the rate binds, {_SLOTS} where the slots bind, no 429, nothing unknown. The ideal pays a round trip for "
           "each job; beside it stands the one on a network without latency. Idle: a slot from a job's end to the next "
           "submit; of which by choice: longer than the rate asked for.")
    yield ""
    yield from table(
        ("jobs", "trouble", "binds", "of the ideal", "without latency", "429s", "unknown", "polls a job",
         "an end is seen after", "slot idle", "by choice"),
        ((
            each.jobs, each.trouble, binding(each.jobs), f"**{each.over_ideal:.4f}**", f"{each.over_instant:.4f}",
            str(each.refused), str(each.unknown), f"{each.polls:.1f}", f"{each.delay:.2f} s", f"{each.idle:.2f} s",
            f"{each.avoidable:.2f} s",
        ) for each in nights),
    )


def every_duration(races: Sequence[Summed], *, rounds: int) -> Iterator[str]:
    """Of :func:`bench.at_the_limit.measure_ours`."""
    yield f"## {JOBS} jobs of every duration, time {SPEED:g} times as fast"
    yield ""
    yield (f"batchtryon alone, medians of {rounds} round(s), two at a time; calls take 0 to {LATENCY * 1000:.0f} ms "
           f"each way, in earnest {SPEED:g} times that. Goals as above.")
    yield ""
    yield from table(
        ("jobs", "binds", "seconds", "of the ideal", "without latency", "429s", "polls a job", "an end is seen after"),
        ((
            each.jobs, binding(each.jobs), f"{each.seconds:.2f}", f"**{each.ratio_network:.3f}**", f"{each.ratio:.3f}",
            str(each.most_refused), f"{each.polls_per_job:.1f}", f"{each.delay * 1000:.0f} ms",
        ) for each in races),
    )


def scarce_polls(lines: Sequence[Compared], *, seeds: int) -> Iterator[str]:
    """Of :mod:`bench.polls`."""
    lifted, default = polls.ACCOUNTS["lifted"], polls.ACCOUNTS["default"]
    yield "## Polls as a scarce good"
    yield ""
    yield (f"Medians of {seeds} seed(s). Lifted: {lifted.slots} slots, {lifted.submits.count} submits and "
           f"{lifted.polls.count} polls in {lifted.polls.seconds:g} s; default: {default.slots}, "
           f"{default.submits.count} and {default.polls.count}. The executor's agenda, planner and budget in a world "
           f"of discrete events. Goal on the lifted account: at most {_PERFECT} of perfect knowledge, which asks once, "
           "just after each end, within the same budget. Before: the rule that this one replaced. Round robin: the "
           "longest unasked at the fixed interval that the budget allows. In the first minute after a start only half "
           "the budget is used, which a shorter batch feels more. Least: of the ideal, in the long run, for any rule "
           "that knows how durations are distributed, but not when a job will end.")
    yield ""
    yield from table(
        ("account", "jobs", "rule", "of perfect knowledge", "of the ideal", "least", "polls a job",
         "an end is seen after", "longest wait", "most polls in a window"),
        ((
            f"{each.case.account}, {each.case.count} jobs", each.case.jobs, each.rule, f"**{each.over_perfect:.3f}**",
            f"{each.over_ideal:.3f}", f"{polls.bound(each.case):.3f}" if each.rule == "ours" else "",
            f"{each.polls:.2f}", f"{each.delay:.2f} s", f"{each.longest:.1f} s",
            f"{each.most} of {polls.ACCOUNTS[each.case.account].polls.count}",
        ) for each in lines),
    )


def shared_ledgers(
    takings: Sequence[permits.Taking], lives: Sequence[permits.Lives], crews: Sequence[workers.Crew]
) -> Iterator[str]:
    """Of :mod:`bench.permits` and :mod:`bench.workers`."""
    yield "## Ledgers, permits and workers"
    yield ""
    yield ("Durable on both ledgers (FULL, fsync). Permits asked for as fast as they come, one or many in a commit; "
           "then rows' whole lives, one commit after the other, at a pace, and what of a core the server "
           "needs for them.")
    yield ""
    yield from permits.lines(takings, lives)
    yield ""
    yield (f"{workers.ROWS} jobs of 0.6 s with limits out of the way, API, database and workers on the same two cores; "
           "beside them the requests alone, by a loop on plain httpx that keeps nothing and looks at no picture.")
    yield ""
    yield from workers.lines(crews)
