import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import ftmon
from tests.service import JOB_ID, Service

ROOT = Path(__file__).parent.parent / "ftmon"

# A module imports only from its own package and from packages further down in this list.
LAYERS = [
    ["ftmon.__main__"],
    ["ftmon.cli"],
    ["ftmon.commands"],
    ["ftmon.tui", "ftmon.lines"],
    ["ftmon.notify"],
    ["ftmon.watch"],
    ["ftmon.checks"],
    ["ftmon.history"],
    ["ftmon.wire"],
    ["ftmon.settings", "ftmon.text"],
    ["ftmon.demo"],
    ["ftmon.serving"],
    ["ftmon.integrations"],
    ["ftmon.local"],
    ["ftmon.model"],
    [
        "ftmon.json_text",
        "ftmon.csv_text",
        "ftmon.safe",
        "ftmon.secret",
        "ftmon.paths",
        "ftmon.part_file",
        "ftmon.ending",
        "ftmon.providers",
    ],
    ["ftmon.errors"],
    ["ftmon"],
]

PUBLIC = {("ftmon", "ftmon.local.publication"), ("ftmon", "ftmon.local.publication.Publication")}
"""What `import ftmon` offers, imported when it is used."""

HOMES = {
    "argparse": ["ftmon.commands"],
    "textual": ["ftmon.tui"],
    "rich": ["ftmon.tui"],
    "httpx": ["ftmon.wire.client", "ftmon.wire.fault"],
    "humanize": ["ftmon.text"],
    "platformdirs": ["ftmon.paths"],
    "argcomplete": ["ftmon.commands.completion"],
    "msgspec": [
        *["ftmon.json_text", "ftmon.model.event", "ftmon.model.events", "ftmon.wire.sse"],
        *["ftmon.serving.event", "ftmon.local.entry"],
    ],
    "starlette": ["ftmon.serving"],
    "uvicorn": ["ftmon.serving"],
    "transformers": ["ftmon.integrations.transformers"],
    "lightning": ["ftmon.integrations.lightning"],
    "pytorch_lightning": ["ftmon.integrations.lightning"],
    "keras": ["ftmon.integrations.keras"],
}
"""Which modules may import a library. `argparse` is one too: only a command parses the command line."""

# What reads, waits, draws or tells the time.
WORLD = {
    "asyncio",
    "io",
    "os",
    "pathlib",
    "select",
    "signal",
    "socket",
    "subprocess",
    "sys",
    "threading",
    "time",
}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(ROOT.rglob("*.py"))}
modules = pytest.mark.parametrize("module", MODULES)


def imports_of(module: str) -> Iterator[str]:
    """Yield what a module imports anywhere in it, as full names of modules."""
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            assert node.module
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else node.module


