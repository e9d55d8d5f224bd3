import io
import os
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftmon.errors import UsageError
from ftmon.providers import API_NAMES, PROVIDERS, Provider
from ftmon.settings import DEFAULT_BASE_URL, Key, Settings, check_base_url
from ftmon.settings.choice import read_settings
from ftmon.wire.dialects import candidates

SECRET = "sk-Zx9Kq7Wv-secret-0123456789"
REMOTE = "http://gpu-box.example:8000/v1"

READERS: dict[str, Callable[[str], object]] = {
    "key file": lambda name: read_settings(api_key_file=name, environ={}),
    "CA file": lambda name: read_settings(ca_file=name, environ={}),
}


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(f"{SECRET}\n")
    path.chmod(0o600)
    return path


def key_of(**environ: str) -> Key | None:
    return read_settings(environ=environ).key


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
        ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1"),
        ("  https://api.example.com/v1//  ", "https://api.example.com/v1"),
        ("http://localhost", "http://localhost"),
        ("HTTPS://API.Example.COM/Path", "https://api.example.com/Path"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
        ("https://a-b.c_d.example./v1", "https://a-b.c_d.example./v1"),
        ("https://xn--bcher-kva.example/v1", "https://xn--bcher-kva.example/v1"),
        ("https://h/openai/v1.5/..a/a..", "https://h/openai/v1.5/..a/a.."),
        ("http://h:65535", "http://h:65535"),
        ("http://h:080/v1", "http://h/v1"),
        ("https://h:443/v1", "https://h/v1"),
        ("https://h:80/v1", "https://h:80/v1"),
        ("http://[::1]:08000/v1", "http://[::1]:8000/v1"),
        ("http://h:/v1", "http://h/v1"),
    ],
)
def test_a_base_url_has_one_form(text: str, expected: str) -> None:
    assert check_base_url(text) == expected
    assert check_base_url(expected) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        (" \n ", "is empty"),
        ("api.example.com/v1", "does not begin with http:// or https://"),
        ("127.0.0.1:8000/v1", "does not begin with http:// or https://"),
        ("localhost:8000", "does not begin with http:// or https://"),
        ("//api.example.com/v1", "does not begin with http:// or https://"),
        ("ftp://api.example.com", "does not begin with http:// or https://"),
        ("file:///etc/passwd", "does not begin with http:// or https://"),
        ("http:api.example.com", "names no host"),
        ("http://", "names no host"),
        ("http:///v1", "names no host"),
        ("http://:8000/v1", "names no host"),
        ("http://h:99999/v1", "its port is none of 1 to 65535"),
        ("http://h:-1/v1", "its port is none of 1 to 65535"),
        ("http://h:0/v1", "its port is none of 1 to 65535"),
        ("http://h:http/v1", "its port is none of 1 to 65535"),
        ("http://a..b/v1", "host is no name"),
        (f"http://{'a' * 64}.example/v1", "host is no name"),
        (f"http://{'a.' * 130}example/v1", "host is no name"),
        ("http://h%41/v1", "host is no name"),
        ("http://hé/v1", "host is no name"),
        ("http://☃☃.example/v1", "host is no name"),
        ("http://xn--zzzzzz/v1", "This is no base URL"),
        ("http://1.2.3.999/v1", "999"),
        ("http://1.2.3/v1", "1.2.3"),
        ("http://[::zz]/v1", "::zz"),
        ("http://[v1.fe]:8000/v1", "v1.fe"),
        ("http://[::1/v1", "Invalid IPv6 URL"),
        ("http://h/v1/../admin", "has a . or .. in its path"),
        ("http://h/..", "has a . or .. in its path"),
        ("http://h/./v1", "has a . or .. in its path"),
        ("http://h/%2e%2E/admin", "has a . or .. in its path"),
        ("http://h/v1/.%2e", "has a . or .. in its path"),
        ("http://h/v1%2f..%2fadmin", "has a . or .. in its path"),
        ("http://h/v1\\..\\admin", "must end with its path"),
        ("http://h/v1?", "must end with its path"),
        ("http://h/v1#top", "must end with its path"),
        ("http://h/v 1", "has blanks or control characters"),
        ("http://h/v1\n/x", "has blanks or control characters"),
        ("http://h/\x1b[2J", "has blanks or control characters"),
        ("http://h/\u202e", "has blanks or control characters"),
        ("http://h/\ud800", "has blanks or control characters"),
        ("http://h/" + "a" * 10_000, "has 10,009 characters"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_what_is_no_base_url_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=re.escape(reason)) as caught:
        check_base_url(text)
    assert len(str(caught.value)) < 700
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "text",
    [
        f"https://user:{SECRET}@api.example.com/v1",
        f"https://{SECRET}@api.example.com/v1",
        f"https://user:{SECRET}@api.example.com:99999/v1",
        f"user:{SECRET}@api.example.com/v1",
        f"http:user:{SECRET}@api.example.com/v1",
        f"https://user:{SECRET}@[::zz]/v1",
        f"https://api.example.com/v1?api-key={SECRET}",
        f"https://api.example.com:99999/v1?api-key={SECRET}",
        f"https://api.example.com/v1#{SECRET}",
        f"https://api.example.com/../v1?api-key={SECRET}",
    ],
)
def test_a_secret_in_a_base_url_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_base_url(text)
    assert "Zx9Kq7Wv" not in str(caught.value)


