"""Where ftmon's own files are."""

from pathlib import Path

from ftmon.errors import HistoryError

_PACKAGE = Path(__file__).parent


def stylesheet(name: str) -> Path:
    """Return the path of a stylesheet: inside the package when installed, beside it in a checkout."""
    packed = _PACKAGE / "styles" / name
    return packed if packed.exists() else _PACKAGE.parent / "styles" / name


def history_file() -> Path:
    """Return where the history is, in the user's own data directory (`XDG_DATA_HOME` and its kin).

    Raises:
        HistoryError: where the user has no home.
    """
    from platformdirs import user_data_path

    folder = user_data_path("ftmon", appauthor=False)
    if not folder.is_absolute():
        raise HistoryError("there is no home directory")
    return folder / "history.sqlite3"
