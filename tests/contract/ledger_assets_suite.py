"""What every ledger must keep of the pictures at addresses."""

from __future__ import annotations

from dataclasses import replace

from batchtryon.ledger.assets import Asset
from batchtryon.states import ItemState
from tests.contract.ledger_steps import Steps, a_row, refused

__all__ = ["AssetsContract"]

OLD = "https://shop.test/shirt.jpg?v=1"
SHIRT = Asset(
    address=OLD, sha256="aa" * 32, size=2**33, etag='W/"1-ü"', last_modified="Mon, 01 Jan 2024 00:00:00 GMT"
)
CHANGED = replace(SHIRT, sha256="bb" * 32, identity=f"url:{OLD}#sha256:{'bb' * 32}", etag=None)


class AssetsContract:
    """Looked at, looked at again, found by their base."""

    def test_a_new_ledger_knows_no_picture(self, steps: Steps) -> None:
        assert steps.ledger.assets.is_empty()
        assert steps.ledger.assets.known([OLD]) == {}
        assert steps.ledger.assets.of_base(["https://shop.test/shirt.jpg"]) == {}

    def test_what_was_seen_is_known_to_the_next_process(self, steps: Steps) -> None:
        steps.ledger.assets.record([SHIRT])
        steps.crash()
        steps.open()
        assert not steps.ledger.assets.is_empty()
        assert steps.ledger.assets.known([OLD, "https://shop.test/shirt.jpg?v=2"]) == {OLD: SHIRT}

    def test_seen_again_it_is_known_as_it_is_now(self, steps: Steps) -> None:
        assets = steps.ledger.assets
        assets.record([SHIRT])
        newer = replace(SHIRT, etag='"2"', last_modified=None)
        assets.record([newer])
        assert assets.known([OLD]) == {OLD: newer}
        assert assets.of_base(["https://shop.test/shirt.jpg"]) == {"https://shop.test/shirt.jpg": [newer]}

    def test_a_replaced_picture_is_kept_beside_the_new_one(self, steps: Steps) -> None:
        assets = steps.ledger.assets
        assets.record([SHIRT])
        for each in (CHANGED, SHIRT, CHANGED):
            assets.record([each])
        assert assets.known([OLD]) == {OLD: CHANGED}
        (kept,) = assets.of_base(["https://shop.test/shirt.jpg"]).values()
        assert CHANGED in kept
        assert SHIRT in kept
        assert len(kept) <= 3, "each state is kept once"

    def test_kin_are_those_that_differ_in_the_query_only(self, steps: Steps) -> None:
        assets = steps.ledger.assets
        others = [replace(SHIRT, address=address) for address in (
            "https://shop.test/shirt.jpg", "https://shop.test/shirt.jpg?v=3#a", "https://shop.test/shirt.jpg.png?v=1",
            "https://other.test/shirt.jpg?v=1",
        )]
        assets.record([SHIRT, *others])
        (kin,) = assets.of_base(["https://shop.test/shirt.jpg"]).values()
        assert [each.address for each in kin] == [OLD, others[0].address, others[1].address]

    def test_thousands_are_recorded_and_found(self, steps: Steps) -> None:
        many = [replace(SHIRT, address=f"https://shop.test/{number}.jpg?v=1") for number in range(2100)]
        steps.ledger.assets.record(many)
        steps.ledger.assets.record(many[:1100])
        assert steps.ledger.assets.known(each.address for each in many) == {each.address: each for each in many}
        assert len(steps.ledger.assets.of_base(f"https://shop.test/{number}.jpg" for number in range(2100))) == 2100

    def test_one_seen_twice_in_one_recording_is_known_as_last_seen(self, steps: Steps) -> None:
        steps.ledger.assets.record([SHIRT, CHANGED])
        assert steps.ledger.assets.known([OLD]) == {OLD: CHANGED}

    def test_work_that_was_submitted_is_told_by_the_digests_it_was_asked_for_with(self, steps: Steps) -> None:
        rows = [a_row("a"), a_row("b", position=2), a_row("c", position=3)]
        steps.begin(rows)
        digests = [row.sources["garment_image"].digest for row in rows]
        assert steps.ledger.assets.asked_for(digests) == set(), "nothing was sent yet"
        steps.render("a")
        steps.answer(steps.send("b"), refused())
        assert steps.ledger.assets.asked_for([*digests, "url:https://x/never.jpg"]) == set(digests[:2])

    def test_waiting_work_without_a_picture_fails_and_costs_nothing(self, steps: Steps) -> None:
        rows = [a_row("a"), a_row("b", position=2), a_row("c", position=3)]
        steps.begin(rows)
        steps.render("a")
        reasons = {row.fingerprint(): "Nothing is there (HTTP 404)." for row in rows[:2]}
        assert steps.ledger.assets.fail({**reasons, "unheard of": "?"}) == 1
        assert steps.item("a").state is ItemState.DONE
        assert steps.item("b").state is ItemState.FAILED
        assert (steps.row("b").error_name, steps.row("b").error_message) == (
            "PictureUnusable", "Nothing is there (HTTP 404).")
        assert steps.pending() == ["c"]
        assert steps.ledger.runs.counted(steps.key) == 1
        assert steps.ledger.assets.fail(reasons) == 0, "it has failed already"
