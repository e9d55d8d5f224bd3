"""The services that ftmon knows by name: their addresses, and the variables that their users set."""

from collections.abc import Mapping
from typing import NamedTuple

from ftmon.errors import UsageError


class Provider(NamedTuple):
    """Who serves an API. What it speaks stands in `wire.dialects`, by the same name."""

    base_url: str = ""
    """Empty where every user has an address of their own."""
    path: str = ""
    """Follows the address in a variable, where that is the host alone."""
    hosts: tuple[str, ...] = ()
    """Its hosts; those below them are its own too. Only they get its key."""
    addresses: tuple[str, ...] = ()
    """Variables that hold its address, the first one that is set."""
    keys: tuple[str, ...] = ()
    """Variables that hold its key, the first one that is set."""
    key_file: str = ""
    """Where its own program keeps the key."""
    key_places: tuple[tuple[str, str], ...] = ()
    """Variables that move this file, the first one that is set, each with the path below what it names."""
    namespace: str = ""
    """The variable that holds the user or account of job ids that come without one."""
    page: str = ""
    """The web page of a job; `{job_id}` stands for its id."""
    key_header: str = "Authorization"
    """Holds the key: as it is, or in `Authorization` as a bearer token."""

    @property
    def variables(self) -> tuple[str, ...]:
        """All variables of its own programs that are read."""
        places = [variable for variable, _ in self.key_places]
        return (*self.addresses, *self.keys, *places, *filter(None, [self.namespace]))


PROVIDERS: Mapping[str, Provider] = {
    # PROTOCOL §2 to §7, SERVICES §2
    "openai": Provider(
        base_url="https://api.openai.com/v1",
        hosts=("api.openai.com",),
        page="https://platform.openai.com/finetune/{job_id}",
        addresses=("OPENAI_BASE_URL", "OPENAI_API_BASE"),
        keys=("OPENAI_API_KEY",),
    ),
    "azure": Provider(
        path="/openai/v1",
        hosts=("openai.azure.com", "cognitiveservices.azure.com", "services.ai.azure.com"),
        addresses=("AZURE_OPENAI_ENDPOINT",),
        keys=("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN"),
        key_header="api-key",
    ),
    "bedrock": Provider(hosts=("api.aws",), addresses=("OPENAI_BASE_URL",), keys=("OPENAI_API_KEY",)),
    "dashscope": Provider(
        base_url="https://dashscope.aliyuncs.com/api/v1",
        # Not all of aliyuncs.com: the buckets of its users are there too.
        hosts=("dashscope.aliyuncs.com", "dashscope-intl.aliyuncs.com"),
        addresses=("DASHSCOPE_HTTP_BASE_URL",),
        keys=("DASHSCOPE_API_KEY",),
    ),
    "fireworks": Provider(
        base_url="https://api.fireworks.ai/v1",
        path="/v1",
        hosts=("fireworks.ai",),
        addresses=("FIREWORKS_BASE_URL",),
        keys=("FIREWORKS_API_KEY",),
        namespace="FIREWORKS_ACCOUNT_ID",
    ),
    "hugging-face": Provider(
        base_url="https://huggingface.co",
        hosts=("huggingface.co",),
        addresses=("HF_ENDPOINT",),
        keys=("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"),
        key_file="~/.cache/huggingface/token",
        key_places=(("HF_TOKEN_PATH", ""), ("HF_HOME", "token")),
    ),
    "localai": Provider(base_url="http://localhost:8080"),
    "mistral": Provider(
        base_url="https://api.mistral.ai/v1", hosts=("mistral.ai",), keys=("MISTRAL_API_KEY",)
    ),
    "morph": Provider(
        base_url="https://api.morphllm.com/v1", hosts=("morphllm.com",), keys=("MORPH_API_KEY",)
    ),
    "nebius": Provider(
        base_url="https://api.tokenfactory.nebius.com/v1", hosts=("nebius.com",), keys=("NEBIUS_API_KEY",)
    ),
    "nemo": Provider(addresses=("CUSTOMIZER_BASE_URL",)),
    "nemo-platform": Provider(base_url="http://localhost:8080", addresses=("NMP_BASE_URL",)),
    "portkey": Provider(
        base_url="https://api.portkey.ai/v1", hosts=("portkey.ai",), keys=("PORTKEY_API_KEY",)
    ),
    "replicate": Provider(
        base_url="https://api.replicate.com/v1",
        path="/v1",
        hosts=("replicate.com",),
        addresses=("REPLICATE_BASE_URL",),
        keys=("REPLICATE_API_TOKEN",),
    ),
    "together": Provider(
        base_url="https://api.together.ai/v1",
        # Version 3 of its client wants the variable without the path, the older ones with it.
        path="/v1",
        hosts=("together.ai", "together.xyz"),
        addresses=("TOGETHER_BASE_URL",),
        keys=("TOGETHER_API_KEY",),
    ),
    "unsloth": Provider(base_url="http://localhost:8888"),
    "zhipu": Provider(
        base_url="https://open.bigmodel.cn/api/paas/v4",
        hosts=("bigmodel.cn",),
        addresses=("ZHIPUAI_BASE_URL",),
        keys=("ZHIPUAI_API_KEY",),
    ),
}
"""By the name that `--provider` takes."""

FIND_OUT = "auto"
"""The name of no provider: the host tells it, or the service is asked."""

API_NAMES = ("fine-tunes", "fine-tuning-jobs")
"""Names that `--provider` takes too, for a server of one's own: the API that it speaks."""


KNOWN = (FIND_OUT, *PROVIDERS, *API_NAMES)
"""All names that `--provider` takes."""


def check_provider(name: str) -> None:
    """Raise a UsageError for a provider that ftmon does not know."""
    if name not in KNOWN:
        raise UsageError(f"--provider {name} is not known; it is one of {', '.join(KNOWN)}.")


def key_variable(host: str) -> str:
    """Return the variable in which a host's key is expected: its provider's, else that of any server."""
    owner = PROVIDERS.get(provider_at(host), PROVIDERS["openai"])
    return owner.keys[0]


def namespace_variable(provider: str, host: str) -> str:
    """Return the variable that holds the account at a host, or of a named provider; empty where none does."""
    owner = PROVIDERS.get(provider_at(host) or provider)
    return owner.namespace if owner else ""


def page_at(host: str, job_id: str) -> str:
    """Return the web page of a job at a provider's own host; an empty text where none is known."""
    provider = PROVIDERS.get(provider_at(host))
    return provider.page.format(job_id=job_id) if provider else ""


def provider_at(host: str) -> str:
    """Return the name of the provider that a host belongs to; empty where it is nobody's."""
    for name, provider in PROVIDERS.items():
        if any(host == own or host.endswith(f".{own}") for own in provider.hosts):
            return name
    return ""
