"""Which item runs when, whoever runs it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.runs.items import Here, Item, Queue, Unwatched


def nothing(_: object, what: object, __: object) -> object:
    return what


def test_the_largest_item_goes_first_and_nothing_before_what_it_waits_for() -> None:
    queue = Queue(
        [Item("a", nothing, size=1), Item("b", nothing, size=3), Item("c", nothing, size=9, after=("a",))]
    )
    first = queue.take()
    second = queue.take()
    assert first is not None
    assert second is not None
    assert (first.name, second.name, queue.take()) == ("b", "a", None)
    queue.done(second)
    third = queue.take()
    assert third is not None
    assert third.name == "c"


def test_of_items_that_want_to_be_alone_one_runs_at_a_time() -> None:
    queue = Queue([Item("a", nothing, size=2, alone="t"), Item("b", nothing, alone="t"), Item("c", nothing)])
    one, other = queue.take(), queue.take()
    assert one is not None
    assert other is not None
    assert (one.name, other.name) == ("a", "c")
    assert queue.take() is None
    queue.done(one)
    assert queue.take() is not None


@given(st.lists(st.tuples(st.integers(0, 5), st.lists(st.integers(0, 30), max_size=4)), max_size=30))
def test_every_item_runs_once_after_all_it_waits_for(shape: list[tuple[int, list[int]]]) -> None:
    items = [
        Item(str(i), nothing, what=i, size=size, after=tuple({str(a % i) for a in after} if i else ()))
        for i, (size, after) in enumerate(shape)
    ]
    done: list[str] = []

    class Watch(Unwatched):
        def finished(self, name: str) -> None:
            assert set(items[int(name)].after) <= set(done)
            done.append(name)

    results = Here(None).run(items, Watch())
    assert sorted(done) == sorted(results) == sorted(i.name for i in items)


def test_items_that_wait_for_each_other_are_an_error_not_a_standstill() -> None:
    circle = [Item("a", nothing, after=("b",)), Item("b", nothing, after=("a",))]
    with pytest.raises(ValueError, match="wait for each other"):
        Here(None).run(circle, Unwatched())
    with pytest.raises(ValueError, match="no item"):
        Queue([Item("a", nothing, after=("x",))])