@given(st.text("htps:/.@?#%2eE[]1 a\\\n\u202e-x", max_size=30).map(lambda text: f"http://{text}") | st.text())
def test_a_base_url_that_is_taken_can_have_a_path_added(text: str) -> None:
    try:
        url = check_base_url(text)
    except UsageError:
        return
    assert url.isprintable()
    assert not set(url) & set(" ?#@\\")
    assert not url.endswith("/")
    assert re.match(r"https?://[^/]+", url)


@pytest.mark.parametrize(
    ("option", "environ", "expected"),
    [
        (None, {}, DEFAULT_BASE_URL),
        (None, {"OPENAI_API_BASE": "http://c"}, "http://c"),
        (None, {"OPENAI_API_BASE": "http://c", "OPENAI_BASE_URL": "http://b"}, "http://b"),
        (None, {"OPENAI_BASE_URL": "http://b", "FTMON_BASE_URL": "http://a"}, "http://a"),
        (None, {"OPENAI_BASE_URL": "http://b", "FTMON_BASE_URL": ""}, "http://b"),
        ("http://o", {"FTMON_BASE_URL": "http://a"}, "http://o"),
    ],
)
def test_an_option_goes_before_the_environment(
    option: str | None, environ: dict[str, str], expected: str
) -> None:
    assert read_settings(base_url=option, environ=environ).base_url == expected


@pytest.mark.parametrize(
    "name",
    [
        *("FTMON_BASE_URL", "OPENAI_BASE_URL", "OPENAI_API_BASE", "FTMON_API_KEY", "OPENAI_API_KEY"),
        *("OPENAI_ORG_ID", "OPENAI_ORGANIZATION", "OPENAI_PROJECT_ID", "SSLKEYLOGFILE"),
    ],
)
@pytest.mark.parametrize("blank", ["", " ", "\n", "\t \r\n"], ids=ascii)
def test_a_variable_of_blanks_is_one_that_is_not_set(name: str, blank: str) -> None:
    assert read_settings(environ={name: blank}) == read_settings(environ={})


@pytest.mark.parametrize("quotes", ['""', "''", "\u201c\u201d", "``"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FTMON_API_KEY", SECRET),
        ("OPENAI_API_KEY", SECRET),
        ("OPENAI_ORG_ID", "org-Zx9Kq7Wv"),
        ("OPENAI_PROJECT_ID", "proj-Zx9Kq7Wv"),
        ("OPENAI_BASE_URL", "https://Zx9Kq7Wv.example/v1"),
    ],
)
def test_a_value_in_quotes_is_told_that_they_stand_around_it(name: str, value: str, quotes: str) -> None:
    with pytest.raises(UsageError, match="has quotes around it") as caught:
        read_settings(environ={name: quotes[0] + value + quotes[1]})
    assert "Zx9Kq7Wv" not in str(caught.value)


