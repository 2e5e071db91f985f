"""Which picture of a product, on which person, with which corrections; pure, like the room around it."""

from __future__ import annotations
