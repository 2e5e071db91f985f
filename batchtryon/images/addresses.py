"""Pictures that a manifest gives as text: addresses and data URLs."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final
from urllib.parse import urlsplit

from batchtryon.images.decoding import MAX_BYTES
from batchtryon.names import shown
from batchtryon.records import PictureUnusable, Source

__all__ = ["decode_data_url", "is_address", "is_data_url", "source_of_url", "unusable_scheme"]

_LONGEST_URL: Final = 8000
_UNFIT_IN_URL: Final = re.compile(r"[\s\x00-\x20\x7f-\x9f\\<>\"]")
#: An address about which there is nothing to ask: most of a catalog's.
_PLAIN_URL: Final = re.compile(r"https?://[a-z0-9.-]*[a-z0-9](/[\w/.~%&=+,;:@!$'()*?#-]*)?", re.ASCII)
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]+):", re.IGNORECASE)
_DATA_URL: Final = re.compile(r"data:[\w/+.;=-]*;base64,", re.IGNORECASE | re.ASCII)


def is_address(text: str) -> bool:
    """Whether ``text`` is meant as an http(s) address."""
    return text[:8].casefold().startswith(("http://", "https://"))


def is_data_url(text: str) -> bool:
    """Whether ``text`` is meant as a data URL."""
    return text[:5].casefold() == "data:"


def source_of_url(text: str) -> Source:
    """The picture at a public address, which is not fetched. Raises :class:`PictureUnusable`."""
    if len(text) <= _LONGEST_URL and _PLAIN_URL.fullmatch(text):
        return Source.of_url(text)
    unfit = _UNFIT_IN_URL.search(text)
    if unfit or len(text) > _LONGEST_URL:
        what = f"has the character '{shown(unfit[0])}'" if unfit else f"has {len(text)} characters"
        raise PictureUnusable(f"The address {shown(text)} {what}, which no address may have.",
                              "Copy it from the browser's address bar (a space is written %20).")
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError as exc:
        raise PictureUnusable(f"{shown(text)} is not an address.", "Write it like https://host/picture.jpg.") from exc
    if not host:
        raise PictureUnusable(f"The address {shown(text)} names no host.", "Write it like https://host/picture.jpg.")
    if "@" in parts.netloc:
        raise PictureUnusable(f"The address at {shown(host)} holds a user name or password.",
                              "Use a public address: this one would be sent to the API as it is.")
    return Source.of_url(text)


def decode_data_url(text: str, *, max_bytes: int = MAX_BYTES) -> bytes:
    """The bytes in a data URL. Raises :class:`PictureUnusable` if it is not strictly base64, or too large."""
    head = _DATA_URL.match(text)
    if head is None:
        raise PictureUnusable(f"The data URL {shown(text, 40)} is not one of base64.",
                              "Write it as data:image/png;base64,….")
    if (len(text) - head.end()) * 3 // 4 > max_bytes + 2:
        raise PictureUnusable(f"The data URL holds more than {max_bytes // 10**6} MB.", "Save the picture smaller.")
    try:
        return base64.b64decode(text[head.end():].encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as exc:
        raise PictureUnusable(f"The data URL {shown(text, 40)} is cut off or holds characters that are not base64.",
                              "Encode the picture again.") from exc


def unusable_scheme(text: str) -> PictureUnusable | None:
    """Why an address of another kind cannot be used; None if ``text`` is not one."""
    if text.startswith("//"):
        return PictureUnusable(f"{shown(text)} has no scheme.", "Write https: before it.")
    found = _SCHEME.match(text)
    if found is None or not (text[found.end():].startswith("//") or found[1].casefold() == "file"):
        return None
    if found[1].casefold() == "file":
        return PictureUnusable(f"{shown(text)} is a file URL, which is not taken.",
                               "Write a path relative to the manifest; a folder elsewhere is allowed with "
                               "--allow-outside.")
    return PictureUnusable(f"'{shown(found[1])}' addresses are not taken.",
                           "Use an http(s) address, a data URL or a path relative to the manifest.")
