"""Calls that wait for the ledger together are made as one, and each hears what came of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

import pytest

from batchtryon.executor.gateway import Gathered, InlineGateway

__all__: list[str] = []

P = ParamSpec("P")
T = TypeVar("T")


class Scribe:
    """Doubles numbers, and keeps what was asked at once."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    def double(self, numbers: Sequence[int]) -> list[int | Exception]:
        self.asked.append(list(numbers))
        return [LookupError(f"{number} is odd") if number % 2 else 2 * number for number in numbers]


def test_what_waits_at_the_same_time_is_one_call() -> None:
    async def play() -> None:
        scribe = Scribe()
        gathered = Gathered(InlineGateway(), scribe.double)
        assert await asyncio.gather(*[gathered.call(number) for number in (2, 4, 6)]) == [4, 8, 12]
        assert await gathered.call(8) == 16
        assert scribe.asked == [[2, 4, 6], [8]]

    asyncio.run(play())


def test_each_hears_what_came_of_its_own() -> None:
    async def play() -> None:
        gathered = Gathered(InlineGateway(), Scribe().double)
        told = await asyncio.gather(*[gathered.call(number) for number in (2, 3, 4)], return_exceptions=True)
        assert [str(each) for each in told] == ["4", "3 is odd", "8"]

    asyncio.run(play())


def test_one_that_is_given_up_is_done_all_the_same_and_disturbs_nobody() -> None:
    async def play() -> None:
        scribe = Scribe()
        gathered = Gathered(InlineGateway(), scribe.double)
        first, second = (asyncio.ensure_future(gathered.call(number)) for number in (2, 4))
        await asyncio.sleep(0)
        first.cancel()
        assert await second == 8
        assert first.cancelled()
        assert scribe.asked == [[2, 4]]

    asyncio.run(play())


def test_what_was_given_up_can_be_waited_for() -> None:
    class Slow:
        """A gateway to something that takes its time."""

        async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
            await asyncio.sleep(0)
            return function(*args, **kwargs)

    async def play() -> None:
        scribe = Scribe()
        gathered = Gathered(Slow(), scribe.double)
        await gathered.idle()
        calls = [asyncio.ensure_future(gathered.call(2 * number)) for number in range(60)]
        await asyncio.sleep(0)
        for call in calls:
            call.cancel()
        await gathered.idle()
        assert scribe.asked == [[2 * number for number in range(50)], [2 * number for number in range(50, 60)]]

    asyncio.run(play())


def test_when_the_loop_ends_before_a_call_is_made_nobody_waits_for_it_and_the_next_one_is_made() -> None:
    async def play() -> None:
        gathered = Gathered(InlineGateway(), Scribe().double)
        first = asyncio.ensure_future(gathered.call(2))
        await asyncio.sleep(0)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await gathered.idle()
        assert first.cancelled()
        assert await gathered.call(4) == 8

    asyncio.run(play())


def test_a_defect_is_raised_by_every_caller_and_the_next_call_is_made() -> None:
    async def play() -> None:
        scribe = Scribe()

        def broken(numbers: Sequence[int]) -> list[int | Exception]:
            if len(numbers) > 1:
                raise ZeroDivisionError
            return scribe.double(numbers)

        gathered = Gathered(InlineGateway(), broken)
        told = await asyncio.gather(gathered.call(2), gathered.call(4), return_exceptions=True)
        assert [type(each) for each in told] == [ZeroDivisionError, ZeroDivisionError]
        assert await gathered.call(6) == 12

    asyncio.run(play())


@pytest.mark.parametrize("number", [51, 120])
def test_no_more_are_made_as_one_than_the_first_can_wait_for(number: int) -> None:
    async def play() -> None:
        scribe = Scribe()
        gathered = Gathered(InlineGateway(), scribe.double)
        await asyncio.gather(*[gathered.call(2 * each) for each in range(number)])
        assert [len(asked) for asked in scribe.asked] == [50] * (number // 50) + [number % 50]

    asyncio.run(play())
