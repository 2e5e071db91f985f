"""Whatever becomes of a shop's pictures: the same bytes stay the same picture, and other bytes are another one."""

from __future__ import annotations

import hashlib

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batchtryon.batch.assets import Found, judged
from batchtryon.ledger.assets import base_of
from batchtryon.ledger.ledger import Ledger
from tests.simulation.virtual import VirtualClock

__all__: list[str] = []

ADDRESSES = [f"https://shop.test/{name}.jpg{query}" for name in ("a", "b") for query in ("", "?v=1", "?v=2")]
LOOKS = st.lists(st.tuples(st.sampled_from(ADDRESSES), st.sampled_from("xyz")), max_size=12)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(looks=LOOKS, repeated=st.booleans())
def test_a_digest_follows_the_bytes_and_nothing_else(looks: list[tuple[str, str]], *, repeated: bool) -> None:
    told: dict[tuple[str, str], str] = {}
    with Ledger.for_work("sqlite://", VirtualClock(), origin=None) as ledger:
        for address, content in looks:
            sha256 = hashlib.sha256(content.encode()).hexdigest()
            for _ in range(1 + repeated):
                known = ledger.assets.known([address]).get(address)
                kin = ledger.assets.of_base([base_of(address)]).get(base_of(address), [])
                found = Found(sha256=sha256, size=1)
                seen = judged(address, found, known=known, kin=kin, asked_for=False)
                ledger.assets.record([seen])
                assert ledger.assets.known([address]) == {address: seen}
                base = base_of(address)
                assert told.setdefault((base, content), seen.digest) == seen.digest, "the same bytes, for good"
        for base in {base for base, _ in told}:
            digests = [digest for (of, _), digest in told.items() if of == base]
            assert len(set(digests)) == len(digests), "other bytes, another picture"