def test_an_empty_option_is_a_mistake_and_not_the_provider_s_address() -> None:
    with pytest.raises(UsageError, match="The base URL is empty"):
        read_settings(base_url="", environ={})


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8000/v1", True),
        ("http://LOCALHOST/v1", True),
        ("http://[::1]/v1", True),
        ("http://localhost./v1", True),
        ("http://0.0.0.0:8000/v1", True),
        ("http://127.0.0.2/v1", True),
        ("http://127.255.255.254/v1", True),
        ("http://[::]:8000/v1", True),
        ("http://[::ffff:127.0.0.1]:8000/v1", True),
        ("http://[::ffff:0.0.0.0]/v1", True),
        ("http://[::ffff:10.0.0.1]/v1", False),
        ("http://128.0.0.1/v1", False),
        ("http://10.0.0.1/v1", False),
        ("http://[fe80::1]/v1", False),
        ("http://localhost.example/v1", False),
        ("https://api.openai.com/v1", False),
    ],
)
def test_only_this_machine_is_loopback(url: str, expected: bool) -> None:
    assert Settings(check_base_url(url)).is_loopback is expected


def test_the_key_comes_from_the_first_variable_that_is_set() -> None:
    assert key_of() is None
    assert key_of(OPENAI_API_KEY=" ", FTMON_API_KEY="") is None
    assert key_of(OPENAI_API_KEY="b") == Key("b", "OPENAI_API_KEY")
    assert key_of(OPENAI_API_KEY="b", FTMON_API_KEY="a") == Key("a", "FTMON_API_KEY")
    assert key_of(OPENAI_API_KEY="b", FTMON_API_KEY=" ") == Key("b", "OPENAI_API_KEY")


def test_blanks_round_a_key_are_no_part_of_it() -> None:
    assert key_of(FTMON_API_KEY=f" {SECRET}\r\n") == Key(SECRET, "FTMON_API_KEY")


@pytest.mark.parametrize(
    "key",
    [
        f"{SECRET} x",
        f"{SECRET}\nx",
        f"{SECRET}\tx",
        f"{SECRET}é",
        f"{SECRET}\x1b[2J",
        "\ufeff" + SECRET,
        SECRET * 1000,
    ],
)
def test_a_key_that_no_header_can_hold_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(UsageError, match=r"^The key of FTMON_API_KEY cannot be sent") as caught:
        key_of(FTMON_API_KEY=key)
    assert "Zx9Kq7Wv" not in str(caught.value)


def test_a_key_does_not_show_itself(key_file: Path) -> None:
    settings = read_settings(api_key_file=str(key_file), environ={})
    assert settings.key is not None
    assert settings.key.value == SECRET
    assert "Zx9Kq7Wv" not in repr(settings)


def test_a_key_file_goes_before_the_environment(key_file: Path) -> None:
    key = read_settings(api_key_file=str(key_file), environ={"FTMON_API_KEY": "other"}).key
    assert key == Key(SECRET, "--api-key-file")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o666, 0o610, 0o602])
def test_a_key_file_that_others_may_read_or_write_is_refused(key_file: Path, mode: int) -> None:
    key_file.chmod(mode)
    with pytest.raises(UsageError, match=f"chmod 600 {re.escape(str(key_file))}"):
        read_settings(api_key_file=str(key_file), environ={})


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_a_key_file_of_somebody_else_is_refused(key_file: Path) -> None:
    os.chown(key_file, 12_345, -1)
    with pytest.raises(UsageError, match="is not yours"):
        read_settings(api_key_file=str(key_file), environ={})


