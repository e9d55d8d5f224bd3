from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ftmon.model.event import Event, parse_event
from ftmon.wire.follow.ledger import Ledger

thorough = settings(deadline=None, max_examples=600)


def event(message: str, at: int = 0, **more: Any) -> Event:
    return parse_event({"created_at": at, "level": "info", "message": message, **more}, "{}")


# So few that lines alike to the letter are common; two differ only in what the loose key leaves out.
ALPHABET = [event("a"), event("b"), event("b", 1), event("c", data={"step": 1}), event("c", data={"step": 2})]
histories = st.lists(st.sampled_from(ALPHABET), max_size=12)


def brought(ledger: Ledger, events: list[Event]) -> list[Event]:
    return [new for event in events if (new := ledger.take(event))]


def copies(events: list[Event]) -> Counter[int]:
    return Counter(event.key for event in events)


def loose_copies(events: list[Event]) -> Counter[int]:
    return Counter(event.loose_key for event in events)


@st.composite
def replays(draw: st.DrawFn, history: list[Event]) -> list[Event]:
    """Draw what one connection brings of a history before it is cut."""
    kind = draw(st.sampled_from(["whole", "tail", "shuffled", "with gaps"]))
    end = draw(st.integers(0, len(history)))
    if kind == "whole":
        return history[:end]
    if kind == "tail":
        return history[draw(st.integers(0, end)) : end]
    if kind == "shuffled":
        return draw(st.permutations(history[:end]))
    return [event for event in history if draw(st.booleans())]


@given(histories, st.data())
@thorough
def test_each_event_is_shown_exactly_as_often_as_it_was_sent(
    history: list[Event], data: st.DataObject
) -> None:
    ledger = Ledger()
    shown: list[Event] = []
    most: Counter[int] = Counter()
    for _ in range(data.draw(st.integers(0, 5))):
        replay = data.draw(replays(history))
        ledger.begin_connection()
        shown += brought(ledger, replay)
        # The plain truth: as often as the connection that brought it most often.
        most |= copies(replay)
        assert copies(shown) == most
    ledger.begin_connection()
    shown += brought(ledger, data.draw(st.permutations(history)))
    assert copies(shown) == copies(history)
    assert ledger.count == len(history)


@given(histories, st.data())
@thorough
def test_a_list_read_at_any_time_completes_what_connections_brought(
    history: list[Event], data: st.DataObject
) -> None:
    ledger = Ledger()
    shown: list[Event] = []
    for _ in range(data.draw(st.integers(0, 5))):
        replay = data.draw(replays(history))
        cut = data.draw(st.integers(0, len(replay)))
        listed = history[: data.draw(st.integers(0, len(history)))]
        ledger.begin_connection()
        shown += brought(ledger, replay[:cut])
        shown += ledger.missing(listed)
        assert loose_copies(shown) >= loose_copies(listed)
        shown += brought(ledger, replay[cut:])
        assert copies(shown) <= copies(history)
    shown += ledger.missing(history)
    assert copies(shown) == copies(history)
    assert ledger.missing(history) == []


@given(histories, st.sets(st.integers(0, 11)), st.data())
@thorough
def test_a_list_with_more_fields_completes_it_as_well(
    history: list[Event], with_more: set[int], data: st.DataObject
) -> None:
    def as_listed(number: int, event: Event) -> Event:
        return replace(event, key=hash((event.key, number))) if number in with_more else event

    everything = [as_listed(number, event) for number, event in enumerate(history)]
    ledger = Ledger()
    shown: list[Event] = []
    for _ in range(data.draw(st.integers(0, 5))):
        replay = data.draw(replays(history))
        cut = data.draw(st.integers(0, len(replay)))
        ledger.begin_connection()
        shown += brought(ledger, replay[:cut])
        shown += ledger.missing(everything[: data.draw(st.integers(0, len(history)))])
        shown += brought(ledger, replay[cut:])
        assert loose_copies(shown) <= loose_copies(history)
    shown += ledger.missing(everything)
    assert loose_copies(shown) == loose_copies(history)


def test_events_that_only_a_further_field_tells_apart_are_not_mixed_up() -> None:
    ledger = Ledger()
    first, second = ALPHABET[3:]
    ledger.begin_connection()
    assert ledger.missing([first]) == [first]
    # The other one may be the first in another guise, until that comes itself.
    assert brought(ledger, [second, first]) == []
    ledger.begin_connection()
    assert brought(ledger, [second, first]) == [second]
    assert ledger.missing([first, second]) == []


def test_what_a_connection_has_brought_of_the_past_is_no_repeat_where_the_service_resumes() -> None:
    ledger = Ledger()
    alike = ALPHABET[0]
    ledger.restore(alike)
    ledger.begin_connection()
    assert brought(ledger, [alike]) == []
    ledger.begin_connection()
    assert ledger.take(alike, is_resumed=True) == alike.numbered(2)
    ledger.begin_connection()
    assert brought(ledger, [alike, alike]) == []


@given(histories, st.data())
@thorough
def test_what_former_processes_showed_is_not_shown_again(history: list[Event], data: st.DataObject) -> None:
    ledger = Ledger()
    shown: list[Event] = []
    for event in data.draw(replays(history)):
        ledger.restore(event)
        shown.append(event)
    for _ in range(data.draw(st.integers(0, 3))):
        replay = data.draw(replays(history))
        ledger.begin_connection()
        shown += brought(ledger, replay)
        assert copies(shown) <= copies(history)
    shown += ledger.missing(history)
    assert copies(shown) == copies(history)


@given(histories, st.data())
@thorough
def test_copies_are_numbered_in_the_order_in_which_they_are_shown(
    history: list[Event], data: st.DataObject
) -> None:
    ledger = Ledger()
    past = data.draw(st.integers(0, len(history)))
    for event in history[:past]:
        ledger.restore(event)
    ledger.begin_connection()
    shown = [*brought(ledger, history[: data.draw(st.integers(0, len(history)))]), *ledger.missing(history)]
    numbers = copies(history[:past])
    for event in shown:
        numbers[event.key] += 1
        assert event.ordinal == numbers[event.key]


def test_new_events_are_told_in_the_order_in_which_they_come() -> None:
    ledger = Ledger()
    first, second, third = ALPHABET[:3]
    ledger.begin_connection()
    assert brought(ledger, [first, first, second]) == [first, first.numbered(2), second]
    ledger.begin_connection()
    assert brought(ledger, [third, second, first, first, first]) == [third, first.numbered(3)]
    assert ledger.is_first(first)
    assert not ledger.is_first(second)


def test_events_of_one_list_that_share_an_id_are_told_once_each() -> None:
    ledger = Ledger()
    events = [event(message, at, id="same") for at, message in enumerate("abc")]
    assert [each.message for each in ledger.missing(events)] == ["a", "b", "c"]
    assert ledger.missing(events) == []
