import pytest
from textual.app import App

from ftmon.tui.paced import Paced

pytestmark = pytest.mark.slow


async def test_of_calls_in_a_row_the_first_is_made_at_once_and_the_others_are_one_later() -> None:
    app = App[None]()
    async with app.run_test() as pilot:
        calls: list[int] = []
        paced = Paced(app, 0.05, lambda: calls.append(len(calls)))
        for _ in range(9):
            paced()
        assert calls == [0]
        while len(calls) < 2:
            await pilot.pause(0.01)
        for _ in range(9):
            paced()
        while len(calls) < 3:
            await pilot.pause(0.01)
        assert calls == [0, 1, 2]
