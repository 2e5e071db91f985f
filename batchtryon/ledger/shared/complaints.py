"""What PostgreSQL and psycopg say when something is wrong, in words of ours: one line, and what to do.

SQLSTATE codes decide where there are any. A connection that was never made has none, only a text, which a server may
give in its own language: what is not understood counts as a server that is away, so that it is asked again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from sqlalchemy.exc import DBAPIError, InterfaceError, NoResultFound, OperationalError, SQLAlchemyError

from batchtryon.errors import BatchTryonError, DiskError, LedgerAway, LedgerBusy, LedgerError, LedgerForgot
from batchtryon.ledger.database import SECRETS, redacted

__all__ = ["LOST_PLANS", "reason_of", "state_of", "translated"]

#: Longest reason that is passed on: several hosts, each with its own, make a long one.
_LONGEST = 300
#: SQLSTATE codes and classes, the first that fits, and what is made of them.
_AGAIN = "Run the same command again later."
#: A prepared statement that the server does not know, or knows already: the connection is not the one it was.
LOST_PLANS = ("26000", "42P05")
_LATER: Mapping[str, str] = {
    "25006": "only reads now: it is a standby, or was one a moment ago. Name the server that writes, then run again.",
    "55P03": f"is held up by another worker. {_AGAIN}",
    "40": f"was held up by another worker. {_AGAIN}",
    "53300": f"has no connection to spare. {_AGAIN}",
    "53": f"has not enough memory or other means. {_AGAIN}",
    "57014": f"took too long, or its manager ended our question. {_AGAIN}",
    "25P": f"had heard nothing of this process for too long, and let its connection go. {_AGAIN}",
    **dict.fromkeys(LOST_PLANS, f"stands behind a pool that gave our connection to others. {_AGAIN}"),
    "08": f"is away. {_AGAIN}",
    "57P": f"is away. {_AGAIN}",
}
_TWICE: Mapping[str, str] = {
    "23505": f"was given the same by another process at the same moment. {_AGAIN}",
}
_NEVER: Mapping[str, str] = {
    "28": "does not let us in. Check the address, the user and the password (PGPASSFILE, PGPASSWORD).",
    "3D": "does not exist. Check the address, or make it with createdb.",
    "42501": "does not give this user the rights it needs: GRANT CREATE, USAGE ON SCHEMA public; the tables must be "
             "its own.",
    "42": "holds tables that are not those of this version of batchtryon. Choose another --ledger.",
    "XX00": "is damaged. Put back a copy of it; starting with an empty one would pay again for what it knows.",
}
#: The same for what is said before there is a connection.
_NOT_LET_IN = ("authentication failed", "does not exist", "no password", "no pg_hba.conf entry", "permission denied",
               "is not permitted to log in", "pg_hba.conf rejects")
_NOT_SAFE = ("ssl", "certificate", "root.crt")


def translated(exc: SQLAlchemyError | OSError, url: str) -> BatchTryonError:
    """What went wrong in the database at ``url``, and what to do about it."""
    if isinstance(exc, NoResultFound):
        return LedgerForgot(
            f"{redacted(url)}: the ledger has lost a row that this process knew. A copy was put back, or a standby "
            "took over without it. Bring back the server that has it; what is missing would be paid for again."
        )
    state, reason = state_of(exc), reason_of(exc, url)
    what = f"{redacted(url)}: the database"
    if state is None:
        return _without_state(exc, what, reason)
    if state == "53100" or state.startswith("58"):
        return DiskError(f"{what}'s disk is full or ill ({reason}). Free some space there, then run again.")
    for known, error in ((_LATER, LedgerAway), (_TWICE, LedgerBusy), (_NEVER, LedgerError)):
        said = next((text for code, text in known.items() if state.startswith(code)), None)
        if said is not None:
            head, _, rest = said.partition(". ") if ". " in said else (said.rstrip("."), "", "")
            return error(f"{what} {head} ({reason}). {rest}".rstrip())
    if isinstance(exc, DBAPIError) and exc.connection_invalidated:
        return LedgerAway(f"{what} is away ({reason}). {_AGAIN}")
    return LedgerError(f"{redacted(url)}: the ledger cannot be used ({reason}).")


def _without_state(exc: SQLAlchemyError | OSError, what: str, reason: str) -> BatchTryonError:
    """There was no connection, or it broke, or what was to be sent could not be."""
    broken = isinstance(exc, DBAPIError) and exc.connection_invalidated
    if not broken and not isinstance(exc, OperationalError | InterfaceError | OSError):
        return LedgerError(f"{what} cannot be used as a ledger ({reason}).")
    said = reason.lower()
    if any(word in said for word in _NOT_LET_IN) and not broken:
        return LedgerError(f"{what} does not let us in ({reason}). Check the address, the user and the password "
                           "(PGPASSFILE, PGPASSWORD).")
    if any(word in said for word in _NOT_SAFE) and "closed" not in said and not broken:
        return LedgerError(f"{what} cannot be reached as safely as was asked ({reason}). Check sslmode and the "
                           "certificates.")
    return LedgerAway(f"{what} is away ({reason}). {_AGAIN}")


def state_of(exc: SQLAlchemyError | OSError) -> str | None:
    """The SQLSTATE code, if there is one."""
    found = getattr(exc.orig if isinstance(exc, DBAPIError) else exc, "sqlstate", None)
    return found if isinstance(found, str) else None


def reason_of(exc: SQLAlchemyError | OSError, url: str) -> str:
    """In one line, without anything secret of the address (a password with an unescaped @ is taken for a host)."""
    origin = exc.orig if isinstance(exc, DBAPIError) else exc
    primary = getattr(getattr(origin, "diag", None), "message_primary", None)
    said = " ".join(str(primary or origin).split())
    for secret in sorted(_secrets(url), key=len, reverse=True):
        said = said.replace(secret, "***")
    said = "".join(each if each.isprintable() else "?" for each in said).rstrip(". ")
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]}…"


def _secrets(url: str) -> Iterator[str]:
    """Whatever of an address may be a password, or a piece of one."""
    whole = [found[1] for found in [re.search(r"//[^/:]*:(.*)@", url)] if found]
    whole += [found[1] for found in re.finditer(rf"(?i)[?&][^=&]*(?:{SECRETS})[^=&]*=([^&]*)", url)]
    for text in whole:
        for form in {text, unquote(text)}:
            # Shorter pieces tell nothing, and stand in many a word.
            yield from (piece for piece in {form, *re.split(r"[@/:?#&]", form)} if len(piece) > 2)
