"""The result file of OpenAI's family: a table of the losses by step, as CSV, plain or in base64.

Source: OpenAI's specification, and recorded files of both APIs (PROTOCOL §1.6, §2.4).
"""

import base64
import csv
from collections.abc import Sequence

from ftmon.model.event import Event
from ftmon.model.figures import Figures, read_figures
from ftmon.wire.dialects import made

_MISSING = -1
"""The first API's number where a step has no such figure."""


def read_results(body: bytes, file_id: str) -> list[Event]:
    """Return the rows of a result file as events of their steps.

    Raises:
        ValueError: for a body that is no such table.
    """
    try:
        header, *rows = csv.reader(_table(body).splitlines())
    except csv.Error as error:
        raise ValueError("no table") from error
    steps = [_figures(header, row) for row in rows]
    return [made.step(each, None, own_id=f"{file_id} {each['step']}") for each in steps if len(each) > 1]


def _table(body: bytes) -> str:
    text = body.decode("utf-8-sig", "replace")
    if not _begins_table(text):
        # Since 2024 the content is sent in base64.
        text = base64.b64decode("".join(text.split()), validate=True).decode("utf-8-sig", "replace")
    if not _begins_table(text):
        raise ValueError("no table of steps")
    return text


def _begins_table(text: str) -> bool:
    return text.startswith(("step,", '"step"'))


def _figures(header: Sequence[str], row: Sequence[str]) -> Figures:
    """Return the figures of a row; none but the step of one that tells nothing."""
    figures = read_figures(dict(zip(header, row, strict=False)))
    figures = {name: value for name, value in figures.items() if value != _MISSING}
    return figures if "step" in figures else {}
