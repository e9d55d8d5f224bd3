import math
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from rich._palettes import EIGHT_BIT_PALETTE, STANDARD_PALETTE
from rich.color import Color, ColorSystem, ColorType
from rich.color_triplet import ColorTriplet
from textual.geometry import Offset
from textual.notifications import SeverityLevel
from textual.screen import ModalScreen
from textual.selection import Selection
from textual.theme import Theme

from ftmon.tui.theme import ANSI, COLORBLIND, CONTRAST, DARK, LIGHT
from tests.servers.fine_tunes import DONE, JOB, STREAM, Fields, answer, event, job, refusal, stream
from tests.servers.scripted import End, Script
from tests.tui.stage import JOBS, Stage, stage

pytestmark = pytest.mark.slow

THEMES = (DARK, LIGHT, CONTRAST, COLORBLIND)
"""Those that paint colours of their own."""
TWO = (COLORBLIND, LIGHT)
"""Enough for what differs little from what was checked in all themes."""
DEPTHS = (ColorSystem.TRUECOLOR, ColorSystem.EIGHT_BIT, ColorSystem.STANDARD)

TEXT = 4.5
"""Least contrast of text, as WCAG 2.2 asks for in 1.4.3."""
MUCH = 7.0
"""Least contrast of text in the theme of high contrast (1.4.6). The brightest red of the 16 has less."""
DRAWING = 3.0
"""Least contrast of what carries data but is no text: curves, sparklines and the bar (WCAG 2.2, 1.4.11)."""
RULE = 1.5
"""Least contrast of what only divides or decorates: rules, frames, axes, scroll bars, what a bar lacks."""

FRAMED = {"ScrollBar"}
"""Widgets that decorate with blocks."""

GREYS = {0, 7, 8, 15, 16, 231, *range(232, 256)}
"""Numbers of the colours without a hue, among 16 and among 256."""


class Cell(NamedTuple):
    """A piece of a row in one style."""

    text: str
    ink: Color
    ground: Color
    widget: str


def cells(screen: Any) -> Iterator[Cell]:
    """Yield what a screen paints, without the dimmed screen behind a dialog."""
    for y, strip in enumerate(screen._compositor.render_strips()):
        x = 0
        for text, style, _ in strip:
            widget, _ = screen.get_widget_at(x, y)
            x += len(text)
            if widget is screen and isinstance(screen, ModalScreen):
                continue
            assert style is not None
            assert style.bgcolor is not None
            assert not style.dim or screen.app.native_ansi_color
            # Blanks may have no colour of their own.
            ink, ground = style.color or style.bgcolor, style.bgcolor
            if style.reverse:
                ink, ground = ground, ink
            yield Cell(text, ink, ground, type(widget).__name__)


def needed(sign: str, widget: str) -> float:
    """Return the contrast that a character of a widget needs to its background."""
    if sign.isspace():
        return 1.0
    if widget in FRAMED and "▀" <= sign <= "▟":
        return RULE
    if sign in "━╸" or "▀" <= sign <= "▟" or "⠀" <= sign <= "⣿":
        return DRAWING
    return RULE if "─" <= sign <= "╿" else TEXT


def shown(color: Color, depth: ColorSystem) -> ColorTriplet:
    """Return what a colour becomes at a depth. The 16 colours are those of a VGA, which Rich measures by."""
    nearest = color.downgrade(depth)
    if nearest.triplet is not None:
        return nearest.triplet
    assert nearest.number is not None
    return (STANDARD_PALETTE if nearest.type is ColorType.STANDARD else EIGHT_BIT_PALETTE)[nearest.number]


