from __future__ import annotations

from collections import Counter
from typing import Any, cast

import pytest

from batchtryon.batch.running import NotWanted
from batchtryon.cli.questions import Questions
from batchtryon.cli.screen import Screen
from batchtryon.planner import Plan
from batchtryon.records import RowState
from batchtryon.settings import Changed, Settings


class Person:
    """Somebody at a terminal, who answers in this order."""

    def __init__(self, *answers: bool, there: bool = True) -> None:
        self.can_ask = there
        self.asked: list[str] = []
        self._answers = list(answers)

    def confirm(self, question: str) -> bool:
        self.asked.append(question)
        return self._answers.pop(0)


def a_plan(**values: Any) -> Plan:
    usual: dict[str, Any] = {
        "manifest": "demo", "estimate": 1500, "by_kind": Counter(clothes=1500), "submits": 1200,
    }
    return Plan(**usual | values)


def ask(person: Person, plan: Plan, settings: Settings | None = None, **how: Any) -> Settings:
    seen: list[Plan] = []
    questions = Questions(
        cast("Screen", person), lambda shown, _: seen.append(shown), **{"asks": True, "spends": True} | how
    )
    try:
        return questions(plan, settings or Settings())
    finally:
        assert seen == [plan]


def test_a_person_is_asked_before_credits_are_spent() -> None:
    person = Person(True)
    assert ask(person, a_plan()) == Settings()
    assert person.asked == ["Spend 1,500 credits on 1,500 pictures?"]


def test_a_no_spends_nothing() -> None:
    with pytest.raises(NotWanted):
        ask(Person(False), a_plan())


def test_one_picture_is_one_picture() -> None:
    person = Person(True)
    ask(person, a_plan(estimate=1, by_kind=Counter(tattoo=1)))
    assert person.asked == ["Spend 1 credit on 1 picture?"]


@pytest.mark.parametrize("how", [{"asks": False}, {"spends": False}])
def test_nobody_is_asked_who_said_yes_beforehand_or_submits_nothing(how: dict[str, Any]) -> None:
    person = Person()
    ask(person, a_plan(rows=Counter({RowState.CHANGED: 2}), changed_credits=2), **how)
    assert person.asked == []


def test_nobody_is_asked_without_a_terminal_and_changed_rows_stay_undecided() -> None:
    person = Person(there=False)
    settings = ask(person, a_plan(rows=Counter({RowState.CHANGED: 2}), changed_credits=2))
    assert person.asked == []
    assert settings.changed is Changed.ASK


def test_nobody_is_asked_when_nothing_costs_anything() -> None:
    person = Person()
    ask(person, a_plan(estimate=0, by_kind=Counter(), submits=0))
    assert person.asked == []


def test_changed_rows_are_asked_about_first_and_add_to_the_price() -> None:
    person = Person(True, True)
    settings = ask(person, a_plan(estimate=3, by_kind=Counter(clothes=3), rows=Counter({RowState.CHANGED: 2}),
                                  changed_credits=4))
    assert settings.changed is Changed.RUN
    assert person.asked == [
        "2 rows changed since paid for. Render again for 4 credits (no keeps the earlier pictures)?",
        "Spend 7 credits on 3 pictures and changed rows?",
    ]


def test_changed_rows_that_are_kept_cost_nothing() -> None:
    person = Person(False)
    plan = a_plan(estimate=0, by_kind=Counter(), rows=Counter({RowState.CHANGED: 1}), changed_credits=1)
    assert ask(person, plan).changed is Changed.KEEP
    assert len(person.asked) == 1


def test_changed_rows_are_not_asked_about_when_that_was_said_before() -> None:
    person = Person(True)
    settings = Settings(changed=Changed.RUN)
    assert ask(person, a_plan(rows=Counter({RowState.CHANGED: 1})), settings) is settings
    assert len(person.asked) == 1


def test_a_price_already_agreed_to_is_not_asked_again_but_a_higher_one_is() -> None:
    same, higher = Person(), Person(True)
    ask(same, a_plan(), agreed=1500)
    ask(higher, a_plan(), agreed=1499)
    assert same.asked == []
    assert len(higher.asked) == 1


def test_the_question_names_what_can_really_be_spent() -> None:
    person = Person(True)
    ask(person, a_plan(available=20))
    assert person.asked == ["Spend up to 20 of the 1,500 credits on 1,500 pictures?"]
