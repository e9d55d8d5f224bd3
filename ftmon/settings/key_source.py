"""Finding the key that belongs to an address. It is not read here."""

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from ftmon.errors import UsageError
from ftmon.providers import PROVIDERS, Provider
from ftmon.settings.config import Config
from ftmon.settings.key import KeySource, key_file_text
from ftmon.settings.profile import Profile


def find_key(
    api_key_file: str | None,
    environ: Mapping[str, str],
    owner: Provider | None,
    profile: Profile | None,
    config: Config,
    *,
    is_named: bool,
) -> KeySource | None:
    """Return the first source of a key for an address; None where there is none.

    Args:
        api_key_file: The option.
        environ: The environment, without variables of blanks.
        owner: The provider whose address it is; None for an address that is nobody's.
        profile: The profile whose address it is. No other one's key goes there.
        config: The file that the profile comes from.
        is_named: The user named the profile, so it goes before the environment.
    """
    if api_key_file is not None:
        return KeySource("--api-key-file", partial(key_file_text, api_key_file))
    if "FTMON_API_KEY" in environ:
        return _variable(environ, "FTMON_API_KEY")
    given = _of_profile(profile, environ, config) if profile else []
    # Another provider's key is none of this address. OPENAI_API_KEY is what self-hosted servers are given.
    names = owner.keys if owner else PROVIDERS["openai"].keys
    own = [_variable(environ, name, is_given=False) for name in names if name in environ]
    own += _of_program(owner, environ) if owner else []
    # A default profile's key goes before OPENAI_API_KEY, which is meant for no address in particular.
    found = [*given, *own] if is_named or not owner else [*own, *given]
    return found[0] if found else None


def _variable(environ: Mapping[str, str], name: str, *, is_given: bool = True) -> KeySource:
    return KeySource(name, lambda: environ[name], is_given)


def _of_program(owner: Provider, environ: Mapping[str, str]) -> list[KeySource]:
    """Return the file in which the provider's own program keeps the key, if there is one."""
    moved = (Path(environ[name], below) for name, below in owner.key_places if name in environ)
    name = str(next(moved, owner.key_file))
    # RuntimeError: the user has no home directory.
    with suppress(OSError, RuntimeError):
        if name and Path(name).expanduser().exists():
            return [KeySource(name, partial(key_file_text, name), is_given=False)]
    return []


def _of_profile(profile: Profile, environ: Mapping[str, str], config: Config) -> list[KeySource]:
    """Return the source that a profile names, if it names one."""
    if profile.api_key_env in environ:
        return [_variable(environ, profile.api_key_env)]
    if profile.api_key_env:
        # The variable is not told: somebody may have put the key itself there.
        source = f"api_key_env of the profile {profile.name} (not set)"
        return [KeySource(source, partial(_unset, profile.name))]
    if profile.api_key_file:
        source = f"api_key_file of the profile {profile.name}"
        return [KeySource(source, partial(key_file_text, profile.api_key_file))]
    if profile.api_key_command:
        source = f"api_key_command of the profile {profile.name}"
        return [KeySource(source, partial(_printed, profile.api_key_command, source, config))]
    return []


def _unset(name: str) -> str:
    raise UsageError(f"The variable that api_key_env of the profile {name} names is not set.")


def _printed(words: tuple[str, ...], source: str, config: Config) -> str:
    from ftmon.settings.key_command import first_line

    if not config.is_private:
        raise UsageError(
            f"{source} is not run, because others can write {config.path} (or it is not yours): "
            f"chmod go-w {config.path}"
        )
    return first_line(words, source)