def contrast(one: ColorTriplet, other: ColorTriplet) -> float:
    """Return the contrast of two colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(color: ColorTriplet) -> float:
    red, green, blue = linear(color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def linear(color: ColorTriplet) -> list[float]:
    """Return red, green and blue in proportion to their light."""
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color.normalized]


def faults(screen: Any, theme: Theme) -> Iterator[str]:
    """Yield what is hard to read on a screen, and each background that has a hue without being meant to."""
    fills = [Color.parse(color or "") for color in (theme.primary, theme.accent, theme.error)]
    for cell in set(cells(screen)):
        for depth in DEPTHS:
            ink, ground = shown(cell.ink, depth), shown(cell.ground, depth)
            least = max((needed(sign, cell.widget) for sign in cell.text), default=1.0)
            if theme is CONTRAST and least == TEXT and depth is not ColorSystem.STANDARD:
                least = MUCH
            where = f"{theme.name}, {depth.name}, {cell.widget}: {cell.text.strip()[:30]!r}"
            if contrast(ink, ground) < least:
                yield f"{where} {ink.hex} on {ground.hex} has {contrast(ink, ground):.2f} of {least}"
            number = cell.ground.downgrade(depth).number
            is_fill = any(is_near(cell.ground, fill) for fill in fills)
            if number not in {*GREYS, None} and not is_fill:
                yield f"{where} stands on {cell.ground.name}, which becomes {ground.hex}"


def is_near(one: Color, other: Color) -> bool:
    """Return whether two colours are the same. Textual computes with fractions, and may round down."""
    return all(abs(a - b) <= 1 for a, b in zip(one.get_truecolor(), other.get_truecolor(), strict=True))


async def check(seen: Stage, themes: Sequence[Theme] = THEMES) -> None:
    """Check the present screen in these themes."""
    found: list[str] = []
    for theme in themes:
        seen.app.theme = theme.name
        await seen.pilot.pause()
        found += faults(seen.app.screen, theme)
    seen.app.theme = DARK.name
    await seen.pilot.pause()
    assert not found, "\n".join(sorted(set(found)))


STEPS = [
    event(f"Step {step}/200: training loss={3 - step / 90:.2f}, validation loss={3.1 - step / 99:.2f}", step)
    for step in range(0, 180, 3)
]
EVENTS = [
    event("Fine-tune started"),
    event("Fine-tune costs $3.67"),
    *STEPS,
    event("The file has 3 duplicates", 190, level="warning"),
    event("The worker was lost", 190, level="error"),
    event("Completed epoch 1/4", 191),
    event("Uploaded model: curie:ft-1", 192),
]

SIZES = {(110, 50): THEMES, (80, 24): TWO, (40, 10): (CONTRAST,), (20, 5): (LIGHT,)}
"""In how many themes what is shown at a size is checked: a smaller one shows less of the same."""


async def check_sizes(seen: Stage) -> None:
    for size, themes in SIZES.items():
        await seen.pilot.resize_terminal(*size)
        await seen.pilot.pause()
        await check(seen, themes)


def served(reading: Fields | Script, *events: Any) -> dict[str, list[Script]]:
    return {JOB: [answer(reading) if isinstance(reading, dict) else reading], STREAM: [stream(*events)]}


async def test_a_running_job_is_readable_in_every_depth() -> None:
    async with stage(served(job(), *EVENTS, End.HANG), size=(110, 50)) as seen:
        await seen.until_shown("Uploaded model")
        assert seen.monitor.chart.display
        await check(seen)
        await seen.press("left", "tab")
        await check(seen, TWO)
        await seen.press("tab", "escape")
        log = seen.monitor.event_log
        await seen.press("shift+up", "shift+up", "shift+up")
        assert log.chosen is not None
        await check(seen, TWO)
        seen.app.screen.selections = {log: Selection(Offset(12, log.scroll_offset.y), Offset(60, 200))}
        await check(seen, TWO)
        seen.monitor.clear_selection()
        await seen.press("home")
        assert "follows ↓" in seen.text
        await check_sizes(seen)


@pytest.mark.parametrize(
    ("reading", "words"),
    [
        (job("succeeded", fine_tuned_model="curie:ft-1"), "✔"),
        (job("failed", error={"message": "out of memory"}), "✘"),
        (job("cancelled"), "⊘"),
        (job("paused"), "⏸"),
        (job("pending"), "◷"),
        (job("resting"), "?"),
    ],
    ids=lambda value: value["status"] if isinstance(value, dict) else "",
)
async def test_every_status_is_readable_in_every_depth(reading: Fields, words: str) -> None:
    async with stage(served(reading, *EVENTS, DONE), size=(110, 50)) as seen:
        await seen.until_shown("Uploaded model")
        await seen.until_shown(words)
        await check_sizes(seen)


async def test_every_state_of_the_connection_is_readable_in_every_depth() -> None:
    async with stage(served(job(), *EVENTS, End.RST)) as seen:
        await seen.until_shown("↻ retrying")
        await check_sizes(seen)
    async with stage({JOB: [refusal(403, "No.")], STREAM: [refusal(403, "No.")]}) as seen:
        await seen.until_shown("▲ refused")
        await check_sizes(seen)
    async with stage({JOB: [answer(job())], STREAM: [[End.HANG]]}) as seen:
        await seen.until_shown("connecting")
        await check_sizes(seen)


async def test_a_recorded_run_and_its_replay_are_readable_in_every_depth(tmp_path: Path) -> None:
    over = {JOB: [answer(job("succeeded"))], STREAM: [stream(*EVENTS, DONE)]}
    async with stage(over, history=tmp_path / "history.sqlite3") as seen:
        await seen.until_shown("p replays it")
        await seen.press("p")
        await seen.until_shown("▷ replay")
        await check_sizes(seen)


async def test_every_dialog_is_readable_in_every_depth() -> None:
    jobs = [
        job(),
        *({**job(status), "id": f"ft-{status}"} for status in ("succeeded", "failed", "cancelled")),
    ]
    scripts = {**served(job(), *EVENTS, End.HANG), JOBS: [answer({"object": "list", "data": jobs})]}
    async with stage(scripts, size=(110, 36)) as seen:
        await seen.until_shown("Uploaded model")
        await seen.press("o")
        await seen.until_shown("4 jobs listed by the service")
        await check(seen)
        for _ in jobs:
            await seen.press("down")
            await check(seen, TWO)
        await seen.press("f", "t")
        await check(seen, TWO)
        await seen.press("shift+home")
        await check(seen, TWO)
        await seen.press("end", "/")
        await seen.until_shown("This is no job id")
        await check_sizes(seen)
        await seen.pilot.resize_terminal(110, 36)
        await seen.press("escape", "question_mark")
        await seen.until_shown("esc closes")
        await check_sizes(seen)
        await seen.pilot.resize_terminal(110, 36)
        await seen.press("escape", "x")
        await seen.until_shown("Cancel this job?")
        await check(seen)
        for button in ("#keep", "#cancel"):
            await seen.pilot.hover(button)
            await check(seen, TWO)
        await seen.press("right")
        await check_sizes(seen)
        await seen.pilot.resize_terminal(110, 36)


async def test_the_palette_and_the_choice_of_a_theme_are_readable_in_every_depth() -> None:
    async with stage(served(job(), *EVENTS, End.HANG), size=(110, 36)) as seen:
        await seen.until_shown("Uploaded model")
        await seen.press("ctrl+p")
        await seen.until_shown("Copy the job id")
        await check(seen)
        await seen.press("c", "o", "down")
        await check(seen, TWO)
        await seen.press("escape", "d")
        await seen.until_shown("high contrast")
        await check(seen)


async def test_toasts_are_readable_in_every_depth() -> None:
    async with stage(served(job(), *EVENTS, End.HANG), size=(110, 50)) as seen:
        await seen.until_shown("Uploaded model")
        severities: tuple[SeverityLevel, ...] = ("information", "warning", "error")
        for severity in severities:
            seen.app.notify(f"This is some {severity}.", severity=severity, timeout=600)
        await seen.until_shown("This is some error.")
        await check_sizes(seen)


async def test_an_empty_screen_is_readable_in_every_depth() -> None:
    async with stage({}, job_id=None) as seen:
        await seen.press("escape")
        await seen.until_shown("No job is open.")
        await check_sizes(seen)


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
@pytest.mark.parametrize("depth", DEPTHS, ids=lambda depth: depth.name)
def test_no_two_outcomes_and_no_two_curves_have_the_same_color(theme: Theme, depth: ColorSystem) -> None:
    ended = theme.variables["ended"]
    outcomes = (theme.primary, theme.success, theme.error, ended, theme.warning)
    assert len({shown(Color.parse(str(color)), depth) for color in outcomes}) == len(outcomes)
    assert len({shown(Color.parse(str(color)), depth) for color in (theme.primary, theme.accent)}) == 2


async def test_the_ansi_theme_paints_only_what_the_terminal_has() -> None:
    async with stage(served(job(), *EVENTS, End.HANG), size=(110, 50)) as seen:
        seen.app.theme = ANSI.name
        await seen.until_shown("Uploaded model")
        await seen.press("shift+up")
        check_own(seen)
        await seen.press("home")
        check_own(seen)
        for key, words in {"question_mark": "esc closes", "x": "Cancel this job?", "o": "esc close"}.items():
            await seen.press(key)
            await seen.until_shown(words)
            check_own(seen)
            await seen.press("escape")


def check_own(seen: Stage) -> None:
    """Check that text stands on the terminal's own background, or is black on a colour of the 16."""
    painted = set(cells(seen.app.screen))
    assert {cell.ink.type for cell in painted} == {ColorType.DEFAULT, ColorType.STANDARD}
    for cell in painted:
        is_plain = cell.ground.is_default or not cell.text.strip() or cell.ink.is_default
        assert is_plain or (cell.ink.number == 0 and cell.ground.type is ColorType.STANDARD), cell


