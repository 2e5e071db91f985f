"""A rendered picture's way to the shop: looked at, copied under its new name, and given its address."""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, quote, unquote, urlsplit

from batchtryon.errors import UsageError
from batchtryon.images.decoding import BrokenPicture, NotAPicture, TooLarge, opened
from batchtryon.manifest.feeds.products import FeedKind
from batchtryon.report.shop.naming import Names, Template, alt_of
from batchtryon.report.shop.rendered import Gallery, Hanging, Rendered, Written
from batchtryon.store import FolderStore, Shelf

__all__ = ["Gatherer", "Placed", "checked_base"]

#: Google refuses smaller pictures from 2027-01-31 (``design/feeds.md``).
_LEAST_SIDE: Final = 500
_MOST_PIXELS: Final = 100 * 10**6
_SUFFIXES: Final = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp"}
#: What Shopify adds to the name of a file whose name it has already.
_SHOPIFY_MARK: Final = re.compile(r"_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(?=\.[a-z]+\Z)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A picture as the shop's table speaks of it."""

    address: str
    alt: str


class Gatherer:
    """Gives each picture its address; looks at its file and copies it where that was asked for.

    A file in the folder is never replaced: one with the same bytes is taken for ours, and beside one with others the
    picture gets a name with a mark of its bytes. So a new take has a new address too, and no cache shows the old one.
    """

    def __init__(self, store: Shelf, kind: FeedKind, pictures: Gallery, hanging: Hanging, told: Written) -> None:
        self._base = checked_base(hanging, kind)
        self._names = Names(hanging.name, pictures)
        self._alt = Template(hanging.alt, "--alt")
        self._store = store
        self._images = FolderStore(hanging.images) if hanging.images is not None else None
        self._to_jpeg = hanging.to_jpeg
        self._measured = kind is FeedKind.GOOGLE
        self._told = told
        #: Addresses already given; None: the picture is left out.
        self._given: dict[str, str | None] = {}

    def is_there(self, key: str, picture: Rendered, addresses: Iterable[str]) -> bool:
        """Whether one of the export's ``addresses`` is this picture's, so that it need not be added again.

        Where files are collected, a shop's own copy under the same file name counts too: that is what a picture
        which was imported earlier comes back as.
        """
        ours = self._expected(key, picture)
        if self._images is None:
            return any(there.strip() == ours for there in addresses)
        return any(_file_name(there) == _file_name(ours) for there in addresses)

    def _expected(self, key: str, picture: Rendered) -> str:
        """The address that a picture gets if nothing is in its way."""
        if self._images is None:
            return self._address(picture.path)
        suffix = ".jpg" if self._to_jpeg else posixpath.splitext(picture.path)[1]
        return self._address(f"{self._names.of(key, picture)}{suffix}")

    def place(self, key: str, picture: Rendered) -> Placed | None:
        """The picture with its address, its file copied; None if it has to be left out, which is noted.

        Raises :class:`DiskError`, and :class:`UsageError` where both its names in the folder are taken.
        """
        if picture.path not in self._given:
            self._given[picture.path] = self._gathered(key, picture)
        address = self._given[picture.path]
        return Placed(address=address, alt=alt_of(self._alt, key, picture)) if address is not None else None

    def _gathered(self, key: str, picture: Rendered) -> str | None:
        if self._images is None and not self._measured:
            if self._store.exists(picture.path):
                return self._address(picture.path)
            self._told.missing.append(picture.path)
            return None
        try:
            content = self._store.read(picture.path)
            with opened(content, max_pixels=_MOST_PIXELS, formats=tuple(_SUFFIXES)) as image:
                suffix, size = _SUFFIXES[image.format or ""], image.size
        except (FileNotFoundError, NotAPicture, BrokenPicture, TooLarge):
            self._told.missing.append(picture.path)
            return None
        if self._measured and min(size) < _LEAST_SIDE:
            self._told.small.append(picture.path)
            return None
        if self._images is None:
            return self._address(picture.path)
        if self._to_jpeg is not None and suffix != ".jpg":
            content, suffix = self._to_jpeg(content), ".jpg"
        return self._address(self._collected(self._images, self._names.of(key, picture), suffix, content))

    def _collected(self, folder: FolderStore, stem: str, suffix: str, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        for name in (f"{stem}{suffix}", f"{stem}-{digest[:12]}{suffix}"):
            if folder.digest(name) == digest:
                return name
            if not os.path.lexists(folder.root / name):
                folder.write(name, content)
                self._told.copied += 1
                return name
        raise UsageError(f"{folder.root / name} is there already and is another file, which is not replaced. "
                         "Move it away, or choose another folder with --images.")

    def _address(self, path: str) -> str:
        return f"{self._base}/{quote(path)}" if self._base else path


def checked_base(hanging: Hanging, kind: FeedKind) -> str:
    """The address before each picture's name, without its last slash; "" for bare names.

    Only WooCommerce takes names alone: those of files in its media library. Raises :class:`UsageError`.
    """
    if hanging.to_jpeg is not None and hanging.images is None:
        raise UsageError("JPEG files are made where they are collected. Add --images DIR.")
    if hanging.base_url is None:
        if kind is FeedKind.WOOCOMMERCE and hanging.images is not None:
            return ""
        fix = "Add --base-url https://… for the place where they will be served" + (
            ", or --images DIR for files to upload to its media library." if kind is FeedKind.WOOCOMMERCE else ".")
        raise UsageError(f"The shop fetches the pictures by their address. {fix}")
    base = hanging.base_url.strip().rstrip("/")
    parts = _parts(base)
    if parts is None:
        # The address itself is not repeated: it may hold a password.
        raise UsageError("--base-url is no address that a shop can fetch from. Write one such as "
                         "https://cdn.example.com/models, without a user, a query (?) or a fragment (#).")
    return f"{parts.scheme}://{parts.netloc}{quote(parts.path, safe='/%~')}"


def _parts(base: str) -> SplitResult | None:
    if "?" in base or "#" in base:
        return None
    try:
        parts = urlsplit(base)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        return None
    plain = re.fullmatch(r"[A-Za-z0-9.:\[\]_-]+", parts.netloc)
    return parts if usable and plain else None


def _file_name(address: str) -> str:
    path = address.strip().partition("?")[0].partition("#")[0]
    return _SHOPIFY_MARK.sub("", unquote(path.rsplit("/", 1)[-1])).casefold()
