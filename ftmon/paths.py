"""Where ftmon's own files are."""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def stylesheet(name: str) -> Path:
    """Return the path of a stylesheet: inside the package when installed, beside it in a checkout."""
    packed = _PACKAGE / "styles" / name
    return packed if packed.exists() else _PACKAGE.parent / "styles" / name
