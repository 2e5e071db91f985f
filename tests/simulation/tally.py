"""What many nights found, in counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tests.simulation.schedule import Verdict

__all__ = ["Tally"]

_UNKNOWN = ("unknown", "free?", "paid?", "held", "free", "paid and lost")


@dataclass(slots=True)
class Tally:
    """Counts over nights; can be sent from one process to another."""

    nights: int = 0
    sessions: int = 0
    kills: int = 0
    posts: int = 0
    #: Seconds of processor time.
    cpu: float = 0.0
    troubles: Counter[str] = field(default_factory=Counter)
    played: Counter[str] = field(default_factory=Counter)
    attempts: Counter[str] = field(default_factory=Counter)
    #: Of nights that keep every promise: charges that came twice.
    twice: int = 0
    #: Of the others: nights, and charges that came twice, by the promise that was broken.
    promises: Counter[str] = field(default_factory=Counter)
    excused: Counter[str] = field(default_factory=Counter)
    #: Findings by rule.
    rules: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)

    def count(self, verdict: Verdict) -> None:
        """One more night."""
        self.nights += 1
        self.sessions += verdict.sessions
        self.kills += verdict.kills
        self.posts += verdict.posts
        self.troubles.update(verdict.night.troubles)
        self.played.update(verdict.played)
        self.attempts.update(verdict.attempts)
        if verdict.promise is not None:
            self.promises[verdict.promise] += 1
            self.excused[verdict.promise] += len(verdict.excused)
        for finding in verdict.broken:
            self.rules[finding.partition(":")[0]] += 1
        self.twice += sum(finding.startswith("charged twice") for finding in verdict.broken)
        if verdict.broken:
            self.failures.append((verdict.night.seed, verdict.broken))

    def add(self, other: Tally) -> None:
        """The nights of another tally as well."""
        for name in ("nights", "sessions", "kills", "posts", "cpu", "twice", "failures"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("troubles", "played", "attempts", "promises", "excused", "rules"):
            getattr(self, name).update(getattr(other, name))

    def report(self, *, wall: float) -> str:
        """The summary, for people."""
        unknown = sum(self.attempts[state] for state in _UNKNOWN)
        ended = ", ".join(f"{state} {self.attempts[state]}" for state in _UNKNOWN if self.attempts[state])
        promises = ", ".join(f"{name} {self.excused[name]} in {nights} nights"
                             for name, nights in sorted(self.promises.items()))
        return "\n".join((
            (f"{self.nights} nights, {self.sessions} sessions, {self.posts} submits, {self.kills} kills; "
            f"{self.nights / max(self.cpu, 1e-9):.1f} nights a second and core, {wall:.0f} s"),
            f"troubles: {_listed(self.troubles)}",
            f"tricks met: {_listed(self.played)}",
            f"attempts: {_listed(self.attempts)}",
            f"answers lost: {unknown} ({ended or 'none'})",
            f"charged twice, every promise kept: {self.twice}",
            f"charged twice where a promise was broken: {promises or 'no such night'}",
            (f"rows lost: {self.rules['row lost']}; windows exceeded: {self.rules['window']}; "
            f"caps exceeded: {self.rules['cap']}; wrong verdicts: "
            f"{self.rules['free and charged'] + self.rules['paid and not charged']}"),
            f"nights with a finding: {len(self.failures)}" + (f" ({_listed(self.rules)})" if self.rules else ""),
        ))


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in counts.most_common()) or "none"
