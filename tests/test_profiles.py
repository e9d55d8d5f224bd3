import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ftmon.errors import UsageError
from ftmon.settings import DEFAULT_BASE_URL, Key
from ftmon.settings.choice import Choice, choose, read_settings
from ftmon.settings.config import Config, read_config

SECRET = "Zx9Kq7Wv-secret-0123456789"
BOX = "https://gpu-box.example/v1"

Write = Callable[[str], Path]


@pytest.fixture
def write(config_home: Path) -> Write:
    def write(text: str) -> Path:
        path = config_home / "ftmon" / "config.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o600)
        return path

    return write


def key_of(choice: Choice) -> Key | None:
    return choice.with_key().key


def test_without_a_config_file_there_are_no_profiles(config_home: Path) -> None:
    assert read_config({}) == Config(config_home / "ftmon" / "config.toml")
    assert read_config({"FTMON_CONFIG": os.devnull}).profiles == {}


def test_a_profile_that_is_named_gives_all_that_it_says(write: Write, tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    ca_file.touch()
    write(f"""
        [profiles.work]
        base_url = "HTTPS://Gpu-Box.example/v1/"
        provider = "azure"
        namespace = "team"
        api_version = "2024-10-21"
        organization = "org-1"
        project = "proj-1"
        ca_file = "{ca_file}"
        api_key_env = "WORK_KEY"
    """)
    environ = {
        "WORK_KEY": SECRET,
        "OPENAI_API_KEY": "other",
        "FTMON_BASE_URL": "https://elsewhere.example",
        "OPENAI_ORG_ID": "org-2",
        "OPENAI_API_VERSION": "1",
    }
    choice = choose(profile="work", environ=environ)
    settings = choice.with_key()
    assert settings.base_url == BOX
    assert settings.key == Key(SECRET, "WORK_KEY")
    assert settings.headers == (("OpenAI-Organization", "org-1"), ("OpenAI-Project", "proj-1"))
    assert (settings.provider, settings.key_header) == ("azure", "api-key")
    assert (settings.namespace, settings.api_version, settings.ca_file) == ("team", "2024-10-21", ca_file)
    assert choice.base_url_source == "the profile work"
    assert settings == read_settings(environ={**environ, "FTMON_PROFILE": " work "})


def test_an_option_goes_before_the_profile(write: Write) -> None:
    write(f"""
        [profiles.work]
        base_url = "{BOX}"
        provider = "azure"
        [profiles.other]
        base_url = "https://other.example"
    """)
    environ = {"FTMON_PROFILE": "other"}
    settings = read_settings(profile="work", provider="auto", environ=environ)
    assert (settings.base_url, settings.provider) == (BOX, "auto")
    assert read_settings(base_url="https://a.example", environ=environ).base_url == "https://a.example"


def test_a_profile_of_a_provider_is_at_its_address_whatever_the_environment_says(write: Write) -> None:
    write('[profiles.work]\nprovider = "together"\napi_key_env = "WORK_KEY"\n[profiles.mine]\nproject = "p"')
    environ = {
        "TOGETHER_BASE_URL": BOX,
        "TOGETHER_API_KEY": "own",
        "WORK_KEY": SECRET,
        "OPENAI_BASE_URL": BOX,
    }
    settings = read_settings(profile="work", environ=environ)
    assert settings.base_url == "https://api.together.ai/v1"
    assert settings.key == Key(SECRET, "WORK_KEY")
    # One that names neither is OpenAI's.
    mine = read_settings(profile="mine", environ=environ)
    assert (mine.base_url, mine.key) == (DEFAULT_BASE_URL, None)


def test_a_profile_of_a_provider_whose_address_is_the_user_s_own_takes_it_from_its_variable(
    write: Write,
) -> None:
    write('[profiles.work]\nprovider = "azure"\napi_key_env = "WORK_KEY"')
    environ = {"AZURE_OPENAI_ENDPOINT": "https://mine.openai.azure.com", "WORK_KEY": SECRET}
    settings = read_settings(profile="work", environ=environ)
    assert settings.base_url == "https://mine.openai.azure.com/openai/v1"
    assert settings.key == Key(SECRET, "WORK_KEY")
    with pytest.raises(UsageError, match="give base_url in the profile work or AZURE_OPENAI_ENDPOINT"):
        read_settings(profile="work", environ={})


KEYED = f"""
[profiles.box]
base_url = "{BOX}"
api_key_env = "BOX_KEY"
[profiles.together]
provider = "together"
api_key_env = "WORK_KEY"
"""


def test_a_profile_s_key_goes_to_its_own_address_only(write: Write) -> None:
    write(f'default_profile = "box"\n{KEYED}')
    environ = {"BOX_KEY": SECRET, "WORK_KEY": SECRET}
    assert read_settings(profile="box", base_url=f"{BOX}/", environ=environ).key == Key(SECRET, "BOX_KEY")
    assert read_settings(base_url=BOX, environ=environ).key == Key(SECRET, "BOX_KEY")
    elsewhere = choose(profile="box", base_url="https://other.example", environ=environ)
    assert elsewhere.key is None
    notice = "The key of the profile box is not sent to https://other.example, which is not its address."
    assert elsewhere.settings.notices == (notice,)
    assert choose(base_url="https://other.example", environ=environ).key is None
    assert choose(profile="together", provider="mistral", environ=environ).key is None
    assert choose(environ={**environ, "FTMON_BASE_URL": "https://other.example"}).key is None


def test_the_keys_of_an_address_stand_in_one_order(write: Write) -> None:
    write(f'default_profile = "together"\n{KEYED}')
    environ = {"WORK_KEY": "work-0123456789", "TOGETHER_API_KEY": "own-0123456789", "OPENAI_API_KEY": SECRET}

    def source(profile: str | None, **more: str) -> str | None:
        key = choose(profile=profile, environ={**environ, **more}).key
        return key.name if key else None

    assert source("together", FTMON_API_KEY="a") == "FTMON_API_KEY"
    assert source("together") == "WORK_KEY"
    # The environment goes before a profile that nobody named.
    assert source(None) == "TOGETHER_API_KEY"
    assert source(None, TOGETHER_API_KEY=" ") == "WORK_KEY"


def test_openai_s_key_goes_to_a_profile_s_address_only_where_it_names_none_and_it_is_nobody_s(
    write: Write,
) -> None:
    write(f'{KEYED}[profiles.bare]\nbase_url = "{BOX}"\n[profiles.mistral]\nprovider = "mistral"')
    environ = {"OPENAI_API_KEY": SECRET, "BOX_KEY": "box-0123456789"}
    assert read_settings(profile="bare", environ=environ).key == Key(SECRET, "OPENAI_API_KEY")
    assert read_settings(profile="box", environ=environ).key == Key("box-0123456789", "BOX_KEY")
    assert read_settings(profile="mistral", environ=environ).key is None


def test_the_default_profile_is_used_where_nothing_else_names_a_service(write: Write) -> None:
    write(f'default_profile = "box"\n{KEYED}')
    environ = {"BOX_KEY": SECRET, "OPENAI_API_KEY": "other"}
    choice = choose(environ=environ)
    assert (choice.settings.base_url, choice.base_url_source) == (BOX, "the profile box")
    # OPENAI_API_KEY is meant for no address in particular.
    assert key_of(choice) == Key(SECRET, "BOX_KEY")
    assert choose(environ={**environ, "OPENAI_BASE_URL": "https://a.example"}).profile is None
    assert choose(provider="mistral", environ=environ).settings.base_url == "https://api.mistral.ai/v1"
    named = choose(profile="together", environ={**environ, "WORK_KEY": "w"})
    assert named.settings.provider == "together"


def test_a_default_profile_says_nothing_of_another_address(write: Write) -> None:
    write(f'default_profile = "a"\n[profiles.a]\nbase_url = "{BOX}"\nprovider = "azure"\nnamespace = "n"')
    settings = read_settings(base_url="http://127.0.0.1:8000/v1", environ={})
    assert (settings.provider, settings.namespace) == ("auto", "")


def test_a_profile_s_key_is_not_sent_in_plain_http_to_another_host_unless_it_says_so(write: Write) -> None:
    write("""
        [profiles.open]
        base_url = "http://gpu-box.example"
        api_key_env = "BOX_KEY"
        [profiles.allowed]
        base_url = "http://gpu-box.example"
        api_key_env = "BOX_KEY"
        allow_http = true
    """)
    environ = {"BOX_KEY": SECRET}
    with pytest.raises(UsageError, match="would cross the network in plain http"):
        read_settings(profile="open", environ=environ)
    assert read_settings(profile="allowed", environ=environ).key == Key(SECRET, "BOX_KEY")
    # It says so of its own address only.
    environ["FTMON_API_KEY"] = SECRET
    with pytest.raises(UsageError, match="would cross the network in plain http"):
        read_settings(profile="allowed", base_url="http://other.example", environ=environ)


def test_a_key_file_of_a_profile_must_be_private(write: Write, tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    key_file.write_text(f"{SECRET}\n")
    key_file.chmod(0o600)
    write(f'[profiles.box]\nbase_url = "{BOX}"\napi_key_file = "{key_file}"')
    choice = choose(profile="box", environ={})
    assert key_of(choice) == Key(SECRET, "api_key_file of the profile box")
    key_file.chmod(0o644)
    with pytest.raises(UsageError, match="chmod 600"):
        choice.with_key()


def test_a_variable_that_is_not_set_is_not_told_because_it_may_be_the_key(write: Write) -> None:
    write('[profiles.box]\napi_key_env = "hf_Zx9Kq7WvaBcDeF"')
    choice = choose(profile="box", environ={})
    with pytest.raises(UsageError, match="that api_key_env of the profile box names is not set") as caught:
        choice.with_key()
    assert "Zx9Kq7Wv" not in f"{caught.value}{choice.key}"


def test_where_nothing_names_a_service_the_only_key_does() -> None:
    choice = choose(environ={"TOGETHER_API_KEY": SECRET})
    assert choice.settings.base_url == "https://api.together.ai/v1"
    assert choice.base_url_source == "TOGETHER_API_KEY, the only key in the environment"
    assert (choice.settings.provider, key_of(choice)) == ("together", Key(SECRET, "TOGETHER_API_KEY"))


@pytest.mark.parametrize(
    ("options", "environ"),
    [
        ({}, {"TOGETHER_API_KEY": SECRET, "MISTRAL_API_KEY": SECRET}),
        ({}, {"TOGETHER_API_KEY": SECRET, "OPENAI_API_KEY": SECRET}),
        ({}, {"TOGETHER_API_KEY": SECRET, "FTMON_API_KEY": SECRET}),
        ({}, {"AZURE_OPENAI_API_KEY": SECRET}),
        ({"api_key_file": "/a"}, {"TOGETHER_API_KEY": SECRET}),
        ({"provider": "fine-tunes"}, {"TOGETHER_API_KEY": SECRET}),
    ],
    ids=str,
)
def test_a_key_names_no_service_where_it_may_not_be_meant(
    options: dict[str, str], environ: dict[str, str]
) -> None:
    choice = choose(
        api_key_file=options.get("api_key_file"), provider=options.get("provider"), environ=environ
    )
    assert choice.settings.base_url == DEFAULT_BASE_URL


@pytest.mark.parametrize("name", ["FIREWORKS_ACCOUNT_ID", "OPENAI_API_VERSION"])
def test_a_variable_that_becomes_a_part_of_a_path_is_checked(name: str) -> None:
    with pytest.raises(UsageError, match=rf"^{name} must have only letters, digits"):
        read_settings(provider="fireworks", environ={name: "../../admin"})


def test_a_profile_that_is_not_there_is_told_with_those_that_are(write: Write) -> None:
    with pytest.raises(UsageError, match=r"--profile names a profile, and .*config\.toml has none"):
        choose(profile="x", environ={})
    write(KEYED)
    with pytest.raises(UsageError, match=r"FTMON_PROFILE names a profile that .* it has box, together\.$"):
        choose(environ={"FTMON_PROFILE": "bx"})


def test_a_table_of_another_name_is_told_where_a_profile_is_missed(write: Write) -> None:
    hint = r"line \d: profile means nothing here; did you mean profiles\?$"
    write("[profile.work]")
    with pytest.raises(UsageError, match=f"has none: ftmon config edit.*{hint}"):
        choose(profile="work", environ={})
    write('default_profile = "work"\n[profile.work]')
    with pytest.raises(UsageError, match=f"must name a profile, and there is none.*{hint}"):
        choose(environ={})


def test_a_file_that_ftmon_config_names_is_read_instead(write: Write, tmp_path: Path) -> None:
    write("broken")
    path = tmp_path / "mine.toml"
    path.write_text(KEYED)
    assert set(read_config({"FTMON_CONFIG": str(path)}).profiles) == {"box", "together"}
    with pytest.raises(UsageError, match="nowhere cannot be read: No such file"):
        read_config({"FTMON_CONFIG": str(tmp_path / "nowhere")})


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a = 1\n[profiles", 0, "is not TOML: .*line 2"),
        ("x = 'a\n", 0, "is not TOML: .*line 1, the last one"),
        ("x = " + "[" * 100_000, 0, "is not TOML"),
        ("x = 1" + "0" * 5000, 0, "is not TOML"),
        ("[profiles.a]\n\napi_key = 'Zx9Kq7Wv'", 3, "api_key would keep a key in this file"),
        ("[profiles.a]\nAPI-Key = 'Zx9Kq7Wv'", 2, "would keep a key in this file"),
        ("token = 'Zx9Kq7Wv'", 1, "would keep a key in this file"),
        ("[profiles.a]\nbase_url = 5", 2, "base_url must be a text in quotes"),
        ("[profiles.a]\nbase_url = 'Zx9Kq7Wv'", 2, "base_url must begin with http"),
        ("[profiles.a]\nbase_url = 'http://'", 2, "it names no host"),
        ("[profiles.a]\nOPENAI_API_KEY = 'Zx9Kq7Wv'", 2, "OPENAI_API_KEY would keep a key in this file"),
        ("[profiles.a]\nbase_url = 'https://u:Zx9Kq7Wv@h'", 2, "has a user name or password in it"),
        ("[profiles.a]\nproject = ''", 2, "project must be a text in quotes"),
        ("[profiles.a]\nproject = 'a b'", 2, "project has a blank"),
        ("[profiles.a]\nprovider = 'togther'", 2, "provider is one of auto, openai"),
        ("[profiles.a]\nnamespace = '../x'", 2, "namespace must have only letters"),
        ("[profiles.a]\nallow_http = 'yes'", 2, "allow_http must be true or false"),
        ("[profiles.a]\nca_file = 'Zx9Kq7Wv/b'", 2, "ca_file must be a full path"),
        ("[profiles.a]\napi_key_file = 'Zx9Kq7Wv'", 2, "api_key_file must be a full path"),
        ("[profiles.a]\napi_key_env = 'sk-Zx9Kq7Wv'", 2, "api_key_env must be the name of a variable"),
        ("[profiles.a]\napi_key_command = 'pass Zx9Kq7Wv'", 2, "api_key_command must be a list of words"),
        ("[profiles.a]\napi_key_command = []", 2, "api_key_command must be a list of words"),
        ("[profiles.a]\napi_key_command = ['a', 1]", 2, "api_key_command must be a list of words"),
        (
            '[profiles.a]\napi_key_command = [\n"Zx9Kq7Wv\\u0000"]',
            0,
            "api_key_command must be a list of words",
        ),
        ("[profiles.a]\nallow_http=1\n[profiles.b]", 2, "allow_http must be"),
        ("[profiles.b]\nallow_http=true\n[profiles.a]\nallow_http=1", 4, "allow_http must be"),
        ("profiles.a = {allow_http = 1}", 1, "allow_http must be"),
        ("[profiles.a]\napi_key_env='A'\napi_key_file='/b'", 3, "api_key_env or api_key_file, not both"),
        ("profiles = 5", 1, "profiles are tables"),
        ("[profiles]\na = 5", 2, "a profile is a table"),
        ("[profiles.'a b']", 1, "the name of a profile has only letters"),
        ("default_profile = 'b'\n[profiles.a]", 1, "default_profile must name one of a"),
        ("default_profile = ['a']", 1, "default_profile must name a profile, and there is none"),
    ],
    ids=lambda value: ascii(value)[:50],
)
def test_an_entry_that_cannot_be_used_is_told_with_its_line_and_without_its_value(
    write: Write, text: str, line: int, words: str
) -> None:
    path = write(text)
    place = f", line {line}: " if line else ""
    expected = f"^The config file {re.escape(str(path))}{place}.*{words}"
    with pytest.raises(UsageError, match=expected) as caught:
        read_config({})
    assert "Zx9Kq7Wv" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_file_that_is_not_in_utf_8_is_told_with_its_line(write: Write) -> None:
    path = write("")
    path.write_bytes(b"# a\n# \xff")
    with pytest.raises(UsageError, match=r"config\.toml, line 2: it is not written in UTF-8"):
        read_config({})


def test_a_file_without_end_is_not_read_to_its_end(write: Write) -> None:
    os.truncate(write(""), 2**40)
    with pytest.raises(UsageError, match="is too large"):
        read_config({})


@pytest.mark.parametrize("name", [".", "pipe", "/dev/zero"])
def test_what_is_no_file_is_no_config_file(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="The config file"):
        read_config({"FTMON_CONFIG": str(tmp_path / name)})


def test_a_broken_file_is_not_passed_over_whatever_else_names_the_service(write: Write) -> None:
    write("broken")
    with pytest.raises(UsageError, match="is not TOML"):
        choose(base_url=BOX, environ={})


def test_what_means_nothing_is_a_notice_that_names_the_nearest(write: Write) -> None:
    path = write("""
defualt = "a"
[profiles.a]
base_ulr = "https://a.example"
"\\u001b[2Jx" = 1
""")
    settings = choose(environ={}).settings
    assert settings.base_url == DEFAULT_BASE_URL
    first, second, third = settings.notices
    assert first == f"{path}, line 2: defualt means nothing here; did you mean default_profile?"
    assert second == f"{path}, line 4: base_ulr means nothing here; did you mean base_url?"
    assert third.startswith(f"{path}: x means nothing here. Known are base_url, provider,")


def test_the_profiles_in_readme_can_be_used(write: Write) -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text()
    example = re.search(r"```toml\n(.*?)```", readme, re.DOTALL)
    assert example is not None
    write(example[1])
    config = read_config({})
    assert list(config.profiles) == ["work", "azure", "together"]
    assert (config.default_profile, config.notices) == ("work", ())
