"""The public Python API, and the one place where concrete classes are chosen and wired."""