async def test_where_no_color_is_wanted_nothing_has_one_and_what_is_chosen_is_reversed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with stage(served(job(), *EVENTS, End.HANG), size=(110, 50)) as seen:
        await seen.until_shown("Uploaded model")
        log = seen.monitor.event_log
        await seen.press("shift+up")
        for theme in (ANSI, DARK):
            seen.app.theme = theme.name
            await seen.pilot.pause()
            painted = list(cells(seen.app.screen))
            assert all(cell.ink.is_default and cell.ground.is_default for cell in painted)
            row = log.render_line(log.size.height - 1)
            assert [text for text, style, _ in row if style and style.reverse and text.strip()]


DEFICIENCIES = {
    "protan": ((0.1523, 1.0526, -0.2049), (0.1145, 0.7863, 0.0992), (-0.0039, -0.0481, 1.0520)),
    "deutan": ((0.3673, 0.8606, -0.2280), (0.2801, 0.6725, 0.0474), (-0.0118, 0.0429, 0.9689)),
    "tritan": ((1.2555, -0.0767, -0.1788), (-0.0784, 0.9308, 0.1476), (0.0047, 0.6914, 0.3039)),
}
"""How each kind of colour blindness sees linear red, green and blue (Machado 2009, severity 1)."""

ALIKE = 10.0
"""A hundredth of a unit of Oklab is just seen where two colours touch. These stand apart from each other."""


