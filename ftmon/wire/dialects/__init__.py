"""The APIs that ftmon speaks, each a `Dialect` in a module of its own that is imported when it is needed."""

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from ftmon.providers import FIND_OUT, provider_at

if TYPE_CHECKING:
    from ftmon.wire.dialects.dialect import Dialect

_MODULES = {
    # Those of one path stand together; the last of them takes what none before it knows as its own.
    "together": "together",
    "dashscope": "dashscope",
    "fine-tunes": "fine_tunes",
    "mistral": "mistral",
    "fine-tuning-jobs": "fine_tuning_jobs",
    "azure": "fine_tuning_jobs",
    "azure-fine-tunes": "fine_tunes",
    "replicate": "replicate",
    "localai": "localai",
    "nemo-customizer": "nemo_customizer",
    "nemo-platform": "nemo_platform",
    "unsloth-studio": "unsloth_studio",
    "hugging-face-jobs": "hugging_face_jobs",
    "fireworks": "fireworks",
    "fireworks-reinforcement": "fireworks",
    "fireworks-dpo": "fireworks",
    "azure-v1": "fine_tuning_jobs",
}
"""The module of each dialect, by its name, in the order in which they are tried.

In the module, the dialect has its name in capitals: `azure-v1` is `fine_tuning_jobs.AZURE_V1`.
"""

_ONLY_BY_PROVIDER = "azure-v1"
"""At any other host, its general form is spoken."""

_BY_PROVIDER = {
    "azure": ("azure-v1", "azure", "azure-fine-tunes"),
    "bedrock": ("fine-tuning-jobs",),
    "dashscope": ("dashscope",),
    "fine-tunes": ("together", "dashscope", "fine-tunes"),
    "fine-tuning-jobs": ("fine-tuning-jobs",),
    "fireworks": ("fireworks", "fireworks-reinforcement", "fireworks-dpo"),
    "hugging-face": ("hugging-face-jobs",),
    "localai": ("localai",),
    "mistral": ("mistral",),
    "morph": ("fine-tuning-jobs",),
    "nebius": ("fine-tuning-jobs",),
    "nemo": ("nemo-customizer",),
    "nemo-platform": ("nemo-platform",),
    "openai": ("fine-tuning-jobs",),
    "portkey": ("fine-tuning-jobs",),
    "replicate": ("replicate",),
    "together": ("together",),
    "unsloth": ("unsloth-studio",),
    "zhipu": ("fine-tuning-jobs",),
}
"""What each provider speaks, by its name in `providers`."""


def candidates(provider: str, host: str = "") -> "tuple[Dialect, ...]":
    """Return the dialects that a provider at a host may speak, in the order in which to try them.

    For `auto` the host tells the provider. At a host that is nobody's, each dialect may be spoken.
    """
    every = (name for name in _MODULES if name != _ONLY_BY_PROVIDER)
    own = _BY_PROVIDER.get(provider_at(host) if provider == FIND_OUT else provider, every)
    return tuple(map(_imported, own))


def named(name: str) -> "Dialect":
    """Return the dialect of this name, as stored in the history; OpenAI's first where the name is unknown."""
    return _imported(name if name in _MODULES else "fine-tunes")


@cache
def _imported(name: str) -> "Dialect":
    module = import_module(f"{__name__}.{_MODULES[name]}")
    dialect: Dialect = getattr(module, name.upper().replace("-", "_"))
    return dialect
