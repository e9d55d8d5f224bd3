import asyncio
import json
import ssl
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import aclosing
from importlib.abc import MetaPathFinder
from pathlib import Path
from traceback import format_exception
from typing import Any

import pytest

from ftmon.errors import FtmonError, RefusedError, UnreachableError, UsageError
from ftmon.settings import Key, Settings
from ftmon.wire.client import Client
from ftmon.wire.refusal import refused
from tests.servers.fine_tunes import answer, failure, head, refusal
from tests.servers.scripted import End, Script, Server

KEY = Key("secret-0123456789abcdef", "FTMON_API_KEY")
"""Nothing tells by its looks that it is one."""
SAMPLES: Mapping[str, Any] = json.loads((Path(__file__).parent / "samples" / "errors.json").read_text())


async def fetched(server: Server, *, key: Key | None = KEY, head_timeout: float = 25, **more: Any) -> bytes:
    async with server.running():
        return await got(Settings(f"{server.origin}/v1", key, **more), head_timeout)


async def got(settings: Settings, head_timeout: float = 25) -> bytes:
    async with aclosing(Client(settings, head_timeout=head_timeout)) as client, asyncio.timeout(10):
        return await client.get("/fine-tunes")


def serving(*scripts: Script) -> Server:
    return Server({"/v1/fine-tunes": scripts})


class Seeker(MetaPathFinder):
    """Notes the modules that nobody else has found."""

    def __init__(self) -> None:
        self.sought: list[str] = []

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        self.sought.append(fullname)


async def test_a_request_searches_for_no_module_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    seeker = Seeker()
    server = serving(answer({}))
    async with server.running(), aclosing(Client(Settings(f"{server.origin}/v1", KEY))) as client:
        await client.get("/fine-tunes")
        monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, seeker])
        await client.get("/fine-tunes")
    assert seeker.sought == []


SAID = {
    "openai_404_job_not_found": "knows no such job (404): Could not find fine tune: 123. Is the id right, ",
    "openai_404_empty_id_double_slash": "knows no such job (404): Could not find fine tune: events. Is the",
    "openai_401_bad_key": "does not accept the key (401): Incorrect API key provided: [key]. You can find ",
    "openai_legacy_400_cancel_finished": "refuses (400): Cannot cancel a job ft-89RAeboUYmFxr8yzORYdSWb7 ",
    "openai_legacy_404_model": "knows no such job (404): The model 'abc' does not exist. Is the id right",
    "localai_404": "knows no such job (404): job not found: <id>. Is the id right",
    "fastapi_default_404": "knows no such job (404): fine-tune job not found. Is the id right",
}


@pytest.mark.parametrize(("name", "words"), SAID.items(), ids=SAID)
async def test_a_refusal_repeats_what_the_service_says(name: str, words: str) -> None:
    sample = SAMPLES[name]
    with pytest.raises(RefusedError) as refused:
        await fetched(serving(answer(sample["body"], sample["status"])))
    assert str(refused.value).startswith(f"The service {words}")
    assert refused.value.status == sample["status"]


@pytest.mark.parametrize("name", ["openai_429_create", "mistral_429"])
async def test_too_many_requests_are_a_fault_that_passes(name: str) -> None:
    with pytest.raises(UnreachableError, match=r"^the service answers 429: \w.*[^.]$") as unreachable:
        await fetched(serving(answer(SAMPLES[name]["body"], 429, Retry_After="7")))
    assert (unreachable.value.status, unreachable.value.retry_after) == (429, 7)


SHAPES: Mapping[str, tuple[bytes, str]] = {
    "Azure": (b'{"error": {"code": "notFound", "message": "No.", "target": null, "innererror": {}}}', "No."),
    "flat": (b'{"object": "error", "message": "No.", "type": "invalid", "param": null}', "No."),
    "FastAPI's list": (b'{"detail": [{"loc": ["path", "id"], "msg": "No.", "type": "value_error"}]}', "No."),
    "a text": (b'"No."', "No."),
    "lines and colours": (b'{"error": "No.\\n\\u001b[31mNever.\\u001b[0m\\t\\u202e"}', "No.↵Never. �."),
    "HTML": (b"<html><body>No.</body></html>", ""),
    "nothing": (b"", ""),
    "null": (b'{"error": null}', ""),
    "an empty object": (b'{"error": {}}', ""),
    "a number": (b'{"error": 7}', ""),
    "nested deeply": (b'{"error":' * 50_000 + b"1" + b"}" * 50_000, ""),
    "half": (b'{"error": {"message": "N', ""),
    "very long": (b'{"error": "' + b"o" * 60_000 + b'"}', "o" * 300 + "."),
    "endless": (b'{"error": "' + b"o" * 5_000_000 + b'"}', ""),
}


