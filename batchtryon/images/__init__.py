"""Pictures: the manifest's checked and made ready for sending, the API's outputs verified."""

from __future__ import annotations

from batchtryon.images.decoding import PICTURE_SUFFIXES
from batchtryon.images.jpeg import as_jpeg
from batchtryon.images.label import CannotLabel, Label, label, read_label
from batchtryon.images.local import LocalPictures
from batchtryon.images.outputs import OutputPicture, inspect_output
from batchtryon.images.preflight import Inspection, inspect
from batchtryon.images.prepare import Prepared, prepare
from batchtryon.images.prepared import PreparedCache
from batchtryon.images.sources import PictureAway, PictureChanged, read_source

__all__ = [
    "PICTURE_SUFFIXES",
    "CannotLabel",
    "Inspection",
    "Label",
    "LocalPictures",
    "OutputPicture",
    "PictureAway",
    "PictureChanged",
    "Prepared",
    "PreparedCache",
    "as_jpeg",
    "inspect",
    "inspect_output",
    "label",
    "prepare",
    "read_label",
    "read_source",
]
