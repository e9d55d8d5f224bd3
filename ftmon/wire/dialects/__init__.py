"""The APIs that ftmon speaks, each a `Dialect` in a module of its own."""

from ftmon.errors import UsageError
from ftmon.wire.dialects.dashscope import DASHSCOPE
from ftmon.wire.dialects.dialect import Dialect
from ftmon.wire.dialects.fine_tunes import FINE_TUNES
from ftmon.wire.dialects.fine_tuning_jobs import FINE_TUNING_JOBS
from ftmon.wire.dialects.fireworks import FIREWORKS
from ftmon.wire.dialects.hugging_face_jobs import HUGGING_FACE_JOBS
from ftmon.wire.dialects.localai import LOCALAI
from ftmon.wire.dialects.mistral import MISTRAL
from ftmon.wire.dialects.nemo_customizer import NEMO_CUSTOMIZER
from ftmon.wire.dialects.replicate import REPLICATE
from ftmon.wire.dialects.together import TOGETHER

DIALECTS = (
    # Those of one path stand together; the last of them takes what none before it knows as its own.
    TOGETHER,
    DASHSCOPE,
    FINE_TUNES,
    MISTRAL,
    FINE_TUNING_JOBS,
    REPLICATE,
    LOCALAI,
    NEMO_CUSTOMIZER,
    HUGGING_FACE_JOBS,
    FIREWORKS,
)
"""All of them, in the order in which they are tried."""

_OPENAI = (FINE_TUNING_JOBS, FINE_TUNES)

_PROVIDERS = {
    "auto": DIALECTS,
    "openai": (FINE_TUNING_JOBS,),
    "azure": _OPENAI,
    "bedrock": (FINE_TUNING_JOBS,),
    "morph": (FINE_TUNING_JOBS,),
    "nebius": (FINE_TUNING_JOBS,),
    "portkey": (FINE_TUNING_JOBS,),
    "zhipu": (FINE_TUNING_JOBS,),
    "hugging-face": (HUGGING_FACE_JOBS,),
    "nemo": (NEMO_CUSTOMIZER,),
} | {each.name: (each,) for each in DIALECTS}
"""The names that `--provider` takes, and the dialects to try for each."""

PROVIDERS = tuple(_PROVIDERS)

_HOSTS = {
    "api.openai.com": _OPENAI,
    "openai.azure.com": _OPENAI,
    "cognitiveservices.azure.com": _OPENAI,
    "services.ai.azure.com": _OPENAI,
    "together.ai": (TOGETHER,),
    "together.xyz": (TOGETHER,),
    "mistral.ai": (MISTRAL,),
    "nebius.com": (FINE_TUNING_JOBS,),
    "api.aws": (FINE_TUNING_JOBS,),
    "morphllm.com": (FINE_TUNING_JOBS,),
    "bigmodel.cn": (FINE_TUNING_JOBS,),
    "huggingface.co": (HUGGING_FACE_JOBS,),
    "aliyuncs.com": (DASHSCOPE,),
    "fireworks.ai": (FIREWORKS,),
    "replicate.com": (REPLICATE,),
}
"""What the known hosts, and the hosts below them, speak (PROTOCOL, SERVICES)."""

_BY_NAME = {dialect.name: dialect for dialect in DIALECTS}


def candidates(provider: str, host: str = "") -> tuple[Dialect, ...]:
    """Return the dialects that a provider at a host may speak, in the order in which to try them.

    Raises:
        UsageError: for a provider that ftmon does not know.
    """
    if provider not in _PROVIDERS:
        raise UsageError(f"--provider {provider} is not known; it is one of {', '.join(PROVIDERS)}.")
    if provider == "auto":
        for known, dialects in _HOSTS.items():
            if host == known or host.endswith(f".{known}"):
                return dialects
    return _PROVIDERS[provider]


def named(name: str) -> Dialect:
    """Return the dialect of this name, as stored in the history; OpenAI's first where the name is unknown."""
    return _BY_NAME.get(name, FINE_TUNES)
