"""A source's bytes again, at the time of sending: the very bytes that were planned (fault M4)."""

from __future__ import annotations

from pathlib import Path

from batchtryon.buckets import ObjectAddress, is_object_address
from batchtryon.images.addresses import decode_data_url
from batchtryon.images.decoding import MAX_BYTES
from batchtryon.images.opening import NotAFile, read_file
from batchtryon.images.remote import RemoteReader
from batchtryon.names import shown
from batchtryon.records import PictureUnusable, Source, SourceForm

__all__ = ["PictureAway", "PictureChanged", "read_source"]

_RUN_AGAIN = "Run the same command again: the plan then says what the change costs."


class PictureChanged(PictureUnusable):
    """A picture is not what it was when its row was planned; it is not sent."""


class PictureAway(PictureChanged):
    """A picture that this machine cannot come at, which another one may: not there, not readable, not allowed."""


def read_source(source: Source, *, max_bytes: int = MAX_BYTES, remote: RemoteReader | None = None) -> bytes:
    """The bytes of a file, of an object that ``remote`` reads, or of a data URL.

    Raises :class:`PictureChanged` if they no longer have the digest of ``source``, of which :class:`PictureAway` says
    that this machine cannot come at them; what ``remote`` raises besides comes through. A public address has
    no bytes here: ValueError.
    """
    if source.form is SourceForm.URL:
        raise ValueError("a picture at an address is fetched by the API, not by us")
    content = decode_data_url(source.text) if source.form is SourceForm.DATA else _file(source, max_bytes, remote)
    if Source.of_bytes(source.form, source.text, content).digest != source.digest:
        raise PictureChanged(f"{_name(source)} was changed after it was planned.", _RUN_AGAIN)
    return content


def _file(source: Source, max_bytes: int, remote: RemoteReader | None) -> bytes:
    try:
        if is_object_address(source.text):
            return _object(source, max_bytes, remote)
        return read_file(Path(source.text), max_bytes + 1)
    except (FileNotFoundError, NotADirectoryError, NotAFile) as exc:
        raise PictureAway(f"{_name(source)} is no longer there.", _RUN_AGAIN) from exc
    except OSError as exc:
        raise PictureAway(f"{_name(source)} cannot be read: {exc.strerror or type(exc).__name__}.",
                          "Check its permissions, then run the same command again.") from exc


def _object(source: Source, max_bytes: int, remote: RemoteReader | None) -> bytes:
    address = ObjectAddress.parse(source.text)
    # Allowed when it was planned, perhaps by another command line: it is this one's user who sends it.
    if remote is None or not remote.allows(address):
        raise PictureAway(f"{_name(source)} lies in an object store that was not allowed.",
                          "Allow it with --allow-outside, then run the same command again.")
    return remote.read(address, max_bytes + 1)


def _name(source: Source) -> str:
    return shown(source.text, 200) if source.form is SourceForm.FILE else "The data URL"