@pytest.mark.parametrize(("body", "said"), SHAPES.values(), ids=SHAPES)
async def test_an_error_of_any_shape_is_read(body: bytes, said: str) -> None:
    with pytest.raises(RefusedError) as refused:
        await fetched(serving(answer(body, 400)))
    assert str(refused.value) == (
        f"The service refuses (400): {said}" if said else "The service refuses (400)."
    )


async def test_an_error_whose_words_never_come_is_told_without_them() -> None:
    with pytest.raises(RefusedError, match=r"^The service refuses \(422\)\.$"):
        await fetched(serving([head(422, Content_Length="99"), b'{"error"', End.HANG]), head_timeout=0.1)


@pytest.mark.parametrize("status", [201, 204, 206, 304, 408, 409, 425, 429, 500, 502, 503, 504, 529, 599])
async def test_every_other_status_is_a_fault_that_passes(status: int) -> None:
    with pytest.raises(UnreachableError, match=rf"^the service answers {status}$") as unreachable:
        await fetched(serving([head(status), End.FIN]))
    assert unreachable.value.status == status


@pytest.mark.parametrize(
    ("key", "status", "hint"),
    [
        (None, 401, " wants a key (401). Set OPENAI_API_KEY (or FTMON_API_KEY), or give --api-key-file."),
        (KEY, 401, "The key came from FTMON_API_KEY."),
        (None, 403, "No key was sent: does it want one?"),
        (KEY, 403, "Is it the right key, project and organization?"),
    ],
)
async def test_a_refusal_says_what_to_do(key: Key | None, status: int, hint: str) -> None:
    with pytest.raises(RefusedError) as refused:
        await fetched(serving(answer(b"", status)), key=key)
    assert str(refused.value).endswith(hint)


@pytest.mark.parametrize(
    ("base_url", "variable"),
    [
        ("https://api.together.ai/v1", "TOGETHER_API_KEY"),
        ("https://mine.openai.azure.com/openai/v1", "AZURE_OPENAI_API_KEY"),
        ("https://gpu-box.example", "OPENAI_API_KEY"),
    ],
)
def test_a_service_that_wants_a_key_wants_its_own(base_url: str, variable: str) -> None:
    told = refused(401, "", key_source=None, base_url=base_url)
    assert told.endswith(f"Set {variable} (or FTMON_API_KEY), or give --api-key-file.")


ECHOES: Mapping[str, Script] = {
    "in an error": refusal(401, f"Incorrect API key provided: {KEY.value}. Try {KEY.value}!"),
    "in an error, at the end of what is shown": refusal(400, "o" * 290 + KEY.value),
    "with a control in it": refusal(400, f"{KEY.value[:9]}\x1b[0m{KEY.value[9:]}"),
    "as a header": refusal(403, f"You sent Authorization: Bearer {KEY.value}"),
    "in a redirect": [head(302, Location=f"http://127.0.0.1:1/?key={KEY.value}")],
    "in a redirect that is none": [head(302, Location=f"http://[{KEY.value}")],
    "in a media type": answer(b"", 404, KEY.value),
    "in a status line": [f"HTTP/1.1 500 {KEY.value}\r\n\r\n".encode()],
    "in garbage": [f"{KEY.value}\r\n\r\n".encode()],
    "in the packing": answer(b"a", 200, Content_Encoding=KEY.value),
    "in a time to wait": failure(503, Retry_After=KEY.value),
}


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES)
async def test_the_key_is_never_in_a_message(echo: Script) -> None:
    with pytest.raises(FtmonError) as failed:
        await fetched(serving(echo))
    assert KEY.value[:9] not in str(failed.value)
    assert KEY.value[9:] not in str(failed.value)


