"""What an object store's errors mean, translated once (``design/house.md``: foreign errors at the edge).

The library's own texts are never shown: they quote whole addresses, and those of some stores carry signatures.
Only the status and the error's short name are taken from them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from batchtryon.errors import StoreAway, StoreRefused
from batchtryon.store.library import Library

__all__ = ["translated"]

_STATUS: Final = re.compile(r"status code: (\d{3})")
_CODE: Final = re.compile(r"<Code>([A-Za-z0-9]{1,60})</Code>")
_NO_BUCKET: Final = frozenset({"NoSuchBucket", "ContainerNotFound", "InvalidBucketName"})
#: Refusals that another try may pass.
_LATER: Final = frozenset({"SlowDown", "RequestTimeout", "OperationAborted", "ConditionalRequestConflict",
                           "ServerBusy", "OperationTimedOut", "InternalError"})
_CREDENTIALS: Final = frozenset({"ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch",
                                 "TokenRefreshRequired", "AuthenticationFailed", "InvalidClientTokenId"})


@contextmanager
def translated(library: Library, place: str) -> Iterator[None]:
    """Turn what the library raises into ours. A missing object, and a failed condition, come through as they are.

    Raises :class:`StoreRefused` and :class:`StoreAway`, with ``place`` as the name of what was asked for.
    """
    errors = library.errors
    try:
        yield
    except FileNotFoundError as exc:
        if _code(exc) in _NO_BUCKET:
            raise _no_bucket(place) from None
        raise FileNotFoundError(f"{place}: there is no such object.") from None
    except (errors.AlreadyExistsError, errors.PreconditionError):
        raise
    except (errors.BaseError, OSError, ValueError) as exc:
        raise _meant(exc, place, denied=isinstance(exc, errors.PermissionDeniedError),
                     unknown=isinstance(exc, errors.UnauthenticatedError)) from None


def _meant(exc: Exception, place: str, *, denied: bool, unknown: bool) -> StoreRefused | StoreAway:
    code, found = _code(exc), _STATUS.search(str(exc))
    status = int(found[1]) if found else 0
    told = f"{status} {code}".strip() if status else code
    if code in _NO_BUCKET:
        return _no_bucket(place)
    if unknown or code in _CREDENTIALS or status == 401:
        return StoreRefused(f"{place}: the object store does not take the credentials ({told or 'unauthenticated'}). "
                            "Check the keys or the profile in the environment, then run the same command again.")
    if denied or status == 403:
        return StoreRefused(f"{place}: access is denied ({told or '403'}). The credentials need the right to list, "
                            "read, write and delete there; then run the same command again.")
    if 300 <= status < 500 and status not in {408, 429} and code not in _LATER:
        return StoreRefused(f"{place}: the object store refused ({told}). Check bucket, region and endpoint, then run "
                            "the same command again.")
    reason = f"it answered {told}" if told else "it cannot be reached, or did not answer in time"
    return StoreAway(f"{place}: the object store is not there for now: {reason}. Run the same command again later.")


def _no_bucket(place: str) -> StoreRefused:
    return StoreRefused(f"{place}: there is no such bucket. Create it, or check its name, region and endpoint.")


def _code(exc: Exception) -> str:
    found = _CODE.search(str(exc))
    return found[1] if found else ""
