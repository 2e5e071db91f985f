"""What a kill in the middle costs: each contender is killed as by ``kill -9``, and the same command given again.

Killed at drawn instants, and, as these seldom meet the worst one, just after a drawn submit was accepted, while its
answer travels back.
Counted at the server, by row: a row is known by the pictures that were sent.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final

from bench.catalog import write_catalog
from bench.peers import LOOP, OURS, PEERS, SDK, Peer, Program, command_of, durable_clusters, pictures_in, serving
from tests.contract.postgres_cluster import Cluster

__all__ = ["JOBS", "KILLED", "WHEN", "Losses", "measure"]

#: Some ten seconds of work.
JOBS: Final = 40
#: Each of them, and the plain ones also with the line that every user adds.
KILLED: Final = (
    OURS,
    *(changed for peer in (SDK, LOOP)
      for changed in (peer, replace(peer, title=f"{peer.title}, skips what is there", skipping=True))),
    *PEERS[3:],
)
WHEN: Final = ("at any instant", "just after a submit was accepted")
#: Seconds after the first submit within which it is killed, and which submits may be the one.
_INSTANTS, _SUBMITS = (0.5, 8.5), (3, JOBS - 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """Kills of one contender, summed."""

    title: str
    when: str
    kills: int
    #: Rows of all these batches.
    rows: int
    #: Credits paid for rows whose picture had been fetched before the kill, and for rows that were under way.
    redone: int
    under_way: int
    #: Rows without a picture after the second command, paid for; and those which were not paid for.
    paid_and_lost: int
    unpaid: int
    #: Second commands that said by their exit code that something is open.
    told: int
    #: Seconds of the second command, on average.
    again: float

    @property
    def paid_twice(self) -> int:
        """Credits that bought nothing new."""
        return self.redone + self.under_way


def measure(*, kills: int = 6, at_once: int = 4) -> list[Losses]:
    """Every peer, so many kills of each sort."""
    rng = Random(6)
    instants = [rng.uniform(*_INSTANTS) for _ in range(kills)]
    submits = [rng.randint(*_SUBMITS) for _ in range(kills)]
    with TemporaryDirectory(prefix="bench-") as folder, durable_clusters(at_once) as clusters:
        manifest = write_catalog(Path(folder), JOBS)
        with ThreadPoolExecutor(at_once) as pool:
            series = {
                (peer.title, when): [
                    pool.submit(_killed, peer, manifest, seed, clusters, after, submit)
                    for seed, (after, submit) in enumerate(
                        zip(instants, [1] * kills, strict=True) if when == WHEN[0]
                        else zip([0.0] * kills, submits, strict=True), start=1)
                ]
                for peer in KILLED if not peer.postgres or clusters for when in WHEN
            }
            return [_summed(title, when, [each.result() for each in group])
                    for (title, when), group in series.items()]


def _killed(peer: Peer, manifest: Path, seed: int, clusters: list[Cluster], after: float, submit: int) -> Losses:
    cluster = clusters.pop() if peer.postgres else None
    database = cluster.database() if cluster else None
    with TemporaryDirectory(prefix="bench-out-") as name, serving(seed, f"--tell-submit={submit}") as server:
        folder = Path(name)
        command = command_of(peer, server, manifest, folder, database)
        first = Program(command, folder)
        assert server.told() == {"accepted": submit}
        time.sleep(after)
        first.kill()
        first.ended()
        fetched, began = pictures_in(folder), time.monotonic()
        code, _ = Program(command, folder).ended()
        took = time.monotonic() - began
        books, missing = server.books(), JOBS - pictures_in(folder)
        log = (folder / "log").read_text(errors="replace")
    if cluster:
        clusters.append(cluster)
    repeated = Counter(books["repeated"])
    unpaid = min(missing, JOBS - books["rows"])
    found = Losses(
        title=peer.title, when=WHEN[0] if submit == 1 else WHEN[1], kills=1, rows=JOBS, redone=repeated["done"],
        under_way=repeated["under way"], paid_and_lost=missing - unpaid, unpaid=unpaid, told=int(code != 0), again=took,
    )
    print(f"  {fetched} fetched, killed after submit {submit} and {after:.2f} s; again: exit code {code}, "
          f"{json.dumps(books['refused'])}; {found}", flush=True)
    if missing and not code:
        raise RuntimeError(f"{peer.title} says that all is well, and {missing} pictures are missing:\n{log[-3000:]}")
    return found


def _summed(title: str, when: str, group: Sequence[Losses]) -> Losses:
    return Losses(
        title=title, when=when, kills=len(group), rows=sum(each.rows for each in group),
        redone=sum(each.redone for each in group), under_way=sum(each.under_way for each in group),
        paid_and_lost=sum(each.paid_and_lost for each in group), unpaid=sum(each.unpaid for each in group),
        told=sum(each.told for each in group), again=sum(each.again for each in group) / len(group),
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.peers_killed", description=__doc__)
    parser.add_argument("--kills", type=int, default=6)
    parser.add_argument("--at-once", type=int, default=4)
    asked = parser.parse_args()
    for losses in measure(kills=asked.kills, at_once=asked.at_once):
        print(losses)


if __name__ == "__main__":
    main()
