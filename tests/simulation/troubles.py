"""The kinds of trouble a night can have, each a function that adds its own to a draft.

Beside them the promises on which ``design/charges.md`` builds, and how a night breaks each: charges that come
twice in such a night are counted apart, by the promise that was broken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from types import MappingProxyType

from batchtryon.sandbox.limits import Counting, Limits, Rate
from batchtryon.sandbox.replies import Call
from tests.simulation.night import Draft, Hazard
from tests.simulation.rows import edit

__all__ = ["BROKEN_PROMISES", "TROUBLES", "WEIGHTS"]


def _few(rng: Random) -> int:
    return rng.choices([1, 2, 3], [60, 28, 12])[0]


def _lost_answers(draft: Draft) -> None:
    rng = draft.rng
    for _ in range(_few(rng)):
        what = rng.choice(["lost-answer", "error-after", "no-job-id", "not-json", "empty", "html-502", "html",
                           "stall", "truncated-answer"])
        effect = rng.random() < 0.6 if what in {"html-502", "html", "not-json", "empty", "stall", "no-job-id"} else None
        draft.trick(Call.SUBMIT, what, draft.count + 2, effect=effect, seconds=rng.choice([5.0, 30.0, 200.0]))


def _nothing_happened(draft: Draft) -> None:
    rng = draft.rng
    for _ in range(_few(rng)):
        what = rng.choice(["cut", "InternalServerError", "html-502", "stall"])
        draft.trick(Call.SUBMIT, what, draft.count + 2, effect=False)


def _late_acceptance(draft: Draft) -> None:
    rng, most = draft.rng, 58.0 + draft.night.settle
    for _ in range(_few(rng)):
        seconds = rng.choice([rng.uniform(0, 10), rng.uniform(0, 130), rng.uniform(0, most), rng.uniform(0, most)])
        draft.trick(Call.SUBMIT, rng.choice(["late", "late-held"]), draft.count + 2, seconds=round(seconds, 1))


def _ill_service(draft: Draft) -> None:
    rng = draft.rng
    what = rng.choice(["error-after", "html-502", "cut", "InternalServerError"])
    draft.trick(Call.SUBMIT, what, draft.count, times=rng.randint(3, 7))
    draft.session(pause=rng.choice([5.0, 600.0]))


def _slow_answers(draft: Draft) -> None:
    for _ in range(_few(draft.rng)):
        draft.trick(Call.SUBMIT, "slow", draft.count, seconds=round(draft.rng.uniform(1.0, 90.0), 1))


def _rate_refusals(draft: Draft) -> None:
    rng = draft.rng
    for _ in range(_few(rng)):
        draft.trick(Call.SUBMIT, "RateLimitExceeded", draft.count + 2, retry_after=rng.choice([None, 0.0, 7.0, 90.0]))


def _slot_refusals(draft: Draft) -> None:
    for _ in range(_few(draft.rng)):
        draft.trick(Call.SUBMIT, "ConcurrencyLimitExceeded", draft.count + 2)


def _out_of_credits(draft: Draft) -> None:
    rng = draft.rng
    if rng.random() < 0.5:
        draft.trick(Call.SUBMIT, "OutOfCredits", draft.count + 2)
    else:
        draft.set(purchased=rng.randint(0, draft.count + 2), subscription=0)
        if rng.random() < 0.5:
            draft.event("top-up", rng.randint(1, 20))


def _row_refusals(draft: Draft) -> None:
    rng = draft.rng
    for _ in range(_few(rng)):
        draft.trick(Call.SUBMIT, rng.choice(["BadRequest", "BadRequest", "UnauthorizedAccess"]), draft.count + 2)


def _job_fates(draft: Draft) -> None:
    rng = draft.rng
    for _ in range(_few(rng)):
        what = rng.choice(["job-fails", "job-fails", "job-fails", "job-hangs", "fewer-outputs", "vanish"])
        name = rng.choice(["ProcessingError", "NSFWError", "ImageLoadError", "StrangeError"])
        draft.trick(Call.SUBMIT, what, draft.count + 1, name=name)


def _poll_trouble(draft: Draft) -> None:
    rng = draft.rng
    for _ in range(_few(rng) + 1):
        what = rng.choice(["InternalServerError", "cut", "lost-answer", "NotFound", "strange-status", "not-json",
                           "RateLimitExceeded", "html-502", "stall", "empty", "vanish"])
        if what == "vanish" and rng.random() < 0.7:
            what = "slow"
        draft.trick(Call.STATUS, what, draft.count * 4, seconds=rng.choice([3.0, 40.0]), times=rng.choice([1, 1, 2, 6]))


def _download_trouble(draft: Draft) -> None:
    rng = draft.rng
    for _ in range(_few(rng) + 1):
        what = rng.choice(["truncated", "not-a-picture", "wrong-type", "html", "cut", "stall", "empty", "html-502",
                           "slow"])
        what = "gone" if rng.random() < 0.15 else what
        draft.trick(Call.OUTPUT, what, draft.count + 2, seconds=rng.choice([3.0, 200.0]), times=rng.choice([1, 1, 3]))


def _balance_trouble(draft: Draft) -> None:
    rng = draft.rng
    if rng.random() < 0.3:
        draft.event("no-credits", rng.choice([60, 1200, 10**7]), within=rng.choice([0.0, 300.0]))
        return
    for _ in range(_few(rng) + 1):
        what = rng.choice(["InternalServerError", "cut", "not-json", "RateLimitExceeded", "stall", "empty"])
        draft.trick(Call.CREDITS, what, 12, times=rng.choice([1, 2, 8]), seconds=20.0)


def _stale_balance(draft: Draft) -> None:
    draft.set(stale=draft.rng.choice([5.0, 20.0, 45.0, 60.0]))


def _top_up(draft: Draft) -> None:
    for _ in range(_few(draft.rng)):
        # Of more than is ever in doubt: to tell a top-up of just that, amid other charges, is not promised.
        draft.event("top-up", 25 * draft.rng.randint(1, 12), within=draft.rng.choice([60.0, 400.0, 1500.0]))


def _monthly_reset(draft: Draft) -> None:
    draft.set(subscription=draft.rng.choice([10, 40, 500]))
    draft.event("reset", 500, within=draft.rng.choice([60.0, 400.0, 1500.0]))


def _network_down(draft: Draft) -> None:
    draft.event("down", draft.rng.choice([5, 40, 300]))


def _wall_jumps(draft: Draft) -> None:
    for _ in range(_few(draft.rng)):
        draft.event("wall", draft.rng.choice([-86400, -7200, -60, 60, 7200, 86400]))


def _crashes(draft: Draft) -> None:
    rng = draft.rng
    # Of the whole run one row has about a dozen side effects.
    first, number = draft.sessions[-1], rng.choices([1, 2, 3, 6], [45, 30, 15, 10])[0]
    draft.sessions[-1] = replace(first, hazards=(*first.hazards, _kill(draft)))
    for left in reversed(range(number)):
        hazards = (_kill(draft),) if left else ()
        draft.session(hazards=hazards, pause=rng.choice([0.0, 1.0, 5.0, 61.0, 1300.0]))


def _kill(draft: Draft) -> Hazard:
    most = 6 + draft.count * 12
    at = draft.rng.randint(1, most) if draft.rng.random() < 0.75 else draft.rng.randint(1, 20)
    return Hazard(at=at, what=draft.rng.choice(["before", "after", "after", "half"]))


def _full_disk(draft: Draft) -> None:
    rng, session = draft.rng, draft.sessions[-1]
    hazard = Hazard(at=rng.randint(1, 6 + draft.count * 12), what="full", times=rng.choice([1, 1, 2, 5]))
    draft.sessions[-1] = replace(session, hazards=(*session.hazards, hazard))
    draft.session()


def _reboot(draft: Draft) -> None:
    session = draft.sessions[-1]
    if not session.hazards:
        draft.sessions[-1] = replace(session, hazards=(_kill(draft),))
    draft.session(reboot=True, pause=draft.rng.choice([20.0, 400.0]), wall_jump=draft.rng.choice([0.0, -3600.0]))


def _edits(draft: Draft) -> None:
    rng = draft.rng
    if len(draft.sessions) == 1:
        draft.sessions[-1] = replace(draft.sessions[-1], interrupted_at=rng.choice([2.0, 9.0, 25.0, None]))
    rows = list(draft.sessions[-1].rows)
    for _ in range(rng.randint(1, 3)):
        edit(rng, rows)
    draft.session(rows=tuple(rows), run_changed=rng.random() < 0.3)
    if rng.random() < 0.4:
        draft.session(rows=draft.sessions[0].rows)


def _caps(draft: Draft) -> None:
    rng = draft.rng
    cap = rng.randint(0, draft.count)
    draft.change(max_credits=cap)
    for _ in range(_few(rng)):
        draft.session(max_credits=rng.choice([cap, max(0, cap - 2), cap + rng.randint(1, 6), None]))


def _floor(draft: Draft) -> None:
    draft.set(purchased=draft.rng.randint(draft.count, 3 * draft.count))
    draft.change(keep_credits=draft.rng.randint(0, 2 * draft.count))


def _settings(draft: Draft) -> None:
    rng = draft.rng
    draft.change(concurrency=rng.randint(1, 6), rate=rng.choice([2, 5, 20]))
    draft.session(concurrency=rng.randint(1, 6), rate=rng.choice([2, 5, 20]))


def _user_retries(draft: Draft) -> None:
    rng = draft.rng
    states = rng.choice([("failed",), ("done",), ("unknown",), ("expired", "vanished", "stuck"), ("failed", "done")])
    draft.session(retry=states)


def _expired(draft: Draft) -> None:
    last = draft.sessions[-1]
    hazards = last.hazards or (_kill(draft),)
    draft.sessions[-1] = replace(last, hazards=hazards)
    draft.session(pause=draft.rng.choice([60, 71.9, 80, 200]) * 3600.0)


def _deleted_files(draft: Draft) -> None:
    draft.session(deleted=draft.rng.randint(1, 3))


def _ctrl_c(draft: Draft) -> None:
    rng = draft.rng
    draft.sessions[-1] = replace(draft.sessions[-1], interrupted_at=round(rng.uniform(0.0, 40.0), 1))
    draft.session(pause=rng.choice([0.0, 30.0]))


def _other_counting(draft: Draft) -> None:
    rng = draft.rng
    draft.set(limits=Limits(
        submit=Rate(rng.choice([5, 20]), 60.0), slots=rng.choice([2, 4, 6]),
        counting=rng.choice(list(Counting)), rejected_count=rng.random() < 0.3,
        bucket_share=rng.choice([1.0, 0.5]),
    ))


TROUBLES: Mapping[str, Callable[[Draft], None]] = MappingProxyType({
    "lost answers": _lost_answers, "nothing happened": _nothing_happened, "late acceptance": _late_acceptance,
    "ill service": _ill_service, "slow answers": _slow_answers, "rate refusals": _rate_refusals,
    "slot refusals": _slot_refusals, "out of credits": _out_of_credits, "row refusals": _row_refusals,
    "job fates": _job_fates, "poll trouble": _poll_trouble, "download trouble": _download_trouble,
    "balance trouble": _balance_trouble, "stale balance": _stale_balance, "top-up": _top_up,
    "monthly reset": _monthly_reset, "network down": _network_down, "wall jumps": _wall_jumps,
    "crashes": _crashes, "full disk": _full_disk, "reboot": _reboot, "edits": _edits, "caps": _caps,
    "floor": _floor, "settings": _settings, "user retries": _user_retries, "expired": _expired,
    "deleted files": _deleted_files, "Ctrl-C": _ctrl_c, "other counting": _other_counting,
})
#: Trouble that is about money comes more often.
WEIGHTS: Mapping[str, float] = MappingProxyType({
    "lost answers": 5.0, "late acceptance": 4.0, "crashes": 5.0, "nothing happened": 2.5, "stale balance": 2.0,
    "top-up": 1.5, "job fates": 2.0, "full disk": 2.0, "reboot": 1.5,
})


# -- broken promises ----------------------------------------------------------------------------------


def _shared_account(draft: Draft) -> None:
    for _ in range(draft.rng.randint(1, 12)):
        draft.event("other", draft.rng.choice([1, 1, 2, 4]), within=draft.rng.choice([60.0, 400.0, 1500.0]))


def _too_late(draft: Draft) -> None:
    settle = draft.night.settle
    for _ in range(draft.rng.randint(1, 2)):
        seconds = 61.0 + settle + draft.rng.uniform(0.0, settle)
        draft.trick(Call.SUBMIT, "late", draft.count + 1, seconds=round(seconds, 1))


def _too_stale(draft: Draft) -> None:
    draft.set(stale=draft.rng.choice([90.0, 300.0, 1500.0]))


def _sent_again(draft: Draft) -> None:
    for _ in range(draft.rng.randint(1, 3)):
        draft.trick(Call.SUBMIT, "again", draft.count + 1, seconds=draft.rng.choice([0.0, 0.5, 20.0, 90.0]))


def _other_price(draft: Draft) -> None:
    draft.set(price=draft.rng.choice([0, 2, 3]))


BROKEN_PROMISES: Mapping[str, Callable[[Draft], None]] = MappingProxyType({
    "shared account": _shared_account, "accepted beyond F": _too_late, "stale beyond 60 s": _too_stale,
    "sent again by a proxy": _sent_again, "price differs": _other_price,
})
