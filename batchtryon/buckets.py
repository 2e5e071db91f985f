"""Addresses in object stores: ``s3://bucket/prefix``, and the same with ``gs://`` and ``az://``.

They name a place and nothing else: an address that carries a user name, a password or a query is refused, and no
message repeats it (``design/faults.md`` L9).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["ObjectAddress", "is_object_address"]

_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_BUCKET: Final = re.compile(r"[A-Za-z0-9$][A-Za-z0-9._-]{1,221}")
_SCHEMES: Final = ("s3", "gs", "az")


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectAddress:
    """A bucket (a container, in ``az``), and what names in it begin with."""

    #: ``s3``, ``gs`` or ``az``.
    scheme: str
    bucket: str
    #: Parts joined by ``/``, without one at either end; empty: the whole bucket.
    prefix: str = ""

    @classmethod
    def parse(cls, text: str) -> ObjectAddress:
        """The address in ``text``. Raises ValueError with a clause that does not repeat it."""
        head = _SCHEME.match(text)
        if head is None or head[1].casefold() not in _SCHEMES:
            raise ValueError("addresses of that kind are not taken; write a folder's path, or s3://bucket/prefix, "
                             "gs://bucket/prefix or az://container/prefix")
        bucket, _, rest = text[head.end():].partition("/")
        if "@" in bucket or "?" in text or "#" in text:
            raise ValueError("an address holds only a bucket and a prefix; credentials come from the environment")
        prefix = rest.strip("/")
        parts = prefix.split("/") if prefix else []
        if not _BUCKET.fullmatch(bucket):
            raise ValueError("the address names no bucket; write it like s3://bucket/prefix")
        if not prefix.isprintable() or "\\" in prefix or any(part in {"", ".", ".."} for part in parts):
            raise ValueError("the part after the bucket is no plain prefix; write it like s3://bucket/prefix")
        return cls(scheme=head[1].casefold(), bucket=bucket, prefix=prefix)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}" + (f"/{self.prefix}" if self.prefix else "")

    def __truediv__(self, name: str) -> ObjectAddress:
        prefix = f"{self.prefix}/{name}" if self.prefix else name
        return ObjectAddress(scheme=self.scheme, bucket=self.bucket, prefix=prefix)

    def holds(self, other: ObjectAddress) -> bool:
        """Whether ``other`` lies at or below this one; a prefix ends where a part of a name ends."""
        if (self.scheme, self.bucket) != (other.scheme, other.bucket):
            return False
        return not self.prefix or f"{other.prefix}/".startswith(f"{self.prefix}/")


def is_object_address(text: str) -> bool:
    """Whether ``text`` is meant as an address in an object store."""
    return text[:5].casefold().startswith(tuple(f"{scheme}://" for scheme in _SCHEMES))
