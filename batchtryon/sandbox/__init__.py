"""A local TryItOn-compatible server to rehearse with and to be judged by.

``world`` is the account and its server as pure state, ``faults`` what can be made to go wrong, ``front``
both together as a client meets them, ``app`` and ``server`` the same over HTTP. The world and the front
need no server, so nothing is imported here: a simulation does not load one.
"""

from __future__ import annotations

__all__: list[str] = []