@pytest.mark.skipif(os.getuid() == 0, reason="root can read every file")
def test_a_key_file_that_cannot_be_read_is_refused(key_file: Path) -> None:
    key_file.chmod(0)
    with pytest.raises(UsageError, match="cannot be read: Permission denied"):
        read_settings(api_key_file=str(key_file), environ={})


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing", "No such file or directory"),
        ("key/below", "Not a directory"),
        (".", "Is a directory"),
        ("x" * 10_000, "File name too long"),
    ],
    ids=["missing", "below a file", "directory", "long"],
)
@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_a_file_that_cannot_be_read_is_named_with_its_reason(
    key_file: Path, read: Callable[[str], object], name: str, reason: str
) -> None:
    with pytest.raises(UsageError, match=rf"cannot be read: {reason}\.$"):
        read(str(key_file.parent / name))


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_a_pipe_is_no_such_file_and_nobody_waits_for_it(
    read: Callable[[str], object], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(UsageError, match="is not a regular file"):
        read(str(tmp_path / "pipe"))


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_the_home_of_nobody_is_no_place_for_a_file(read: Callable[[str], object]) -> None:
    with pytest.raises(UsageError, match="cannot be read: Could not determine home directory"):
        read("~nobody-of-this-name/key")


@pytest.mark.parametrize(
    ("text", "reason"), [("", "is empty"), ("\n \n", "is empty"), (f"{SECRET}\n{SECRET}", "line break")]
)
def test_a_key_file_without_one_key_is_refused(key_file: Path, text: str, reason: str) -> None:
    key_file.write_text(text)
    with pytest.raises(UsageError, match=reason) as caught:
        read_settings(api_key_file=str(key_file), environ={})
    assert "Zx9Kq7Wv" not in str(caught.value)


def test_a_key_file_that_is_no_text_is_refused(key_file: Path) -> None:
    key_file.write_bytes(b"\xff\xfe" * 5000)
    with pytest.raises(UsageError, match="cannot be sent"):
        read_settings(api_key_file=str(key_file), environ={})


@pytest.mark.parametrize(
    ("given_in", "expected"), [(SECRET.encode() + b"\nrest", SECRET), (SECRET.encode(), SECRET)]
)
def test_a_dash_reads_the_key_from_standard_input(
    monkeypatch: pytest.MonkeyPatch, given_in: bytes, expected: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given_in)))
    key = read_settings(api_key_file="-", environ={}).key
    assert key == Key(expected, "--api-key-file")


@pytest.mark.parametrize("stdin", [None, io.TextIOWrapper(io.BytesIO(b""))], ids=["closed", "empty"])
def test_a_standard_input_without_a_key_is_refused(
    monkeypatch: pytest.MonkeyPatch, stdin: io.TextIOWrapper | None
) -> None:
    monkeypatch.setattr(sys, "stdin", stdin)
    with pytest.raises(UsageError, match="There is no key in --api-key-file"):
        read_settings(api_key_file="-", environ={})


def test_a_key_that_was_given_on_purpose_is_not_sent_in_plain_http_to_another_host(key_file: Path) -> None:
    for environ, file in (({"FTMON_API_KEY": SECRET}, None), ({}, str(key_file))):
        with pytest.raises(UsageError, match="would cross the network in plain http") as caught:
            read_settings(base_url=REMOTE, api_key_file=file, environ=environ)
        assert "Zx9Kq7Wv" not in str(caught.value)


def test_the_provider_s_key_is_left_out_of_plain_http_to_another_host_with_a_notice() -> None:
    settings = read_settings(base_url=REMOTE, environ={"OPENAI_API_KEY": SECRET, "OPENAI_ORG_ID": "org-1"})
    assert settings.key is None
    assert settings.headers == (("OpenAI-Organization", "org-1"),)
    (notice,) = settings.notices
    assert "OPENAI_API_KEY is not sent" in notice
    assert "Zx9Kq7Wv" not in notice


@pytest.mark.parametrize(
    ("url", "allow_http"),
    [
        (REMOTE, True),
        ("http://127.0.0.1:8000/v1", False),
        ("https://api.example.com", False),
        ("HTTPS://API.example.com", False),
    ],
)
def test_the_key_is_sent_where_nobody_can_listen_or_it_is_allowed(url: str, allow_http: bool) -> None:
    settings = read_settings(base_url=url, allow_http=allow_http, environ={"OPENAI_API_KEY": SECRET})
    assert settings.key == Key(SECRET, "OPENAI_API_KEY")
    assert settings.notices == ()


