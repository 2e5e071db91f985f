"""The official SDK in a pool of as many threads as the account has slots: what its documentation invites to."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import requests
import tryiton  # type: ignore[import-untyped]  # it has none

from bench.contenders.errand import CONCURRENCY, PAUSE, POLL_EVERY, Errand, Wanted

__all__ = ["main"]

T = TypeVar("T")


def until_admitted(call: Callable[[], T]) -> T:
    """Call again after a pause for as long as a limit refuses it."""
    while True:
        try:
            return call()
        except tryiton.TryItOnError as exc:
            if exc.error_name not in {"RateLimitExceeded", "ConcurrencyLimitExceeded"}:
                raise
            time.sleep(PAUSE)


def render(client: tryiton.TryItOn, errand: Errand, row: Wanted) -> None:
    submit = partial(
        client.try_on_clothes, model_image=row.person, garment_image=row.garment, mode=row.mode,
        output_format=row.output_format,
    )
    job_id = until_admitted(submit)
    (url,) = until_admitted(partial(client.wait_for_result, job_id, poll_interval=POLL_EVERY))
    answer = requests.get(url, timeout=60)
    answer.raise_for_status()
    errand.keep(row.name, answer.content)


def main() -> None:
    errand = Errand.from_arguments()
    client = tryiton.TryItOn(errand.key, base_url=errand.base_url)
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        for rendering in [pool.submit(render, client, errand, row) for row in errand.rows()]:
            rendering.result()


if __name__ == "__main__":
    main()
