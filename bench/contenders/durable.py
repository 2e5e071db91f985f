"""A durable queue: DBOS, with a workflow for each row, whose steps are recorded as they end.

As its documentation has it: the queue holds the limits (https://docs.dbos.dev/python/tutorials/queue-tutorial), the
workflow's id is the row's, so that enqueuing twice is once, and what was interrupted is recovered when the same program
starts again (https://docs.dbos.dev/python/tutorials/workflow-tutorial); a step is retried by its own rule
(https://docs.dbos.dev/python/tutorials/step-tutorial).
"""

from __future__ import annotations

import time
from typing import Any

import httpx
from dbos import DBOS, DBOSConfig, SetWorkflowID

from bench.contenders.errand import CONCURRENCY, PAUSE, POLL_EVERY, SPEED, SUBMITS, WINDOW, Errand, Wanted

__all__ = ["main"]

_QUEUE = "try-ons"
#: The queue is looked at once a second unless told otherwise.
_LOOK_EVERY = 1 / SPEED
_ERRAND = Errand.from_arguments()
_CLIENT = httpx.Client(timeout=60)
_ROWS: dict[str, Wanted] = {row.name: row for row in _ERRAND.rows()}


def refused(exc: BaseException) -> bool:
    """Whether a limit said no."""
    return isinstance(exc, httpx.HTTPStatusError) and exc.response.status_code == httpx.codes.TOO_MANY_REQUESTS


@DBOS.step(retries_allowed=True, interval_seconds=PAUSE, max_attempts=12, should_retry=refused)
def submit(name: str) -> str:
    row = _ROWS[name]
    body = {"model_image": row.person, "garment_image": row.garment, "mode": row.mode,
            "output_format": row.output_format}
    return str(_call("POST", "/tryon/clothes", json=body)["jobId"])


@DBOS.step(retries_allowed=True, interval_seconds=PAUSE, max_attempts=12, should_retry=refused)
def result(job_id: str) -> str:
    while True:
        time.sleep(POLL_EVERY)
        told = _call("GET", f"/status/{job_id}")
        if told["status"] == "completed":
            return str(told["output"][0])
        if told["status"] == "failed":
            raise RuntimeError(f"job {job_id} failed: {told['error']}")


@DBOS.step()
def download(name: str, url: str) -> None:
    answer = _CLIENT.get(url)
    answer.raise_for_status()
    _ERRAND.keep(name, answer.content)


@DBOS.workflow()
def render(name: str) -> None:
    download(name, result(submit(name)))


def _call(method: str, path: str, **content: Any) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {_ERRAND.key}"}
    answer = _CLIENT.request(method, f"{_ERRAND.base_url}{path}", headers=headers, **content)
    told: dict[str, Any] = answer.raise_for_status().json()
    return told


def main() -> None:
    database = _ERRAND.database or f"sqlite:///{_ERRAND.output}/dbos.sqlite"
    DBOS(config=DBOSConfig(name="bench", system_database_url=database, log_level="WARNING"))
    DBOS.launch()
    DBOS.register_queue(_QUEUE, global_concurrency=CONCURRENCY, limiter={"limit": SUBMITS, "period": WINDOW},
                        polling_interval_sec=_LOOK_EVERY)
    handles = []
    for name in _ROWS:
        with SetWorkflowID(name):
            handles.append(DBOS.enqueue_workflow(_QUEUE, render, name))
    for handle in handles:
        handle.get_result()
    DBOS.destroy()


if __name__ == "__main__":
    main()
