"""What a job object tells beside the fields of `Job`: settings, files, what it costs.

Services name these in many ways, so they are found by their names, whatever the API. A name that is not
known here is still in the object itself, which is shown as it was sent.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

from ftmon import json_text
from ftmon.model.secret_fields import is_secret, without_access
from ftmon.safe import one_line, safe

_MOST_SETTINGS, _MOST_FILES = 48, 16
_LONGEST = 400
"""Characters of a value."""

_GROUPS = ("hyperparams", "hyperparameters", "hyper_parameters", "training_type", "training_method", "method")
"""Objects that hold settings: OpenAI's APIs, DashScope, Together (PROTOCOL §1.2, §2.2, §4, SERVICES §2.6)."""

_SETTINGS = re.compile(
    # Together, Nebius, LocalAI, Unsloth Studio; Fireworks in camelCase (PROTOCOL §4, §6, §7, SERVICES §2)
    r"(?:n_)?epochs|num_(?:train_)?epochs|n_evals|n_checkpoints|batch_?size|learning_?rate(?:_multiplier)?|lr"
    r"|(?:max|training|total|warmup)_steps|warmup_ratio|weight_decay|max_grad_norm|seed|lora\w*|packing"
    r"|(?:max_?)?context_?length|max_seq_length|lr_scheduler\w*|optimizer|quantization|training_method"
    r"|(?:user_provided_)?suffix|train_on_inputs|backend|flavor|job_type|display_?name|version",
    re.IGNORECASE,
)
"""Settings that stand in the job itself."""

_FILES = {
    "training": re.compile(r"training_?files?(?:_ids?)?|dataset(?:_(?:id|source))?"),
    "validation": re.compile(r"validation_?files?(?:_ids?)?|evaluation_?dataset|eval_dataset"),
    "result": re.compile(r"results?_?files?"),
}

_COSTS = re.compile(
    r"(?:total_)?(?:price|cost)|estimated_?cost|(?:trained|billed|input|total)_?tokens|token_count|usage",
    re.IGNORECASE,
)
"""Together, OpenAI, Fireworks, DashScope. No service says in which unit its price is."""


class JobFile(NamedTuple):
    """A file of a job."""

    kind: str
    """`training`, `validation` or `result`."""
    id: str
    name: str = ""
    size: int | None = None
    """Bytes."""


class Details(NamedTuple):
    """What a job object tells; every string is safe text in one line."""

    settings: tuple[tuple[str, str], ...] = ()
    """Names and values."""
    files: tuple[JobFile, ...] = ()
    costs: tuple[tuple[str, str], ...] = ()


@lru_cache(maxsize=1)
def details_of(raw: str) -> Details:
    """Return what the job object in a JSON text tells; nothing where the text is none."""
    try:
        fields = json_text.decode(raw)
    except ValueError:
        return Details()
    if not isinstance(fields, dict):
        return Details()
    # DashScope and Unsloth Studio put the job into another object.
    inner = next((fields[name] for name in ("output", "run") if isinstance(fields.get(name), dict)), fields)
    return Details(
        tuple(islice(_settings(inner), _MOST_SETTINGS)),
        tuple(islice(_files(inner), _MOST_FILES)),
        tuple(islice(_costs(inner), _MOST_SETTINGS)),
    )


def _settings(fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for group in _GROUPS:
        if isinstance(value := fields.get(group), (dict, str)):
            yield from _values(value, group)
    for name, value in fields.items():
        if name not in _GROUPS and _SETTINGS.fullmatch(name):
            yield from _values(value, name)


def _costs(fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in fields.items():
        if _COSTS.fullmatch(name):
            yield from _values(value, name)


def _values(value: Any, name: str, depth: int = 3) -> Iterator[tuple[str, str]]:
    """Yield a value, or those inside an object, by name. Leave out nulls and secrets."""
    if isinstance(value, dict):
        for inner, item in value.items():
            if depth:
                yield from _values(item, inner, depth - 1)
    elif value is not None and value != "" and value != [] and not is_secret(name):
        text = ", ".join(map(_word, value[:8])) if isinstance(value, list) else _word(value)
        yield _word(name).replace("_", " "), text


def _word(value: Any) -> str:
    """Return a value as a person writes it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    # More than is shown, so that no control sequence is cut in two before it is removed.
    text = f"{value:.10g}" if isinstance(value, float) else str(value)[: 10 * _LONGEST]
    text = one_line(safe(without_access(text)))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _files(fields: Mapping[str, Any]) -> Iterator[JobFile]:
    for kind, names in _FILES.items():
        for name, value in fields.items():
            if names.fullmatch(name.lower()):
                for each in value if isinstance(value, list) else [value]:
                    if (file := _file(kind, each)) is not None:
                        yield file


def _file(kind: str, value: Any) -> JobFile | None:
    """Read a file: its id, or an object with its name and size, as OpenAI's first API has it."""
    if isinstance(value, str) and value:
        return JobFile(kind, _word(value))
    if not isinstance(value, dict):
        return None
    own_id, name = (value.get(each) for each in ("id", "filename"))
    own_id = own_id or value.get("file_id")
    size = value.get("bytes")
    is_size = isinstance(size, int) and not isinstance(size, bool) and 0 <= size < 10**15
    if not isinstance(own_id, str):
        return None
    return JobFile(
        kind, _word(own_id), _word(name) if isinstance(name, str) else "", size if is_size else None
    )
