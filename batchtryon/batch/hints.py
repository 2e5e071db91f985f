"""What the pictures of a new manifest let guess, told to whoever begins it; nothing is decided by it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from batchtryon.images import LocalPictures
from batchtryon.records import Row

__all__ = ["FlatLays", "unread_pictures"]

_PHONES: Final = frozenset({".heic", ".heif"})


class FlatLays:
    """Garments on this machine, and which of them look laid flat: position 1 of a shop is often a worn shot."""

    def __init__(self) -> None:
        self._flat: dict[str, bool] = {}
        self._said = False

    def add(self, row: Row, pictures: LocalPictures) -> None:
        """Count a row's garment."""
        source = row.sources.get("garment_image")
        found = None if source is None else pictures.inspection(source)
        if source is not None and found is not None:
            self._flat[source.digest] = found.is_likely_flat_lay
            self._said |= row.options.get("garment_photo_type", "auto") != "auto"

    def hints(self, options: Mapping[str, str]) -> Iterator[str]:
        """What the pictures say of how they were taken, where nothing else did."""
        flat, known = sum(self._flat.values()), len(self._flat)
        if not flat or self._said or options.get("kind", "clothes") != "clothes":
            return
        option = "--option garment_photo_type=flat-lay"
        if flat == known:
            yield f"All {known} garments look laid flat (white all around). If they are, say so with {option}."
        else:
            yield (f"{flat} of {known} garments look laid flat (white all around), the others may be worn or hung. "
                   f"For a folder of flat ones alone there is {option}.")


def unread_pictures(places: Iterable[str]) -> Iterator[str]:
    """Pictures of phones that lie in the folders among ``places`` and are left out."""
    for folder in (path for each in places if (path := Path(each).expanduser()).is_dir()):
        count = sum(1 for each in folder.iterdir() if each.suffix.casefold() in _PHONES and each.is_file())
        if count:
            yield (f"{folder.name} holds {count} HEIC picture(s), which are left out. Export them as JPEG; an iPhone "
                   "takes JPEGs with Settings, Camera, Formats, Most Compatible.")
