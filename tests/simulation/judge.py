"""The judge of a night: an oracle that reads the server's books, the disk and the ledger's bare tables.

It shares no code with the client's side but the table of kinds, and no view of what should have happened: it
knows which request made which job, so it can say what each attempt really cost.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from batchtryon.sandbox.replies import Call
from batchtryon.tryon import KINDS
from tests.simulation.account import Account, Post
from tests.simulation.effects import NightDatabase
from tests.simulation.network import picture_of, unlabelled
from tests.simulation.night import Night, RowSpec, Session
from tests.simulation.shared import NightPostgres

__all__ = ["Judge", "content_of"]

#: States of an attempt that the ledger calls free of charge for certain.
_FREE = {"refused", "unsent", "free"}
#: Those of which it knows nothing for certain.
_AT_RISK = {"sending", "unknown", "free?", "paid?", "held", "paid and lost"}
#: Seconds around a top-up within which charges can hide it: the lag of a reading, and one more reading.
_UNSEEN = 75.0
_ENDED = {"done", "failed", "unknown", "expired", "vanished", "stuck"}
_NAMED = _ENDED | {"pending", "submitting", "processing", "rendered"}


@dataclass(frozen=True, slots=True)
class Known:
    """An attempt as the ledger has it."""

    seq: int
    item: int
    batch: int
    run: int
    state: str
    credits: int
    boot: str
    mark: float | None
    sha256: str | None
    kind: str

    @property
    def identity(self) -> tuple[str, float | None, str | None, str]:
        """See :attr:`Post.identity`."""
        return self.boot, self.mark, self.sha256, self.kind


@dataclass(slots=True)
class Judge:
    """Looks at one night. Each check yields what is wrong as one sentence that begins with the rule's name."""

    night: Night
    account: Account
    database: NightDatabase | NightPostgres
    files: Mapping[str, bytes]
    #: Content hashes each row has had over all versions of the manifest.
    contents: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    #: How often the user wanted an item again.
    wanted_again: Counter[int] = field(default_factory=Counter)
    #: Cap of each session, and the ledger's newest attempt at its end.
    sessions: list[tuple[Session, int]] = field(default_factory=list)

    def begins(self, session: Session) -> None:
        """A session's manifest is given."""
        for spec in session.rows:
            self.contents[spec.id].add(content_of(spec))

    def ends(self, session: Session, reopened: Sequence[int]) -> None:
        """A session is over, well or not."""
        self.wanted_again.update(reopened)
        newest = self.database.ask("SELECT coalesce(max(seq), 0) FROM attempts")[0][0]
        self.sessions.append((session, int(newest)))

    # -- after each session ------------------------------------------------------------------------

    def after_session(self, posts: Sequence[Post]) -> Iterator[str]:
        """What is wrong already."""
        attempts = self._attempts()
        yield from self._intents(attempts, posts)
        yield from self._rows_are_named()

    def _intents(self, attempts: Sequence[Known], posts: Sequence[Post]) -> Iterator[str]:
        known = Counter(attempt.identity for attempt in attempts)
        # Two takes of one picture may leave at the same moment.
        sent = Counter(post.identity for post in posts)
        for post in posts:
            if not known[post.identity]:
                yield f"intent: POST {post.number} left under no attempt of the ledger"
            elif sent[post.identity] > known[post.identity]:
                yield f"sent twice: POST {post.number} is one of more than its attempt allows"

    def _rows_are_named(self) -> Iterator[str]:
        for row, state in self.database.ask(
            "SELECT rows.row_id, items.state FROM rows JOIN items ON items.id = rows.item_id"
        ):
            if state not in _NAMED:
                yield f"row lost: {row} is '{state}', which is no state"

    # -- at the end --------------------------------------------------------------------------------

    def at_the_end(self, posts: Sequence[Post]) -> Iterator[str]:
        """What is wrong once every request has arrived and every job has ended."""
        self.account.settle()
        attempts = self._attempts()
        made = _made(attempts, posts, dict(self.database.ask("SELECT attempt_seq, id FROM jobs")))
        yield from self._rows_ended()
        yield from self._pictures()
        yield from self._attempts_cost_what_they_say(attempts, made)
        yield from self._books(attempts)
        yield from self._caps(attempts, made)
        yield from self._floors(posts)
        yield from self._window(posts)
        yield from self._poll_window()
        yield from self._resolved(attempts)

    def credits_added_unseen(self) -> bool:
        """Whether as many credits as were added were also charged within the minute that a reading may be behind."""
        taken = self.account.taken_between
        return any(0 < more <= taken(at - _UNSEEN, at + _UNSEEN) for at, more in self.account.additions)

    def charged_twice(self, posts: Sequence[Post]) -> list[str]:
        """Pieces of work that were charged more often than anyone asked for."""
        allowed: Counter[str] = Counter()
        for item, kind, options, sources in self.database.ask("SELECT id, kind, options, sources FROM items"):
            digests = {name: source["digest"] for name, source in json.loads(sources).items()}
            allowed[_content(kind, json.loads(options), digests)] += 1 + self.wanted_again[item]
        paid: defaultdict[str, list[str]] = defaultdict(list)
        for post in posts:
            for job_id, how in post.jobs:
                if self._charge(job_id):
                    paid[self.account.books.jobs[job_id].fingerprint].append(f"{job_id} by POST {post.number} {how}")
        return [
            f"charged twice: {print_[:12]} cost {len(by)} jobs, {allowed[print_]} wanted: {'; '.join(by)}"
            for print_, by in paid.items() if len(by) > allowed[print_]
        ]

    def _charge(self, job_id: str) -> int:
        job = self.account.books.jobs[job_id]
        return job.charged(self.account._monotonic()) * self.night.price

    def _hangs(self, job_id: str) -> bool:
        job = self.account.books.jobs[job_id]
        return job.ends_at >= job.forgotten_at

    def _rows_ended(self) -> Iterator[str]:
        session, _ = self.sessions[-1]
        found = {
            row: (state, active) for row, state, active in self.database.ask(
                "SELECT rows.row_id, items.state, rows.sync = manifests.sync FROM rows "
                "JOIN items ON items.id = rows.item_id JOIN manifests ON manifests.id = rows.manifest_id")
        }
        for spec in session.rows:
            state, active = found.get(spec.id, ("missing", 0))
            limited = session.max_credits is not None or session.keep_credits is not None
            if state not in _ENDED and not (state == "pending" and limited):
                yield f"row lost: {spec.id} ended as '{state}'"
            elif not active:
                yield f"row lost: {spec.id} is in the manifest and gone in the ledger"
        for row in self.contents.keys() - found.keys():
            yield f"row lost: {row} was once in the manifest and is nowhere in the ledger"

    def _pictures(self) -> Iterator[str]:
        found: defaultdict[int, list[tuple[str, str, int]]] = defaultdict(list)
        for row, path, job, place in self.database.ask(
            "SELECT files.row_id, files.path, outputs.job_id, outputs.place FROM files "
            "JOIN outputs ON outputs.id = files.output_id WHERE NOT files.superseded"
        ):
            found[row].append((path, job, place))
        for key, row, delivered, state, kind, options, sources in self.database.ask(
            "SELECT rows.id, rows.row_id, rows.delivered, items.state, items.kind, items.options, items.sources "
            "FROM rows JOIN items ON items.id = rows.item_id"
        ):
            digests = {name: source["digest"] for name, source in json.loads(sources).items()}
            content = _content(kind, json.loads(options), digests)
            if content not in self.contents[row]:
                yield f"wrong picture: {row} points to work that none of its versions asked for"
            if state == "done" and delivered:
                yield from self._files_of(row, content, found[key])

    def _files_of(self, row: str, content: str, files: Sequence[tuple[str, str, int]]) -> Iterator[str]:
        if not files:
            yield f"row lost: {row} is done and has no file"
        for path, job_id, place in files:
            job = self.account.books.jobs.get(job_id)
            if job is None or job.fingerprint != content:
                yield f"wrong picture: {path} comes from job {job_id}, which is not {row}'s"
            elif path in self.files and unlabelled(self.files[path], row) != picture_of(f"{job_id}/{place}"):
                yield f"wrong picture: {path} does not hold output {place} of job {job_id} with the label of {row}"
            elif path not in self.files and not self._deletes:
                yield f"row lost: {path} of {row} is not in the folder"

    @property
    def _deletes(self) -> bool:
        return any(session.deleted for session, _ in self.sessions)

    def _attempts_cost_what_they_say(self, attempts: Sequence[Known], made: Mapping[int, Post]) -> Iterator[str]:
        jobs = {seq: (job, state) for seq, job, state in self.database.ask("SELECT attempt_seq, id, state FROM jobs")}
        for attempt in attempts:
            post = made.get(attempt.seq)
            by = [(job, how) for job, how in (post.jobs if post else []) if how != "again"]
            cost = sum(self._charge(job) for job, _ in by)
            if attempt.state in _FREE and cost:
                yield f"free and charged: attempt {attempt.seq} is '{attempt.state}' and cost {cost}"
            # A job that hangs has taken its credits when the books are closed, and gives them back days later.
            if attempt.state == "paid and lost" and not cost and not any(self._hangs(job) for job, _ in by):
                yield f"paid and not charged: attempt {attempt.seq} is 'paid and lost' and cost nothing"
            if attempt.state == "accepted":
                job, state = jobs[attempt.seq]
                if job not in {job for job, _ in by}:
                    yield f"wrong job: attempt {attempt.seq} has job {job}, which its request did not make"
                if state == "failed" and self._charge(job):
                    yield f"free and charged: job {job} is 'failed' and cost {self._charge(job)}"
                if state == "completed" and not self._charge(job) and self.night.price:
                    yield f"books: job {job} is 'completed' and cost nothing"
            elif attempt.state in {"intent", "sending"}:
                yield f"row lost: attempt {attempt.seq} is left '{attempt.state}'"

    def _resolved(self, attempts: Sequence[Known]) -> Iterator[str]:
        """Where the balance is asked, nothing is left open once the batch has ended."""
        if self.sessions[-1][0].on_unknown == "reconcile":
            for attempt in attempts:
                if attempt.state in {"unknown", "free?", "paid?"}:
                    yield f"unresolved: attempt {attempt.seq} is still '{attempt.state}'"

    def _books(self, attempts: Sequence[Known]) -> Iterator[str]:
        """Spent <= charged <= spent + at risk, where a job that never ended may be either."""
        if self.night.broken in {"price differs", "sent again by a proxy"}:
            return
        states = dict(self.database.ask("SELECT attempt_seq, state FROM jobs"))
        spent = sum(each.credits for each in attempts if states.get(each.seq) == "completed")
        open_ = sum(each.credits for each in attempts if states.get(each.seq) in {"processing", "stuck", "vanished"})
        risk = sum(each.credits for each in attempts if each.state in _AT_RISK)
        ours = sum(self._charge(job) for job in self._our_jobs)
        if not spent <= ours <= spent + open_ + risk:
            yield f"books: the server charged {ours}, the ledger says {spent} spent, {open_} open, {risk} at risk"

    @property
    def _our_jobs(self) -> list[str]:
        contents = set[str]().union(*self.contents.values())
        return [job.id for job in self.account.books.jobs.values() if job.fingerprint in contents]

    def _caps(self, attempts: Sequence[Known], made: Mapping[int, Post]) -> Iterator[str]:
        """By the end of no session had its batch been able to cost more than its cap, unless it had before."""
        before: Counter[int] = Counter()
        last = 0
        for number, (session, newest) in enumerate(self.sessions, start=1):
            now = Counter(before)
            for attempt in attempts:
                if last < attempt.seq <= newest and attempt.seq in made:
                    jobs = made[attempt.seq].jobs
                    now[attempt.batch] += sum(self._charge(job) for job, how in jobs if how != "again")
            for batch, cost in now.items():
                if session.max_credits is not None and cost > max(session.max_credits, before[batch]):
                    yield f"cap: session {number} came to {cost} credits of {session.max_credits}"
            before, last = now, newest

    def _floors(self, posts: Sequence[Post]) -> Iterator[str]:
        """No job of ours left less on the account than was to be kept, where the balance is true and nobody else takes.

        That a request is accepted late, after its answer was lost, is no excuse: it is counted as if it would be.
        """
        night = self.night
        if night.stale or night.price != 1 or night.broken is not None:
            return
        if any(event.what in {"other", "reset"} for event in night.events):
            return
        for post in posts:
            kept = [session.keep_credits for session, _ in self.sessions[post.session - 1:]]
            if None in kept:
                continue
            floor = min(each for each in kept if each is not None)
            for job, _ in post.jobs:
                left = self.account.view_at(self.account.books.jobs[job].arrived_at)["on_demand"]
                if left < floor:
                    yield f"floor: job {job} left {left} credits of {floor} to keep"

    def _window(self, posts: Sequence[Post]) -> Iterator[str]:
        """Requests that a proxy resent or held beyond Q are not ours to account for."""
        queue = min(60.0, self.night.settle)
        times = sorted(
            (arrival.at, post.session) for post in posts for arrival in post.arrivals
            if arrival.how != "again" and arrival.at <= post.left + 60.0 + queue
        )
        for place, (time, session) in enumerate(times):
            rate = max(self.sessions[session - 1][0].rate, self._rate_before(session))
            if place >= rate and time - times[place - rate][0] <= 60.0:
                yield f"window: {rate + 1} submits within {time - times[place - rate][0]:.2f} s at {time:.1f} s"
                return

    def _poll_window(self) -> Iterator[str]:
        """Never more status calls at the server than its window has places, over restarts too."""
        allowed = self.night.limits.status
        most = self.account.books.most_in_window(Call.STATUS, allowed.seconds)
        if most > allowed.calls:
            yield f"poll window: {most} status calls within {allowed.seconds:g} s, {allowed.calls} allowed"

    def _rate_before(self, session: int) -> int:
        return max(each.rate for each, _ in self.sessions[:session])

    def _attempts(self) -> list[Known]:
        return [Known(*found) for found in self.database.ask(
            "SELECT seq, item_id, batch_id, run_id, attempts.state, attempts.credits, boot_id, sending_s, sent_sha256, "
            "kind FROM attempts JOIN items ON items.id = item_id ORDER BY seq")]

    def states(self) -> Counter[str]:
        """How many attempts the ledger has in each state."""
        return Counter(attempt.state for attempt in self._attempts())


