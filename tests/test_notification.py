import re
from pathlib import Path

import pytest

from ftmon.errors import UsageError
from ftmon.model.note import Reason
from ftmon.settings.config import read_config, read_ways
from ftmon.settings.notification import Notification

SECRET = "Zx9Kq7Wvsecret"


@pytest.fixture
def path(config_home: Path) -> Path:
    path = config_home / "ftmon" / "config.toml"
    path.parent.mkdir(parents=True)
    return path


def written(path: Path, text: str, **environ: str) -> Notification:
    path.write_text(text)
    path.chmod(0o600)
    return read_ways({"FTMON_CONFIG": str(path), **environ})


def test_the_example_of_readme_can_be_used(path: Path) -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text()
    (example,) = re.findall(r"```toml\n(\[notify\]\n.*?)```", readme, re.DOTALL)
    assert written(path, example).is_set
    assert read_config({"FTMON_CONFIG": str(path)}).notices == ()


def test_where_nothing_is_set_only_the_terminal_is_told_of_everything(path: Path) -> None:
    ways = written(path, "")
    assert (ways.is_set, ways.terminal, ways.reasons, ways.is_on) == (False, "", frozenset(Reason), None)


def test_the_config_file_sets_the_ways_and_what_is_told(path: Path) -> None:
    ways = written(
        path,
        '[notify]\naddress = "https://ntfy.my.example/t?auth=x"\ncommand = ["notify-send", "ftmon"]\n'
        'kind = "ntfy"\nevents = ["failed", "stalled"]\nterminal = "osc9"\nenabled = false\n'
        '[profiles.a]\nbase_url = "http://127.0.0.1:1"\napi_key_env = "MY_KEY"\n',
    )
    assert ways == Notification(
        "https://ntfy.my.example/t?auth=x",
        ("notify-send", "ftmon"),
        "ntfy",
        frozenset({Reason.FAILED, Reason.STALLED}),
        "osc9",
        False,
        "the config file",
        ("MY_KEY",),
    )


def test_the_variable_goes_before_address_and_command_of_the_file(path: Path) -> None:
    text = '[notify]\naddress = "https://a.example"\ncommand = ["x"]\nevents = ["failed"]\n'
    ways = written(path, text, FTMON_NOTIFY=" http://localhost:8000/x ")
    assert (ways.address, ways.command) == ("http://localhost:8000/x", ())
    assert ways.reasons == {Reason.FAILED}
    ways = written(path, text, FTMON_NOTIFY="notify-send 'a job'  $HOME")
    assert (ways.address, ways.command, ways.source) == (
        "",
        ("notify-send", "a job", "$HOME"),
        "FTMON_NOTIFY",
    )


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        (f'address = "http://a.example/{SECRET}"', "must begin with https://"),
        (f'address = "ftp://a.example/{SECRET}"', "must begin with https://"),
        (f'address = "{SECRET}"', "must begin with https://"),
        (f'address = "https://user:{SECRET}@a.example"', "no user name or password"),
        (f'address = "https://[{SECRET}"', "is no address"),
        (f'address = "https://a.example:{SECRET}/"', "is no address"),
        (f'address = "https://a.example/ü{SECRET}"', "is no address"),
        (f'address = ["{SECRET}"]', "must be a text"),
        (f'command = "{SECRET}"', "must be a list of words"),
        ("command = []", "must be a list of words"),
        ('kind = "teams"', "is one of ntfy, slack, discord, json"),
        ('terminal = "osc8"', "is one of osc9"),
        ('events = ["end"]', "is a list such as"),
        ("events = []", "is a list such as"),
        ('enabled = "no"', "must be true or false"),
        (f'token = "{SECRET}"', "would keep a key in this file"),
    ],
)
def test_an_entry_that_cannot_be_used_is_told_with_its_line_and_without_its_value(
    path: Path, entry: str, sentence: str
) -> None:
    with pytest.raises(UsageError) as caught:
        written(path, f"[notify]\n{entry}\n")
    assert sentence in str(caught.value)
    assert ", line 2:" in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "value", ["https://", "http://a.example/Zx9Kq7Wvsecret", "sh -c 'Zx9Kq7Wvsecret", "https://a b"]
)
def test_a_variable_that_cannot_be_used_is_told_without_its_value(path: Path, value: str) -> None:
    with pytest.raises(UsageError, match=r"^FTMON_NOTIFY ") as caught:
        written(path, "", FTMON_NOTIFY=value)
    assert SECRET not in str(caught.value)


def test_an_entry_that_means_nothing_is_told(path: Path) -> None:
    written(path, '[notify]\nadress = "https://a.example"\n')
    (notice,) = read_config({"FTMON_CONFIG": str(path)}).notices
    assert "line 2: adress means nothing here; did you mean address?" in notice


def test_no_command_is_run_that_others_may_have_written(path: Path) -> None:
    path.write_text('[notify]\ncommand = ["x"]\n')
    path.chmod(0o666)
    with pytest.raises(UsageError, match="because others can write"):
        read_ways({"FTMON_CONFIG": str(path)})
    assert read_ways({"FTMON_CONFIG": str(path), "FTMON_NOTIFY": "y"}).command == ("y",)


def test_the_address_is_in_no_repr(path: Path) -> None:
    assert SECRET not in repr(written(path, f'[notify]\naddress = "https://a.example/{SECRET}"\n'))


@pytest.mark.parametrize(
    ("address", "set_kind", "kind"),
    [
        ("https://ntfy.sh/topic", "", "ntfy"),
        ("https://hooks.slack.com/services/T/B/x", "json", "slack"),
        ("https://discord.com/api/webhooks/1/x", "", "discord"),
        ("https://canary.discord.com/api/webhooks/1/x", "", "discord"),
        ("https://ntfy.sh.example/topic", "", "json"),
        ("https://evil-slack.com/x", "", "json"),
        ("https://ntfy.my.example/topic", "ntfy", "ntfy"),
        ("http://127.0.0.1:9/x", "", "json"),
    ],
)
def test_the_host_says_what_is_sent_and_else_the_kind_that_is_set(
    address: str, set_kind: str, kind: str
) -> None:
    assert Notification(address, kind=set_kind).shape == kind
