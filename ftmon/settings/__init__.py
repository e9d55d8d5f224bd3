"""Which service and which key to use."""

from ftmon.settings.base_url import check_base_url
from ftmon.settings.choice import Choice, choose, read_settings
from ftmon.settings.key import Key
from ftmon.settings.value import DEFAULT_BASE_URL, Settings

__all__ = ["DEFAULT_BASE_URL", "Choice", "Key", "Settings", "check_base_url", "choose", "read_settings"]