async def test_the_key_and_the_organization_are_sent() -> None:
    server = serving(answer({}))
    headers = (("OpenAI-Organization", "org-1"), ("OpenAI-Project", "proj-1"))
    assert await fetched(server, headers=headers) == b"{}"
    sent = server.requests[0].headers
    assert sent["authorization"] == f"Bearer {KEY.value}"
    assert (sent["openai-organization"], sent["openai-project"]) == ("org-1", "proj-1")
    assert (sent["accept"], sent["accept-encoding"]) == ("application/json", "identity")
    assert sent["cache-control"] == "no-store"
    assert sent["user-agent"].startswith("ftmon/")


async def test_without_a_key_none_is_sent() -> None:
    server = serving(answer({}))
    await fetched(server, key=None)
    assert "authorization" not in server.requests[0].headers


async def test_a_key_does_not_show_itself() -> None:
    settings = Settings("http://127.0.0.1:1/v1", KEY)
    async with aclosing(Client(settings)) as client:
        with pytest.raises(UnreachableError) as unreachable:
            await client.get("/fine-tunes")
    assert KEY.value not in f"{settings} {settings.key}"
    assert KEY.value not in "".join(format_exception(unreachable.value))


@pytest.mark.parametrize(
    "proxy",
    [
        "socks5://u:secret@127.0.0.1:1",
        "socks://127.0.0.1:1",
        "ftp://u:secret@127.0.0.1:1",
        "http://u:secret@[::1",
        "http://u:secret/1@127.0.0.1:1",
        "http://u:secret@127.0.0.1:99999",
    ],
)
def test_a_proxy_that_cannot_be_used_is_told(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(UsageError, match=r"^(The proxy|A SOCKS proxy) ") as told:
        Client(Settings("http://service.invalid/v1"))
    assert "secret" not in str(told.value)


@pytest.mark.parametrize("scheme", ["http://", ""])
async def test_a_proxy_gets_what_is_not_for_this_machine(
    monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    proxy = Server({"http://service.invalid/v1/fine-tunes": [answer({"by": "proxy"})]})
    async with proxy.running():
        monkeypatch.setenv("http_proxy", f"{scheme}127.0.0.1:{proxy.port}")
        monkeypatch.setenv("no_proxy", "[::1], nonsense")
        assert await got(Settings("http://service.invalid/v1")) == b'{"by": "proxy"}'


async def test_what_is_for_this_machine_does_not_go_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Server({})
    async with proxy.running():
        monkeypatch.setenv("http_proxy", proxy.origin)
        monkeypatch.setenv("all_proxy", proxy.origin)
        assert await fetched(serving(answer({}))) == b"{}"
    assert proxy.connections == 0


@pytest.mark.parametrize(
    ("origin", "words"),
    [
        ("http://127.0.0.1:1", "127.0.0.1:1 refused the connection"),
        ("http://service.invalid", "the name service.invalid cannot be resolved"),
    ],
)
async def test_a_service_that_is_not_there_is_named(origin: str, words: str) -> None:
    with pytest.raises(UnreachableError, match=rf"^{words}$"):
        await got(Settings(f"{origin}/v1"))


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("u:secret@127.0.0.1:1", "the proxy 127.0.0.1:1 refused the connection"),
        ("u:secret@proxy.invalid:80", "the name of the proxy proxy.invalid cannot be resolved"),
    ],
)
async def test_a_proxy_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, scheme: str, place: str, words: str
) -> None:
    monkeypatch.setenv(f"{scheme}_proxy", f"http://{place}")
    with pytest.raises(UnreachableError, match=rf"^{words}$"):
        await got(Settings(f"{scheme}://service.invalid/v1"))


def certificate(folder: Path, *options: str) -> Path:
    """Make a certificate and its key, in one file."""
    path = folder / "certificate.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    command += ["-subj", "/CN=test", *options, "-keyout", str(path), "-out", str(folder / "public.pem")]
    subprocess.run(command, check=True, capture_output=True)
    path.write_text(path.read_text() + (folder / "public.pem").read_text())
    return path


def speaking_tls(path: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)
    return context


THIS_MACHINE = ("-addext", "subjectAltName=IP:127.0.0.1")


