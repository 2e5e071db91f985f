"""The library that speaks to object stores, imported when one is used: most never need it."""

from __future__ import annotations

from types import ModuleType
from typing import NamedTuple

from batchtryon.errors import ConfigurationError

__all__ = ["Library", "load_library"]


class Library(NamedTuple):
    """The modules of obstore."""

    calls: ModuleType
    errors: ModuleType
    stores: ModuleType


def load_library() -> Library:
    """Import it. Raises :class:`ConfigurationError` if it is not installed."""
    try:
        import obstore  # noqa: PLC0415 -- an extra: see the module
        from obstore import exceptions, store  # noqa: PLC0415 -- same
    except ImportError as exc:
        raise ConfigurationError("Object stores are spoken to by obstore, which is not installed. Install it with "
                                 "pip install 'batchtryon[objects]', or name a folder.") from exc
    return Library(obstore, exceptions, store)
