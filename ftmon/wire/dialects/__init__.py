"""The APIs that ftmon speaks, each a `Dialect` in a module of its own."""

from ftmon.providers import FIND_OUT, provider_at
from ftmon.wire.dialects.dashscope import DASHSCOPE
from ftmon.wire.dialects.dialect import Dialect
from ftmon.wire.dialects.fine_tunes import AZURE_FINE_TUNES, FINE_TUNES
from ftmon.wire.dialects.fine_tuning_jobs import AZURE, AZURE_V1, FINE_TUNING_JOBS
from ftmon.wire.dialects.fireworks import FIREWORKS, FIREWORKS_PREFERENCES, FIREWORKS_REINFORCEMENT
from ftmon.wire.dialects.hugging_face_jobs import HUGGING_FACE_JOBS
from ftmon.wire.dialects.localai import LOCALAI
from ftmon.wire.dialects.mistral import MISTRAL
from ftmon.wire.dialects.nemo_customizer import NEMO_CUSTOMIZER
from ftmon.wire.dialects.nemo_platform import NEMO_PLATFORM
from ftmon.wire.dialects.replicate import REPLICATE
from ftmon.wire.dialects.together import TOGETHER
from ftmon.wire.dialects.unsloth_studio import UNSLOTH_STUDIO

DIALECTS = (
    # Those of one path stand together; the last of them takes what none before it knows as its own.
    TOGETHER,
    DASHSCOPE,
    FINE_TUNES,
    MISTRAL,
    FINE_TUNING_JOBS,
    AZURE,
    AZURE_FINE_TUNES,
    REPLICATE,
    LOCALAI,
    NEMO_CUSTOMIZER,
    NEMO_PLATFORM,
    UNSLOTH_STUDIO,
    HUGGING_FACE_JOBS,
    FIREWORKS,
    FIREWORKS_REINFORCEMENT,
    FIREWORKS_PREFERENCES,
)
"""All of them, in the order in which they are tried."""

_BY_PROVIDER = {
    "azure": (AZURE_V1, AZURE, AZURE_FINE_TUNES),
    "bedrock": (FINE_TUNING_JOBS,),
    "dashscope": (DASHSCOPE,),
    "fine-tunes": (TOGETHER, DASHSCOPE, FINE_TUNES),
    "fine-tuning-jobs": (FINE_TUNING_JOBS,),
    "fireworks": (FIREWORKS, FIREWORKS_REINFORCEMENT, FIREWORKS_PREFERENCES),
    "hugging-face": (HUGGING_FACE_JOBS,),
    "localai": (LOCALAI,),
    "mistral": (MISTRAL,),
    "morph": (FINE_TUNING_JOBS,),
    "nebius": (FINE_TUNING_JOBS,),
    "nemo": (NEMO_CUSTOMIZER,),
    "nemo-platform": (NEMO_PLATFORM,),
    "openai": (FINE_TUNING_JOBS,),
    "portkey": (FINE_TUNING_JOBS,),
    "replicate": (REPLICATE,),
    "together": (TOGETHER,),
    "unsloth": (UNSLOTH_STUDIO,),
    "zhipu": (FINE_TUNING_JOBS,),
}
"""What each provider speaks, by its name in `providers`."""

_BY_NAME = {dialect.name: dialect for dialect in (*DIALECTS, AZURE_V1)}


def candidates(provider: str, host: str = "") -> tuple[Dialect, ...]:
    """Return the dialects that a provider at a host may speak, in the order in which to try them.

    For `auto` the host tells the provider. At a host that is nobody's, each dialect may be spoken.
    """
    return _BY_PROVIDER.get(provider_at(host) if provider == FIND_OUT else provider, DIALECTS)


def named(name: str) -> Dialect:
    """Return the dialect of this name, as stored in the history; OpenAI's first where the name is unknown."""
    return _BY_NAME.get(name, FINE_TUNES)
