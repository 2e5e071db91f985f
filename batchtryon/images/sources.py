"""A source's bytes again, at the time of sending: the very bytes that were planned (fault M4)."""

from __future__ import annotations

from pathlib import Path

from batchtryon.images.addresses import decode_data_url
from batchtryon.images.decoding import MAX_BYTES
from batchtryon.images.opening import NotAFile, read_file
from batchtryon.names import shown
from batchtryon.records import PictureUnusable, Source, SourceForm

__all__ = ["PictureChanged", "read_source"]

_RUN_AGAIN = "Run the same command again: the plan then says what the change costs."


class PictureChanged(PictureUnusable):
    """A picture is not what it was when its row was planned; it is not sent."""


def read_source(source: Source, *, max_bytes: int = MAX_BYTES) -> bytes:
    """The bytes of a file or a data URL.

    Raises :class:`PictureChanged` if they are gone or no longer have the digest of ``source``, and
    :class:`PictureUnusable` if they cannot be read. An address has no bytes here: ValueError.
    """
    if source.form is SourceForm.URL:
        raise ValueError("a picture at an address is fetched by the API, not by us")
    content = decode_data_url(source.text) if source.form is SourceForm.DATA else _file(source, max_bytes)
    if Source.of_bytes(source.form, source.text, content).digest != source.digest:
        raise PictureChanged(f"{_name(source)} was changed after it was planned.", _RUN_AGAIN)
    return content


def _file(source: Source, max_bytes: int) -> bytes:
    try:
        return read_file(Path(source.text), max_bytes + 1)
    except (FileNotFoundError, NotADirectoryError, NotAFile) as exc:
        raise PictureChanged(f"{_name(source)} is no longer there.", _RUN_AGAIN) from exc
    except OSError as exc:
        raise PictureUnusable(f"{_name(source)} cannot be read: {exc.strerror or type(exc).__name__}.",
                              "Check its permissions, then run the same command again.") from exc


def _name(source: Source) -> str:
    return shown(source.text, 200) if source.form is SourceForm.FILE else "The data URL"