def test_organization_and_project_become_headers() -> None:
    environ = {"OPENAI_ORGANIZATION": "org-old", "OPENAI_PROJECT_ID": " proj-1 "}
    assert read_settings(environ=environ).headers == (
        ("OpenAI-Organization", "org-old"),
        ("OpenAI-Project", "proj-1"),
    )
    assert read_settings(environ={**environ, "OPENAI_ORG_ID": "org-1"}).headers[0] == (
        "OpenAI-Organization",
        "org-1",
    )


@pytest.mark.parametrize("name", ["OPENAI_ORG_ID", "OPENAI_ORGANIZATION", "OPENAI_PROJECT_ID"])
@pytest.mark.parametrize("value", ["a b", "a\r\nX-Evil: 1", "é", "a\x00"], ids=ascii)
def test_a_header_that_cannot_be_sent_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(UsageError, match=name) as caught:
        read_settings(environ={name: value})
    assert "Evil" not in str(caught.value)


def test_a_ca_file_is_kept_by_its_path(key_file: Path) -> None:
    assert read_settings(ca_file=str(key_file), environ={}).ca_file == key_file


EVERY_KEY = {name: f"{SECRET}-{name}" for provider in PROVIDERS.values() for name in provider.keys}


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)
def test_a_provider_s_key_goes_to_its_own_hosts_and_nowhere_else(provider: Provider) -> None:
    for host in provider.hosts:
        for address in (f"https://{host}/v1", f"https://eu.{host}/v1"):
            key = read_settings(base_url=address, environ=EVERY_KEY).key
            assert key is not None
            assert key.source == provider.keys[0]
        # A host that only ends alike is another one.
        elsewhere = read_settings(base_url=f"https://not-{host}/v1", environ=EVERY_KEY).key
        assert elsewhere is not None
        assert elsewhere.source == "OPENAI_API_KEY"
        others = {name: key for name, key in EVERY_KEY.items() if name != "OPENAI_API_KEY"}
        assert read_settings(base_url=f"https://not-{host}/v1", environ=others).key is None


def test_openai_s_key_goes_to_no_other_provider() -> None:
    environ = {"OPENAI_API_KEY": SECRET}
    assert read_settings(base_url="https://api.together.ai/v1", environ=environ).key is None
    for address in ("https://api.openai.com/v1", "https://gpu-box.example/v1", "http://127.0.0.1:8000/v1"):
        assert read_settings(base_url=address, environ=environ).key == Key(SECRET, "OPENAI_API_KEY")


@pytest.mark.parametrize("address", ["https://api.together.ai/v1", "https://gpu-box.example/v1"])
def test_a_key_for_ftmon_goes_to_the_address_that_is_used(address: str) -> None:
    environ = {**EVERY_KEY, "FTMON_API_KEY": "mine-0123456789"}
    assert read_settings(base_url=address, environ=environ).key == Key("mine-0123456789", "FTMON_API_KEY")


def test_a_provider_that_is_named_gives_address_key_and_account() -> None:
    environ = {**EVERY_KEY, "FTMON_BASE_URL": "http://127.0.0.1:1/v1", "FIREWORKS_ACCOUNT_ID": "someone"}
    settings = read_settings(provider="fireworks", environ=environ)
    assert settings.base_url == "https://api.fireworks.ai/v1"
    assert settings.namespace == "someone"
    assert settings.key
    assert settings.key.source == "FIREWORKS_API_KEY"


def test_the_address_in_a_provider_s_own_variable_gets_its_key() -> None:
    environ = {"HF_ENDPOINT": "http://127.0.0.1:8000/", "HF_TOKEN": SECRET}
    settings = read_settings(provider="hugging-face", environ=environ)
    assert settings.base_url == "http://127.0.0.1:8000"
    assert settings.key == Key(SECRET, "HF_TOKEN")
    given = read_settings(provider="hugging-face", base_url="https://gpu-box.example", environ=environ)
    assert given.key is None


