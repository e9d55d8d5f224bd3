from collections.abc import Iterator

import pytest

from tests.command import FTMON, ftmon
from tests.service import JOB_ID, Service
from tests.terminal import terminal

NARROW = pytest.mark.parametrize(
    ("env", "encoding"),
    [
        ({"PYTHONIOENCODING": "ascii"}, "ascii"),
        ({"PYTHONIOENCODING": "latin-1"}, "latin-1"),
        ({"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}, "ascii"),
    ],
    ids=["ascii", "latin-1", "POSIX"],
)


@pytest.fixture
def service() -> Iterator[Service]:
    with Service().running() as service:
        yield service


@pytest.fixture
def recorded(service: Service) -> Service:
    """A service whose job is over and recorded here."""
    service.tell("Übung 訓練 😀")
    service.end("succeeded", fine_tuned_model="curie:ft-größe")
    assert ftmon(JOB_ID, *service.options).returncode == 0
    return service


def redirected(redirection: str) -> list[str]:
    return ["sh", "-c", f'exec "$@" {redirection}', "sh", *FTMON]


# The size of the screen


def test_of_two_hundred_sizes_in_a_second_the_last_is_drawn(service: Service) -> None:
    service.tell("Fine-tune started")
    with terminal([*FTMON, JOB_ID, *service.options]) as shown:
        shown.until_shown("Fine-tune started")
        for number in range(200):
            shown.resize(20 + 7 * number % 120, 5 + 3 * number % 50)
        shown.resize(91, 23)

        def is_drawn_for_91_by_23() -> bool:
            lines = shown.text.splitlines()
            return (
                lines[0].startswith(f" {JOB_ID}")
                and len(lines[0].rstrip()) == 90
                and f" {'─' * 89} " in lines
                and "Fine-tune started" in shown.text
                and lines[22].rstrip().endswith("q quit")
            )

        shown.until(is_drawn_for_91_by_23)
        shown.press("q")
        assert shown.wait() == 130
        shown.assert_restored()
