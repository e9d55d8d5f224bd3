"""The service of the run, how it is watched and why so, and where the run is recorded."""

from collections.abc import Iterator
from datetime import datetime

from ftmon.checks import facts
from ftmon.checks.check import SIGNS, Check, Mark
from ftmon.model.key import LOCAL
from ftmon.model.run import Run
from ftmon.model.update import Traffic
from ftmon.safe import one_line, safe
from ftmon.text import clock, plural, size
from ftmon.tui.excerpt import excerpt
from ftmon.tui.page.fact import Fact, since
from ftmon.watch.watcher import Watcher

_LOOKS = {Mark.GOOD: "", Mark.DOUBT: "warning", Mark.BAD: "bad"}


def connection(run: Run | None, watcher: Watcher, now: datetime) -> Iterator[Fact]:
    """Yield what `ftmon doctor` tells of a service, and what came over the wire.

    `now` is this machine's time.
    """
    yield from map(_fact, _service(run, watcher))
    if run is not None and run.traffic is not None:
        yield from _traffic(run.traffic, now)


def history(run: Run | None, watcher: Watcher) -> Iterator[Fact]:
    """Yield where the run is recorded, and how much of it."""
    obstacle = watcher.unrecordable or ("nothing is recorded in it now" if watcher.is_unrecorded else "")
    yield _fact(facts.record(watcher.history, obstacle))
    if run is not None and watcher.history is not None and not obstacle:
        yield _fact(facts.recorded(run.events, run.unrecorded))


def _service(run: Run | None, watcher: Watcher) -> Iterator[Check]:
    is_asked = not watcher.is_offline if run is None else watcher.can_watch(run.key)
    service = run.key.service if run else watcher.base_url
    yield facts.service(service)
    if run is None or not run.dialect:
        yield facts.unasked_api("no answer was read" if is_asked else "the service is not asked")
    else:
        yield facts.api(run.dialect, run.why)
    if run is not None:
        yield facts.connection(run.connection)
        if is_asked and run.dialect:
            yield facts.events(run.dialect, run.connection)
    if is_asked and service != LOCAL:
        yield facts.key(watcher.settings)
        yield facts.proxy(watcher.settings)
        yield facts.clock(run.skew if run else None)
    if run is not None and run.has_estimated_times:
        yield facts.estimated_times()


def _traffic(traffic: Traffic, now: datetime) -> Iterator[Fact]:
    yield Fact("received", size(traffic.received))
    if traffic.streams > 1:
        yield Fact("reconnects", f"{plural(traffic.streams - 1, 'time')}")
    if traffic.fault_at is not None:
        at = f"{clock(traffic.fault_at)}, {since(traffic.fault_at, now)}"
        yield Fact("last fault", f"{at}: {excerpt(traffic.fault)}")


def _fact(check: Check) -> Fact:
    advice = f" → {check.advice}" if check.advice else ""
    text = one_line(safe(f"{check.text}{advice}"))
    sign = "" if check.mark is Mark.GOOD else f"{SIGNS[check.mark]} "
    return Fact(check.name, f"{sign}{text}", _LOOKS[check.mark])
