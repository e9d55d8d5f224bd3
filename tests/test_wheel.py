import sys
import zipfile
from pathlib import Path

import pytest

from ftmon import __version__
from tests.command import ftmon, objects
from tests.package_index import run
from tests.terminal import terminal

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", directory, ROOT, directory=directory)
    (wheel,) = directory.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into an environment of its own, and return its command."""
    directory = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", directory, directory=directory)
    run(directory / "bin" / "pip", "install", "--quiet", wheel, directory=directory)
    return directory / "bin" / "ftmon"


def test_the_wheel_has_every_module_and_stylesheet_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    packed = {name for name in names if not name.startswith("ftmon_tui-")}
    kept = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "ftmon").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    styles = {f"ftmon/styles/{path.name}" for path in (ROOT / "styles").glob("*.tcss")}
    assert len(styles) > 1
    assert packed == kept | styles
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_installed_command_tells_its_version(installed: Path, tmp_path: Path) -> None:
    done = ftmon("--version", command=[str(installed)], cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"ftmon {__version__}\n".encode())


def test_the_installed_command_runs_the_demo_from_another_directory(installed: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = ftmon(
        "demo", "--json", "--speed=1000", "--steps=20", "--epochs=1", command=[str(installed)], cwd=elsewhere
    )
    assert objects(done.stdout)[-1]["status"] == "succeeded"
    assert (done.returncode, done.stderr) == (0, b"")
    assert list(elsewhere.iterdir()) == []


def test_the_installed_command_has_its_screen(installed: Path) -> None:
    with terminal([str(installed), "demo", "--exit", "--speed=1000", "--steps=20", "--epochs=1"]) as shown:
        shown.until(lambda: shown.is_alternate)
        shown.until_shown("succeeded")
        assert shown.wait() == 0
        shown.assert_restored()