def test_azure_s_endpoint_is_completed_and_its_key_has_a_header_of_its_own() -> None:
    environ = {"AZURE_OPENAI_ENDPOINT": "https://mine.openai.azure.com/", "AZURE_OPENAI_API_KEY": SECRET}
    settings = read_settings(provider="azure", environ=environ)
    assert settings.base_url == "https://mine.openai.azure.com/openai/v1"
    assert settings.key_header == "api-key"
    assert read_settings(base_url=settings.base_url, environ=environ) == replace(settings, provider="auto")


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/"])
def test_together_s_address_is_taken_as_its_old_and_its_new_client_want_it(path: str) -> None:
    environ = {"TOGETHER_BASE_URL": f"https://api.together.ai{path}", "TOGETHER_API_KEY": SECRET}
    assert read_settings(provider="together", environ=environ).base_url == "https://api.together.ai/v1"


@pytest.mark.parametrize("provider", ["azure", "nemo"])
def test_an_address_that_only_the_user_knows_is_asked_for(provider: str) -> None:
    with pytest.raises(UsageError, match=f"The address of {provider} is your own: give --base-url or [A-Z]"):
        read_settings(provider=provider, environ={})


def test_each_provider_speaks_something() -> None:
    for name in (*PROVIDERS, *API_NAMES):
        assert candidates(name) != candidates("auto")
    assert candidates("auto", "gpu-box.example") == candidates("auto")
    assert [each.name for each in candidates("auto", "eu.api.together.ai")] == ["together"]


def test_the_file_in_which_a_provider_s_own_program_keeps_its_key_is_read_where_no_variable_holds_one(
    key_file: Path,
) -> None:
    environ = {"HF_TOKEN_PATH": str(key_file), "HF_TOKEN": "hf_0123456789"}
    url = "https://huggingface.co"
    assert read_settings(base_url=url, environ=environ).key == Key("hf_0123456789", "HF_TOKEN")
    del environ["HF_TOKEN"]
    assert read_settings(base_url=url, environ=environ).key == Key(SECRET, str(key_file))
    assert read_settings(base_url="https://gpu-box.example", environ=environ).key is None
    environ["HF_TOKEN_PATH"] = str(key_file.with_name("nowhere"))
    assert read_settings(base_url=url, environ=environ).key is None
    home = {"HF_HOME": str(key_file.parent)}
    assert read_settings(base_url=url, environ=home).key is None
    token = key_file.rename(key_file.with_name("token"))
    assert read_settings(base_url=url, environ=home).key == Key(SECRET, str(token))


@pytest.mark.parametrize(
    "url",
    [
        "https://mine.oss-cn-beijing.aliyuncs.com/v1",
        "https://evil-together.ai/v1",
        "https://together.ai.evil.example/v1",
    ],
)
def test_a_host_of_a_provider_s_customers_or_of_somebody_else_gets_no_key_of_it(url: str) -> None:
    environ = {name: key for name, key in EVERY_KEY.items() if name != "OPENAI_API_KEY"}
    assert read_settings(base_url=url, environ=environ).key is None


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("REPLICATE_BASE_URL", "https://api.replicate.com", "https://api.replicate.com/v1"),
        ("REPLICATE_BASE_URL", "https://api.replicate.com/v1/", "https://api.replicate.com/v1"),
        ("FIREWORKS_BASE_URL", "https://api.fireworks.ai", "https://api.fireworks.ai/v1"),
        ("OPENAI_BASE_URL", "https://bedrock-mantle.eu-west-1.api.aws/v1", None),
    ],
)
def test_an_address_in_a_provider_s_variable_may_be_that_of_the_host_alone(
    variable: str, value: str, expected: str | None
) -> None:
    provider = {"REPLICATE": "replicate", "FIREWORKS": "fireworks", "OPENAI": "bedrock"}
    settings = read_settings(provider=provider[variable.partition("_")[0]], environ={variable: value})
    assert settings.base_url == (expected or value)
