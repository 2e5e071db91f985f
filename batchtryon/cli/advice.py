"""What to do about a row that failed or waits, by the name of its cause."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["advice_for"]

_REPLACE = "Replace the picture and run again: the row is then a new one. The same picture fails again."
_PASSES = "It often passes: batchtryon retry. A failed job costs nothing."

_BY_NAME: Mapping[str, str] = MappingProxyType({
    "BadRequest": "Correct the row's options or pictures as the message says, and run again.",
    "ContentModerationError": f"The picture was moderated; a milder moderation_level may do. Otherwise: {_REPLACE}",
    "ImageLoadError": f"Check that the picture's address is public and loads. {_REPLACE}",
    "NSFWError": _REPLACE,
    "PhotoTypeError": f"Set garment_photo_type (flat-lay or model), or use another photograph. {_REPLACE}",
    "PictureChanged": "The picture changed or went between check and upload. Run again once it stays as it is.",
    "PictureUnusable": "Nothing was sent. Correct the address or put the picture back, then 'batchtryon retry'.",
    "PipelineError": _PASSES,
    "PoseError": f"No usable pose was found: take a photograph of one upright, whole person. {_REPLACE}",
    "ProcessingError": _PASSES,
    "ThirdPartyError": _PASSES,
})

_BY_STATUS: Mapping[str, str] = MappingProxyType({
    "failed": "Read the message; 'batchtryon retry' runs the rows again. A failed job costs nothing.",
    "unknown": ("It may have been paid for. Compare with the account's history; 'batchtryon retry --unknown' renders "
                "it again and may pay twice."),
    "expired": "It was paid for, and its picture is gone. 'batchtryon retry' renders it again and pays again.",
    "vanished": "It was accepted, and may be paid for. 'batchtryon retry' renders it again and may pay twice.",
})


def advice_for(name: str, status: str) -> str:
    """What to do about rows with the word ``status`` of ``tryon_status`` and the cause ``name``."""
    if name == "PaidAndLost":
        return "Its job's id is lost. 'batchtryon retry --unknown' renders it again and pays again."
    if status != "failed":
        # What counts then is that a credit may be lost, whatever the cause is called.
        return _BY_STATUS.get(status, _BY_STATUS["failed"])
    return _BY_NAME.get(name, _BY_STATUS["failed"])
