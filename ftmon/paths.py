"""Paths of ftmon's own files."""

from collections.abc import Callable
from pathlib import Path

from ftmon.errors import HistoryError

_PACKAGE = Path(__file__).parent


def stylesheet(name: str) -> Path:
    """Return the path of a stylesheet.

    An installed package has `styles/` inside it; a checkout has `styles/` beside the package.
    """
    installed = _PACKAGE / "styles" / name
    return installed if installed.exists() else _PACKAGE.parent / "styles" / name


def history_file() -> Path:
    """Return the path of the history database, in the user's data directory (`XDG_DATA_HOME` on Linux).

    Raises:
        HistoryError: if the user has no home directory: no HOME and no entry in the list of users.
    """
    from platformdirs import user_data_path

    folder = _full(user_data_path)
    if folder is None:
        raise HistoryError(
            "there is no home directory for the history; set HOME or XDG_DATA_HOME to a full path"
        )
    return folder / "history.sqlite3"


def is_of_history(path: Path) -> bool:
    """Return whether a file is the history, or one that SQLite keeps beside it."""
    try:
        file, own = path.resolve(), history_file().resolve()
    except HistoryError:
        return False
    return file.parent == own.parent and file.name.startswith(own.name)


def runs_directory() -> Path:
    """Return the directory of the runs of this machine, beside the history.

    Raises:
        HistoryError: as `history_file`.
    """
    return history_file().parent / "runs"


def config_file() -> Path | None:
    """Return the path of the config file, in the user's config directory (`XDG_CONFIG_HOME` on Linux).

    It is None if the user has no home directory.
    """
    from platformdirs import user_config_path

    folder = _full(user_config_path)
    return None if folder is None else folder / "config.toml"


def layout_file() -> Path | None:
    """Return the path of the file that keeps the screen's layout, in the user's state directory.

    That is `XDG_STATE_HOME` on Linux. The path is None if the user has no home directory.
    """
    from platformdirs import user_state_path

    folder = _full(user_state_path)
    return None if folder is None else folder / "layout.json"


def _full(folder_of: Callable[..., Path]) -> Path | None:
    """Return ftmon's directory in one of the user's; None where the user has no home directory."""
    try:
        folder = folder_of("ftmon", appauthor=False)
    except RuntimeError:
        # Later versions raise this. Earlier ones return a path that begins with `~`.
        return None
    return folder if folder.is_absolute() else None