def _made(attempts: Sequence[Known], posts: Sequence[Post], jobs: Mapping[int, str]) -> dict[int, Post]:
    """Which request each attempt left as. ``jobs``: by attempt, the job that the ledger says it made.

    Of attempts that look the same, made in one moment, that one left whose job came of it; of the others the first.
    """
    left: defaultdict[object, list[Post]] = defaultdict(list)
    for post in posts:
        left[post.identity].append(post)
    made = {}
    for attempt in sorted(attempts, key=lambda attempt: (attempt.seq not in jobs, attempt.seq)):
        found = left[attempt.identity]
        if found:
            job = jobs.get(attempt.seq)
            own = next((post for post in found if any(job == each for each, _ in post.jobs)), found[0])
            found.remove(own)
            made[attempt.seq] = own
    return made


def content_of(spec: RowSpec) -> str:
    """What a row asks for, as the server tells it."""
    kind = KINDS[spec.kind]
    options: dict[str, object] = {**dict(spec.options), **({"haircut": "BobCut"} if spec.kind == "hairstyle" else {})}
    pictures = {each.name: f"url:https://pictures.example.com/{each.column}-{spec.picture}.jpg" for each in kind.inputs}
    defaults: dict[str, object] = {option.name: option.default for option in kind.options if option.default is not None}
    return _content(spec.kind, defaults | options, pictures)


def _content(kind: str, options: Mapping[str, object], pictures: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps([kind, dict(options), dict(pictures)], sort_keys=True).encode()).hexdigest()
