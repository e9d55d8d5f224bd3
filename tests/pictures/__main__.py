"""Makes the pictures of README from real runs in tmux: `python -m tests.pictures [NAME …]`."""

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.command import FTMON
from tests.demo.process import demo
from tests.pane import pane
from tests.pictures.drawing import png
from tests.pictures.story import STORIES, Story

_FOLDER = Path(__file__).parents[2] / "screenshots"

_TRAINING = ("--steps=400",)
"""Long enough for curves, and over in two minutes."""

_PLACES = ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")


def main() -> int:
    """Make all pictures, or those that are named. Return how many could not be made."""
    parser = argparse.ArgumentParser(prog="python -m tests.pictures", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(STORIES))
    parser.add_argument("--folder", type=Path, default=_FOLDER, help="default: screenshots")
    parser.add_argument("--at-once", type=int, default=4, metavar="N", help="runs beside each other")
    options = parser.parse_args()
    if unknown := set(options.names) - set(STORIES):
        parser.error(f"there is no picture {', '.join(sorted(unknown))}")
    failures = 0
    with ThreadPoolExecutor(options.at_once) as pool:
        made = {pool.submit(_picture, STORIES[name]): name for name in options.names or STORIES}
        for future in as_completed(made):
            path = options.folder / f"{made[future]}.png"
            try:
                picture = future.result()
            except AssertionError as error:
                failures += 1
                sys.stderr.write(f"{path} was not made. What was waited for did not come:\n{error}\n")
            else:
                path.write_bytes(picture)
                sys.stdout.write(f"{path}: {len(picture) // 1000} kB\n")
    return failures


def _picture(story: Story) -> bytes:
    """Watch a run, and return the picture of the pane as a PNG."""
    columns, lines = story.columns, story.lines
    with TemporaryDirectory() as home, demo(*_TRAINING, *story.demo) as service:
        command = [*FTMON, service.job_id, "--base-url", service.base_url]
        env = dict.fromkeys(_PLACES, home) | {"COLORTERM": "truecolor"}
        with pane(command, columns, lines, **env) as shown:
            story.play(shown, service)
            # Both at once, so that the title tells what the screen does.
            told = shown.do("capture-pane", "-p", "-N", "-e", ";", "display-message", "-p", "#{pane_title}")
            captured, _, title = told.rstrip("\n").rpartition("\n")
            return png(captured, columns, lines, title)


if __name__ == "__main__":
    sys.exit(main())
