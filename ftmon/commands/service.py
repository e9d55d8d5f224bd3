"""The options that name a service, which every command that asks one takes."""

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ftmon.commands.parser import Parser
from ftmon.providers import API_NAMES, FIND_OUT, PROVIDERS

if TYPE_CHECKING:
    from ftmon.settings import Settings


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """The service as the command line gives it, still unchecked."""

    base_url: str | None
    api_key_file: str | None
    ca_file: str | None
    allow_http: bool
    provider: str

    @classmethod
    def of(cls, options: argparse.Namespace) -> "ServiceOptions":
        """Return the options that `add_service_options` has added."""
        return cls(
            options.base_url, options.api_key_file, options.ca_file, options.allow_http, options.provider
        )

    def settings(self) -> "Settings":
        """Check the options and read the environment; raises as `read_settings`."""
        from ftmon.settings import read_settings

        return read_settings(
            base_url=self.base_url,
            api_key_file=self.api_key_file,
            ca_file=self.ca_file,
            allow_http=self.allow_http,
            provider=self.provider,
        )

    def command(self, *words: str) -> str:
        """Return a command that asks the same service."""
        import shlex

        options = [
            word
            for option, value in (
                ("--base-url", self.base_url),
                ("--provider", "" if self.provider == FIND_OUT else self.provider),
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
        default=FIND_OUT,
        help="whose API the service speaks: auto (default, finds out), "
        + ", ".join((*PROVIDERS, *API_NAMES)),
    )
    parser.add_argument(
        "--api-key-file", metavar="FILE", help="a private file that holds the key (- is stdin)"
    )
    parser.add_argument("--ca-file", metavar="FILE", help="certificates to trust, for a service of your own")
    parser.add_argument(
        "--allow-http", action="store_true", help="send the key in plain http to another host"
    )
