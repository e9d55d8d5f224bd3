"""Editing the config file."""

import os
import shlex
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from ftmon.errors import UsageError
from ftmon.lines.output import say
from ftmon.settings.config import path_of_config, read_config

_TEMPLATE = """\
# The settings of ftmon. A # begins a comment; ftmon config shows what is in effect.

# The profile to use where no option and no variable names a service:
# default_profile = "work"

# [profiles.work]                                  # ftmon JOB --profile work
# base_url = "https://gpu-box.example/v1"          # or only a provider, for its own address
# provider = "together"                            # ftmon --help lists them
#
# Where the key is, by one of these. The key itself never stands in this file.
# api_key_env = "WORK_API_KEY"                     # a variable
# api_key_file = "~/.config/ftmon/work.key"        # a private file: chmod 600
# api_key_command = ["pass", "show", "work"]       # a command that prints it; no shell, 10 s at most
#
# namespace = "my-team"                            # the account of job ids that come without one
# organization = "org-..."
# project = "proj_..."
# api_version = "2024-10-21"                       # Azure's
# ca_file = "~/ca.pem"                             # certificates to trust
# allow_http = true                                # send the key in plain http

# Who is told when to look; ftmon notify --test tries it.
# [notify]
# address = "https://ntfy.sh/my-topic"             # ntfy, Slack, Discord, or any that takes JSON; never shown
# command = ["notify-send", "ftmon"]               # gets facts in FTMON_ variables; no shell, 30 s at most
# kind = "ntfy"                                    # for a server of your own: ntfy, slack, discord, json
# events = ["finished", "failed", "cancelled", "stalled", "diverged", "overfitting", "disconnected", "back"]
# terminal = "osc777"                              # osc9, osc777, osc99 or bell; found out where it can be
# enabled = true                                   # in lines, too; false: only with --notify
"""


def edit() -> int:
    """Open the config file in the user's editor, check it afterwards, and return the exit status.

    Raises:
        UsageError: when there is no such editor, or the file cannot be made or used.
    """
    path = path_of_config(os.environ)
    if path is None:
        raise UsageError(
            "There is no home directory for the config file; set HOME, XDG_CONFIG_HOME or FTMON_CONFIG."
        )
    editor = _editor(path)
    _make(path)
    # Ctrl-C is the editor's. A handler, unlike SIG_IGN, is not handed down to it.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        status = subprocess.run([*editor, str(path)], check=False).returncode
    except OSError as error:
        raise UsageError(
            f"The editor {editor[0]} cannot be run: {error.strerror}; set VISUAL or EDITOR."
        ) from error
    finally:
        signal.signal(signal.SIGINT, before)
    if status:
        say(f"the editor ended with {status}.")
    config = read_config()
    for notice in config.notices:
        say(notice)
    say(f"{path} can be used; its profiles: {', '.join(config.profiles) or 'none'}.")
    return 0


def _editor(path: Path) -> list[str]:
    for name in ("VISUAL", "EDITOR"):
        try:
            if words := shlex.split(os.environ.get(name, "")):
                return words
        except ValueError as error:
            raise UsageError(f"{name} cannot be read as a command: {error}.") from error
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            f"There is no terminal to edit {path} in; VISUAL or EDITOR may name an editor without one."
        )
    return ["vi"]


def _make(path: Path) -> None:
    """Make the file with the template in it, where there is none. Only the user can read it."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (
            suppress(FileExistsError),
            open(path, "x", opener=lambda name, flags: os.open(name, flags, 0o600)) as file,
        ):
            file.write(_TEMPLATE)
    except OSError as error:
        raise UsageError(f"The config file {path} cannot be made: {error.strerror}.") from error
