"""batchtryon workers on a Dask cluster: one for each of its workers.

    python deploy/dask_workers.py --scheduler tcp://scheduler:8786 -- --ledger postgresql://tryon@db/tryon --until-idle
    python deploy/dask_workers.py --local 4 -- --ledger postgresql://tryon@db/tryon --until-idle

What comes after ``--`` goes to ``batchtryon worker`` as it is. Dask only starts the workers. It must never get one task
a row: it runs a task again when one of its workers is lost, and keeps no record of what was paid for. A worker that is
begun again does no harm, for the ledger knows what it did. So: one task a worker, ``retries=0``, ``pure=False``. A task
that is cancelled, as all are when this script is interrupted, ends its worker by SIGTERM.

The key and the database's password are read on each host, from the environment of its Dask worker or from files named
after ``--``: they are no arguments of a task, for those pass through the scheduler.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import uuid
from collections.abc import Sequence
from contextlib import suppress

from dask.typing import Key
from distributed import Client, Future, LocalCluster, get_worker

#: Becomes the command after its first argument, and gets SIGTERM (15) when the process of that number dies: Dask ends
#: its workers without a word to what they started. PR_SET_PDEATHSIG (1) of prctl(2) is for Linux only; a ``preexec_fn``
#: would run between threads.
_WITH_PARENT = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 15)
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""
#: Seconds between two looks at whether the task was cancelled.
_LOOK_EVERY = 0.5


def work(arguments: Sequence[str]) -> int:
    """On a Dask worker: be a batchtryon worker until it ends, or the task is cancelled. Gives its exit code."""
    task = get_worker().get_current_task()
    batchtryon = [sys.executable, "-m", "batchtryon", "worker", *arguments]
    with subprocess.Popen([sys.executable, "-c", _WITH_PARENT, str(os.getpid()), *batchtryon]) as process:
        while True:
            with suppress(subprocess.TimeoutExpired):
                return process.wait(_LOOK_EVERY)
            if not is_wanted(task):
                process.terminate()
                # Never killed: it awaits its submits under way (docs/workers.md says how long).
                return process.wait()


def is_wanted(task: Key) -> bool:
    """Whether anyone still waits for a task of this Dask worker; Dask does not stop one that has begun."""
    state = get_worker().state.tasks.get(task)
    return state is not None and state.state == "executing"


def start(client: Client, arguments: Sequence[str]) -> dict[str, Future[int]]:
    """One task for each worker of the cluster, by the worker's address."""
    return {
        address: client.submit(
            work, list(arguments), key=f"batchtryon-{uuid.uuid4().hex}", pure=False, retries=0,
            workers=[address], allow_other_workers=False,
        )
        for address in client.scheduler_info(n_workers=-1)["workers"]
    }


def main() -> int:
    """Start them, and wait for all. Gives the first exit code that is not 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--scheduler", metavar="ADDRESS", help="a Dask scheduler that runs already")
    where.add_argument("--local", metavar="N", type=int, help="begin N Dask workers on this machine")
    parser.add_argument("arguments", nargs="+", metavar="-- ARGUMENTS", help="for batchtryon worker")
    given = parser.parse_args()
    if given.scheduler:
        with Client(given.scheduler) as client:
            return wait(start(client, given.arguments))
    # One thread: a worker is a process that does everything at once by itself.
    with LocalCluster(n_workers=given.local, threads_per_worker=1, dashboard_address=None) as cluster, \
            Client(cluster) as client:
        return wait(start(client, given.arguments))


def wait(started: dict[str, Future[int]]) -> int:
    """Until all have ended."""
    codes = {address: future.result() for address, future in started.items()}
    for address, code in codes.items():
        print(f"{address}: batchtryon worker ended with exit code {code}")
    return next((code for code in codes.values() if code), 0)


if __name__ == "__main__":
    sys.exit(main())
