"""Paths of ftmon's own files."""

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

    try:
        folder = user_data_path("ftmon", appauthor=False)
    except RuntimeError:
        # Later versions raise this. Earlier ones return a path that begins with `~`.
        folder = Path()
    if not folder.is_absolute():
        raise HistoryError(
            "there is no home directory for the history; set HOME or XDG_DATA_HOME to a full path"
        )
    return folder / "history.sqlite3"
