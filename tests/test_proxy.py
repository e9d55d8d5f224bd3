import pytest

from ftmon.wire.proxy import proxy_for

PROXY = "http://proxy.example:3128"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("http_proxy", PROXY)


@pytest.mark.parametrize(
    ("exempt", "origin"),
    [
        ("10.0.0.0/8", "http://10.1.2.3:8000"),
        (" 192.168.0.0/16 ,10.0.0.0/8 ", "https://10.1.2.3"),
        ("10.1.2.3/8", "https://10.9.9.9"),
        ("10.1.2.3", "https://10.1.2.3"),
        ("fd00::/8", "http://[fd12::1]:8000"),
        ("[fd00::]/8", "http://[fd12::1]:8000"),
        ("fd12::1", "http://[fd12::1]"),
        ("[fd12:0::1]", "http://[fd12::1]"),
        ("[fd12::1]:8000", "http://[fd12::1]:8000"),
        ("*", "https://api.example.com"),
        ("a.example, *", "https://[fd12::1]"),
        ("example.com", "https://example.com"),
        ("example.com", "https://api.example.com"),
        (".example.com", "https://api.example.com"),
        (".example.com", "https://example.com"),
        ("Example.COM.", "https://api.example.com"),
        ("a.example api.example.com", "https://api.example.com"),
        ("api.example.com:8000", "http://api.example.com:8000"),
    ],
)
def test_what_no_proxy_names_is_asked_directly(
    exempt: str, origin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", exempt)
    assert proxy_for(f"{origin}/v1") is None


@pytest.mark.parametrize(
    ("exempt", "origin"),
    [
        ("", "https://api.example.com"),
        (" ", "https://api.example.com"),
        (",,", "https://api.example.com"),
        (".", "https://api.example.com"),
        ("10.0.0.0/8", "https://11.1.2.3"),
        ("10.0.0.0/99", "https://10.1.2.3"),
        ("10.0.0.0/8", "https://api.example.com"),
        ("fd00::/8", "https://10.1.2.3"),
        ("ample.com", "https://api.example.com"),
        ("api.example.com:8000", "http://api.example.com:9000"),
        ("[fd12::1]:8000", "http://[fd12::1]:9000"),
    ],
)
def test_all_else_goes_through_the_proxy(exempt: str, origin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", exempt)
    assert proxy_for(f"{origin}/v1") == PROXY


@pytest.mark.parametrize("name", ["http_proxy", "HTTPS_PROXY", "ALL_PROXY"])
def test_a_proxy_of_blanks_is_none(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("http_proxy")
    monkeypatch.delenv("HTTPS_PROXY")
    monkeypatch.setenv(name, " ")
    assert proxy_for("https://api.example.com/v1") is None
    assert proxy_for("http://api.example.com/v1") is None