def oklab(color: ColorTriplet, blindness: str) -> tuple[float, ...]:
    """Return a colour as seen with a colour blindness, in units of Oklab (B. Ottosson, 2020) times 100."""
    parts = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color.normalized
    ]
    seen = [
        min(1.0, max(0.0, sum(a * b for a, b in zip(row, parts, strict=True))))
        for row in DEFICIENCIES[blindness]
    ]
    cones = (
        (0.4122214708, 0.5363325363, 0.0514459929),
        (0.2119034982, 0.6806995451, 0.1073969566),
        (0.0883024619, 0.2817188376, 0.6299787005),
    )
    long, middle, short = (sum(a * b for a, b in zip(row, seen, strict=True)) ** (1 / 3) for row in cones)
    return (
        100 * (0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short),
        100 * (1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short),
        100 * (0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short),
    )


@pytest.mark.parametrize("blindness", DEFICIENCIES)
@pytest.mark.parametrize("depth", DEPTHS[:2], ids=lambda depth: depth.name)
def test_no_colour_blindness_makes_outcomes_or_curves_alike(depth: ColorSystem, blindness: str) -> None:
    theme = COLORBLIND
    outcomes = (theme.primary, theme.success, theme.error, theme.variables["ended"], theme.warning)
    for one, other in (*combinations(outcomes, 2), (theme.primary, theme.accent)):
        both = [oklab(shown(Color.parse(str(color)), depth), blindness) for color in (one, other)]
        assert math.dist(*both) > ALIKE, (one, other)