def is_in(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def layer_of(module: str) -> tuple[int, str]:
    """Return how far down a module is, and the package that it belongs to."""
    places = [(depth, part) for depth, parts in enumerate(LAYERS) for part in parts if is_in(module, part)]
    return max(places, key=lambda place: len(place[1]))


@modules
def test_every_module_has_a_layer(module: str) -> None:
    assert module == "ftmon" or layer_of(module)[1] != "ftmon"


@modules
def test_a_module_imports_from_below_or_from_its_own_package(module: str) -> None:
    depth, package = layer_of(module)
    for imported in imports_of(module):
        # `ftmon.publish` is what a training imports.
        if is_in(imported, "ftmon") and (module, imported) not in PUBLIC:
            below, other = layer_of(imported)
            assert other == package or below > depth, f"{module} imports {imported}"


@modules
def test_a_library_is_imported_where_it_is_at_home_and_nowhere_else(module: str) -> None:
    for imported in imports_of(module):
        library = imported.partition(".")[0]
        if library in HOMES or library not in {"ftmon", *sys.stdlib_module_names}:
            homes = HOMES.get(library, [])
            assert any(is_in(module, home) for home in homes), f"{module} imports {imported}"


@pytest.mark.parametrize("library", HOMES)
def test_every_library_that_has_a_home_is_used_there(library: str) -> None:
    for home in HOMES[library]:
        users = [module for module in MODULES if is_in(module, home)]
        assert any(is_in(imported, library) for user in users for imported in imports_of(user))


@pytest.mark.parametrize("module", [module for module in MODULES if is_in(module, "ftmon.model")])
def test_the_model_knows_no_clock_and_no_world(module: str) -> None:
    assert not {imported.partition(".")[0] for imported in imports_of(module)} & WORLD


@pytest.mark.parametrize("module", [module for module in MODULES if is_in(module, "ftmon.tui.chart")])
def test_a_chart_is_drawn_without_a_screen(module: str) -> None:
    below = ("ftmon.tui.chart", "ftmon.model")
    for imported in imports_of(module):
        assert imported.partition(".")[0] in sys.stdlib_module_names or any(
            is_in(imported, each) for each in below
        )


@pytest.mark.parametrize("module", [module for module in MODULES if is_in(module, "ftmon.tui")])
def test_no_widget_is_looked_up(module: str) -> None:
    # It may be gone: an app that exits removes its widgets one by one.
    assert "query_one" not in MODULES[module].read_text()


@pytest.mark.parametrize("module", ["ftmon.wire.sse", "ftmon.wire.follow.ledger"])
def test_what_decodes_reads_nothing_itself(module: str) -> None:
    assert not {imported.partition(".")[0] for imported in imports_of(module)} & WORLD


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        (
            "import ftmon.cli",
            ["textual", "rich", "httpx", "httpcore", "starlette", "uvicorn", "ftmon.tui", "ftmon.demo"],
        ),
        ("import ftmon.wire.follow.follower", ["textual", "humanize", "ftmon.lines.printer"]),
        ("import ftmon.tui.app, ftmon.watch.watcher", ["httpx", "starlette", "sqlite3", "ftmon.demo"]),
        (
            "import ftmon.tui.ink, ftmon.history.glance",
            [
                *["textual", "asyncio", "httpx"],
                *["ftmon.wire.dialects.dialect", "ftmon.model.trainer_lines", "ftmon.tui.log.finder"],
            ],
        ),
        ("import ftmon.serving.server", ["textual", "httpx", "ftmon.wire", "ftmon.model"]),
    ],
)
def test_what_is_not_needed_is_not_loaded(statement: str, absent: list[str]) -> None:
    script = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=20
    )
    assert not set(absent) & set(done.stdout.split())


def run_and_see_imports(*arguments: str) -> tuple[int, set[str]]:
    """Run ftmon, and return its exit status and the modules that it has imported."""
    done = ftmon(*arguments, env={"PYTHONPROFILEIMPORTTIME": "1"})
    lines = done.stderr.decode().splitlines()
    return done.returncode, {line.rpartition("|")[2].strip() for line in lines if "import time:" in line}


@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], ["../x"], ["ft-1", "--base-url", "x"]], ids=str
)
def test_an_answer_that_needs_no_network_loads_neither_screen_nor_client(arguments: list[str]) -> None:
    _, loaded = run_and_see_imports(*arguments)
    assert "ftmon.cli" in loaded
    assert not {"textual", "httpx"} & loaded


def test_watching_a_job_loads_no_web_server() -> None:
    with Service().running() as service:
        service.succeed()
        exit_status, loaded = run_and_see_imports(JOB_ID, "--plain", *service.options)
    assert exit_status == 0
    assert "httpx" in loaded
    assert not {"starlette", "uvicorn", "ftmon.serving", "ftmon.demo"} & loaded


DIALECTS = [
    module
    for module in MODULES
    if is_in(module, "ftmon.wire.dialects")
    and module.rpartition(".")[2] not in ("dialects", "dialect", "made", "paging", "reading", "statuses")
]
"""The modules that hold one dialect each."""

KNOW_DIALECTS = ("ftmon.wire.dialects", "ftmon.serving", "ftmon.demo")
NAMES_OF_DIALECTS = re.compile(r"fine_tunes|fine_tuning|/fine-tunes", re.IGNORECASE)


def test_the_dialects_are_found() -> None:
    assert {"ftmon.wire.dialects.fine_tunes", "ftmon.wire.dialects.fine_tuning_jobs"} <= set(DIALECTS)


@modules
def test_nothing_outside_the_dialects_names_one(module: str) -> None:
    if not any(is_in(module, package) for package in KNOW_DIALECTS):
        assert not NAMES_OF_DIALECTS.search(MODULES[module].read_text())
        assert not set(imports_of(module)) & set(DIALECTS)


@pytest.mark.parametrize("module", [module for module in MODULES if is_in(module, "ftmon.wire.dialects")])
def test_a_dialect_reads_nothing_itself_and_knows_no_other(module: str) -> None:
    imported = set(imports_of(module))
    assert not {name.partition(".")[0] for name in imported} & WORLD
    assert module == "ftmon.wire.dialects" or not imported & set(DIALECTS)
