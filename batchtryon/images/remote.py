"""Pictures at addresses in object stores: looked at and read again as files are (faults M4, M5)."""

from __future__ import annotations

from typing import Protocol

from batchtryon.buckets import ObjectAddress
from batchtryon.errors import StoreRefused
from batchtryon.images.preflight import megabytes
from batchtryon.names import shown
from batchtryon.records import PictureUnusable

__all__ = ["RemoteReader", "look_at_object"]


class RemoteReader(Protocol):
    """What this room asks of object stores."""

    def allows(self, address: ObjectAddress) -> bool:
        """Whether the user allows pictures from there."""

    def read(self, address: ObjectAddress, most: int) -> bytes:
        """At most ``most`` bytes of the object.

        Raises FileNotFoundError, :class:`StoreRefused`, and :class:`StoreAway` or :class:`ConfigurationError`, which
        say nothing of this one picture and end the command.
        """


def look_at_object(text: str, remote: RemoteReader | None, max_bytes: int) -> tuple[ObjectAddress, bytes]:
    """The object that ``text`` names, and its bytes. Raises :class:`PictureUnusable`."""
    try:
        address = ObjectAddress.parse(text)
    except ValueError as exc:
        raise PictureUnusable(f"The address in an object store cannot be used: {exc}.", "Correct it.") from exc
    # Asked before anything is told of the object, be it only that it exists.
    if remote is None or not remote.allows(address):
        raise PictureUnusable(f"{shown(text)} lies in an object store that was not allowed.",
                              "If you trust this manifest, allow it with --allow-outside "
                              f"{address.scheme}://{address.bucket}/PREFIX.")
    try:
        content = remote.read(address, max_bytes + 1)
    except FileNotFoundError as exc:
        raise PictureUnusable(f"{shown(text)} does not exist.", "Check its name; capitals count.") from exc
    except StoreRefused as exc:
        raise PictureUnusable(f"{shown(text)} cannot be read.", str(exc)) from exc
    if len(content) > max_bytes:
        raise PictureUnusable(f"{shown(text)} has more than {megabytes(max_bytes)}.",
                              "Save it smaller: it is sent at no more than a few hundred kilobytes anyway.")
    return address, content
