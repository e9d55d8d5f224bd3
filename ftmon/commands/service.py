"""The options that name a service, which every command that asks one takes."""

import argparse
from typing import TYPE_CHECKING, NamedTuple

from ftmon.commands.parser import Parser
from ftmon.errors import UsageError
from ftmon.providers import API_NAMES, PROVIDERS

if TYPE_CHECKING:
    from ftmon.settings import Settings
    from ftmon.settings.choice import Choice


class ServiceOptions(NamedTuple):
    """The service as the command line gives it, still unchecked."""

    base_url: str | None
    api_key_file: str | None
    ca_file: str | None
    allow_http: bool
    provider: str | None
    profile: str | None

    @classmethod
    def of(cls, options: argparse.Namespace) -> "ServiceOptions":
        """Return the options that `add_service_options` has added."""
        return cls(
            options.base_url,
            options.api_key_file,
            options.ca_file,
            options.allow_http,
            options.provider,
            options.profile,
        )

    def choice(self) -> "Choice":
        """Choose the service by the options, the config file and the environment; raises as `choose`."""
        from ftmon.settings.choice import choose

        return choose(
            base_url=self.base_url,
            api_key_file=self.api_key_file,
            ca_file=self.ca_file,
            allow_http=self.allow_http,
            provider=self.provider,
            profile=self.profile,
        )

    @property
    def is_named(self) -> bool:
        """The command line names a service."""
        return any((self.base_url is not None, self.provider, self.profile))

    def is_lacking(self, settings: "Settings") -> bool:
        """Whether nothing names a service, and there is no key for the one that is usual."""
        if self.is_named:
            return False
        try:
            settings.check_key()
        except UsageError:
            return True
        return False

    def settings(self) -> "Settings":
        """Choose the service and read its key, for a request; raises as `read_settings`."""
        return self.choice().with_key()

    def command(self, *words: str) -> str:
        """Return a command that asks the same service."""
        import shlex

        options = [
            word
            for option, value in (
                ("--base-url", self.base_url),
                ("--profile", self.profile),
                ("--provider", self.provider),
                ("--api-key-file", self.api_key_file),
                ("--ca-file", self.ca_file),
            )
            if value
            for word in (option, value)
        ]
        return shlex.join([*words, *options, *(["--allow-http"] if self.allow_http else [])])


def add_service_options(parser: Parser) -> None:
    """Add the options of `ServiceOptions`."""
    parser.add_argument("--base-url", metavar="URL", help="the service, such as http://127.0.0.1:8000/v1")
    parser.add_argument(
        "--provider",
        metavar="NAME",
        help="whose API the service speaks: auto (default, finds out), "
        + ", ".join((*PROVIDERS, *API_NAMES)),
    )
    parser.add_argument("--profile", metavar="NAME", help="a service of the config file (see ftmon config)")
    parser.add_argument(
        "--api-key-file", metavar="FILE", help="a private file that holds the key (- is stdin)"
    )
    parser.add_argument("--ca-file", metavar="FILE", help="certificates to trust, for a service of your own")
    parser.add_argument(
        "--allow-http", action="store_true", help="send the key in plain http to another host"
    )
