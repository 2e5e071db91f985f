"""Pictures: the manifest's checked and made ready for sending, the API's outputs verified."""

from __future__ import annotations

from batchtryon.images.decoding import PICTURE_SUFFIXES
from batchtryon.images.local import LocalPictures
from batchtryon.images.outputs import OutputPicture, inspect_output
from batchtryon.images.prepare import Prepared, prepare
from batchtryon.images.sources import PictureChanged, read_source

__all__ = ["PICTURE_SUFFIXES", "LocalPictures", "OutputPicture", "PictureChanged", "Prepared", "inspect_output", "prepare", "read_source"]
