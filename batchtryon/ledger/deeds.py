"""Several deeds in one commit, for a commit costs more than all that is in it, on either ledger.

Durability stays what it is: nobody hears that a deed is done before the commit that holds it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from typing import TypeVar

from batchtryon.errors import BatchTryonError

__all__ = ["do_together"]

class _Refused(Exception):
    """One of several deeds cannot be done."""


S = TypeVar("S")
T = TypeVar("T")


def do_together(
    begin: Callable[[], AbstractContextManager[S]], deeds: Sequence[Callable[[S], T]]
) -> list[T | Exception]:
    """What each deed gave, or what it raised, in their order.

    All in one commit; where one of them cannot be done nothing of that is kept, and each has a commit of its own.
    Where it is the ledger that cannot go on, it is not asked again for every one of them.
    """
    if len(deeds) > 1:
        try:
            # What one of them raises it tells below, alone.
            with suppress(_Refused), begin() as given:
                return [_done(deed, given) for deed in deeds]
        except Exception as exc:  # noqa: BLE001 - it is the callers' to raise
            return [exc] * len(deeds)
    told = list[T | Exception]()
    for deed in deeds:
        try:
            with begin() as given:
                result = deed(given)
            told.append(result)
        except BatchTryonError as exc:
            return [*told, *[exc] * (len(deeds) - len(told))]
        except Exception as exc:  # noqa: BLE001 - it is the caller's to raise
            told.append(exc)
    return told


def _done(deed: Callable[[S], T], given: S) -> T:
    try:
        return deed(given)
    except BatchTryonError:
        raise
    except Exception as exc:
        raise _Refused from exc