async def test_a_cookie_is_not_sent_back() -> None:
    server = serving(
        answer({}, Set_Cookie="a=b"), [b"HTTP/1.1 200 OK\r\nSet-Cookie: a=\xe9\r\n\r\n{}"], answer({})
    )
    async with server.running(), aclosing(Client(Settings(f"{server.origin}/v1", KEY))) as client:
        for _ in range(3):
            assert await client.get("/fine-tunes") == b"{}"
    assert all("cookie" not in request.headers for request in server.requests)


async def test_a_certificate_of_one_s_own_is_trusted_where_it_is_given(tmp_path: Path) -> None:
    path = certificate(tmp_path, *THIS_MACHINE)
    server = serving(answer({}))
    async with server.running(tls=speaking_tls(path)):
        settings = Settings(f"https://127.0.0.1:{server.port}/v1", KEY, ca_file=path)
        assert await got(settings) == b"{}"


def expired(folder: Path) -> Path:
    """Make a certificate that was good until yesterday, and its key, in one file."""
    path = certificate(folder, *THIS_MACHINE)
    command = ["openssl", "x509", "-in", str(folder / "public.pem"), "-signkey", str(path), "-days", "-1"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    path.write_text(path.read_text().partition("-----BEGIN CERTIFICATE-----")[0] + done.stdout)
    return path


@pytest.mark.parametrize(
    ("make", "is_given", "words"),
    [
        (lambda folder: certificate(folder, *THIS_MACHINE), False, "self-signed certificate"),
        (
            lambda folder: certificate(folder, "-addext", "subjectAltName=IP:127.0.0.2"),
            True,
            "IP address mismatch",
        ),
        (expired, True, "certificate has expired"),
    ],
    ids=["unknown", "another name", "expired"],
)
async def test_a_certificate_that_cannot_be_trusted_is_refused_before_a_request(
    tmp_path: Path, make: Callable[[Path], Path], is_given: bool, words: str
) -> None:
    path = make(tmp_path)
    server = serving(answer({}))
    async with server.running(tls=speaking_tls(path)):
        settings = Settings(f"https://127.0.0.1:{server.port}/v1", KEY, ca_file=path if is_given else None)
        with pytest.raises(RefusedError, match=words) as refused:
            await got(settings)
    assert "--ca-file" in str(refused.value)
    assert server.requests == []


async def test_plain_http_on_a_port_of_tls_is_told() -> None:
    async def answer_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await reader.read(100)
        writer.close()

    server = await asyncio.start_server(answer_at_once, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(RefusedError, match=r"does not speak https \(.*\)\. Is it plain http://\?"):
            await got(Settings(f"https://127.0.0.1:{port}/v1", KEY))


async def test_tls_on_a_port_of_plain_http_is_a_fault(tmp_path: Path) -> None:
    server = serving(answer({}))
    async with server.running(tls=speaking_tls(certificate(tmp_path))):
        with pytest.raises(UnreachableError, match="connection"):
            await got(Settings(f"{server.origin}/v1"))


@pytest.mark.parametrize("text", ["", "no certificate"])
def test_a_file_without_certificates_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "ca.pem"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"^The certificates of --ca-file .*ca\.pem cannot be read"):
        Client(Settings("https://127.0.0.1:1/v1", ca_file=path))


def test_a_missing_file_of_certificates_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    with pytest.raises(
        UsageError, match=r"^The certificates of SSL_CERT_FILE or SSL_CERT_DIR cannot be read"
    ):
        Client(Settings("https://127.0.0.1:1/v1"))


async def test_a_connection_that_is_kept_alive_may_be_gone() -> None:
    body = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    server = serving([body], [body])
    async with server.running(), aclosing(Client(Settings(f"{server.origin}/v1", KEY))) as client:
        assert await client.get("/fine-tunes") == b"{}"
        await server.until(lambda: server.open == 0)
        assert await client.get("/fine-tunes") == b"{}"
    assert server.connections == 2


async def test_a_post_is_sent_empty() -> None:
    server = Server({"/v1/cancel": [answer({})]})
    async with server.running(), aclosing(Client(Settings(f"{server.origin}/v1", KEY))) as client:
        assert await client.post("/cancel") == b"{}"
    assert server.requests[0].method == "POST"
    assert server.requests[0].headers["content-length"] == "0"
