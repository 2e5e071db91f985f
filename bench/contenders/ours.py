"""This package, through its public function."""

from __future__ import annotations

import batchtryon
from bench.contenders.errand import CONCURRENCY, SUBMITS, SUBMITS_SECONDS, Errand

__all__ = ["main"]


def main() -> None:
    errand = Errand.from_arguments()
    batchtryon.run(
        errand.manifest, api_key=errand.key, base_url=errand.base_url, output=errand.output,
        rate=f"{SUBMITS}/{SUBMITS_SECONDS:g}s", poll_rate=f"300/{SUBMITS_SECONDS:g}s", concurrency=CONCURRENCY,
        settle="2s", on_message=print,
    )


if __name__ == "__main__":
    main()
