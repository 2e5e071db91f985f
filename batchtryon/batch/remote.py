"""Pictures of a manifest that lie in an object store: read through the same store as outputs, where the user allows it.

A manifest may come from someone else, and the credentials are the user's: without his word it could have any object
that he can read sent to the API.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from batchtryon.buckets import ObjectAddress, is_object_address
from batchtryon.store.objects import ObjectStore

__all__ = ["RemotePictures"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemotePictures:
    """A :class:`~batchtryon.images.remote.RemoteReader`. May be shared by threads."""

    #: What the user allowed with ``--allow-outside``.
    roots: tuple[ObjectAddress, ...] = ()
    #: By bucket: one client each.
    _stores: dict[ObjectAddress, ObjectStore] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def allowed_by(cls, wanted: Sequence[str]) -> RemotePictures:
        """Those below the addresses among ``wanted``."""
        return cls(roots=tuple(ObjectAddress.parse(each) for each in wanted if is_object_address(each)))

    def allows(self, address: ObjectAddress) -> bool:
        """See :meth:`RemoteReader.allows`."""
        return any(root.holds(address) for root in self.roots)

    def read(self, address: ObjectAddress, most: int) -> bytes:
        """See :meth:`RemoteReader.read`."""
        bucket = replace(address, prefix="")
        with self._lock:
            store = self._stores.get(bucket)
            if store is None:
                store = self._stores[bucket] = ObjectStore(bucket)
        return store.read_at_most(address.prefix, most)
