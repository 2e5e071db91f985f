"""Performs one task in a process of its own; tells rows, seconds and peak memory as JSON."""

from __future__ import annotations

import importlib
import json
import resource
import sys
from pathlib import Path
from time import perf_counter, process_time

__all__ = ["main"]


def main() -> None:
    module, name, manifest, output = sys.argv[1:]
    task = getattr(importlib.import_module(module), name)
    began, used = perf_counter(), process_time()
    rows = task(Path(manifest), Path(output))
    seconds, cpu = perf_counter() - began, process_time() - used
    # Linux counts in kibibytes, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
    print(json.dumps({"rows": rows, "seconds": seconds, "cpu": cpu, "megabytes": megabytes}))


if __name__ == "__main__":
    main()
