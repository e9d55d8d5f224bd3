import asyncio
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

import hypothesis
import pytest

from tests.skipping_loop import SkippingLoop

# What a shell runs in the background ignores SIGINT, and what nohup runs SIGHUP: and so would each command
# that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# The same cases in each run, and no limit on the time of one, so that a failure says something of the code.
# Others are tried with `--hypothesis-profile=default`.
hypothesis.settings.register_profile("same", derandomize=True, deadline=None)
hypothesis.settings.load_profile("same")


@pytest.fixture(autouse=True)
def data_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory of each test's own: no test touches the user's history."""
    home = tmp_path / "data"
    monkeypatch.setenv("XDG_DATA_HOME", str(home))
    return home


@pytest.fixture(autouse=True)
def config_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config directory of each test's own, which holds nothing."""
    home = tmp_path / "config"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    return home


@pytest.fixture(autouse=True)
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory of each test's own, in which no layout is kept yet."""
    home = tmp_path / "state"
    monkeypatch.setenv("XDG_STATE_HOME", str(home))
    return home


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--screenshots",
        action="store_true",
        help="make the pictures in screenshots/ anew, from the real screen",
    )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Run two tests for each core: most of them wait for a process, a terminal or a timer."""
    return 2 * (os.cpu_count() or 1)


@pytest.hookimpl(optionalhook=True)
def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Give a test that says so a loop that skips its waits."""
    if item.get_closest_marker("skips_waits") is not None:
        return {"skipping": SkippingLoop}
    return {"real": asyncio.SelectorEventLoop}
