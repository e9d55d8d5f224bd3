"""What `ftmon` can do: a module for each command, and what several of them share.

A command's module has `run(arguments)`, which turns the arguments into frozen values of its own and returns
the exit status, and `parser()`, which completion asks for the options.
"""

NAMES = (
    *("watch", "run", "serve", "logs", "demo", "history", "export", "config", "doctor"),
    *("jobs", "cancel", "pause", "resume", "notify", "completion"),
)
"""The commands, each in a module of this name. `ftmon JOB` is short for `ftmon watch JOB`."""
