"""Which service and which key to use. `choice` chooses them; the history needs only the values."""

from ftmon.settings.base_url import check_base_url
from ftmon.settings.key import Key
from ftmon.settings.value import DEFAULT_BASE_URL, Settings

__all__ = ["DEFAULT_BASE_URL", "Key", "Settings", "check_base_url"]
