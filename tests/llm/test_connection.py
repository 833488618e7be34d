"""How servers are reached: headers, proxy, certificates; over the wire where it is one."""

import re
import shutil
import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx2
import pytest
from servers import Answer, ModelServer

from pipeline.errors import CredentialsError, RateLimitError, SettingsError, UnavailableError
from pipeline.llm import registry
from pipeline.llm.connection import retry_after_seconds
from pipeline.llm.providers import ProviderSettings
from pipeline.llm.registry import open_model


@pytest.fixture
def server():
    """A server that says the same to everything."""
    made = ModelServer()
    made.answers = {"b": ["hello"]}
    yield made
    made.close()
    registry.close_models()


def ask(request, environ=(), **table):
    settings = ProviderSettings(**table)
    model, name = open_model("mine:m", {"mine": settings}, environ=dict(environ))
    return model.ask(request(model=name, messages=request().messages))


@pytest.mark.parametrize("protocol", ["openai", "anthropic"])
def test_headers_are_sent_and_win(protocol, server, request_of):
    """A header of the configuration is sent filled from the environment, in the place of the SDK's own."""
    ask(
        request_of,
        {"GATEWAY_KEY": "gw-secret-1"},
        protocol=protocol,
        base_url=server.url,
        headers={"Authorization": "Bearer ${GATEWAY_KEY}", "X-Team": "stones"},
    )

    headers = server.asked[0].headers
    expected = ("Bearer gw-secret-1", "stones")
    assert expected == (headers["authorization"], headers["x-team"])


@pytest.mark.parametrize("protocol", ["openai", "anthropic"])
def test_nothing_is_told_about_this_machine(protocol, server, request_of):
    """The SDKs would name its system, its architecture and its Python."""
    ask(request_of, protocol=protocol, base_url=server.url)

    told = [name for name in server.asked[0].headers if re.search("os$|arch|runtime|version|lang$", name)]
    assert [name for name in told if name != "anthropic-version"] == []


@pytest.mark.parametrize("protocol", ["openai", "anthropic"])
@pytest.mark.parametrize("damage", ["reset", "truncated"])
def test_a_reply_that_breaks_off_is_a_damaged_one(damage, protocol, server, request_of):
    """It may have been charged, so it is asked for less often than by a server that cannot be reached."""
    server.answers = {"b": [Answer("hello", damage=damage)]}

    with pytest.raises(UnavailableError, match=r"the connection to .* broke \(\w.*3 times") as caught:
        ask(request_of, protocol=protocol, base_url=server.url, outage_seconds=3)

    expected = ("damaged", 3)
    assert expected == (caught.value.trouble, len(server.asked))


def test_a_header_in_a_message_is_masked(server, request_of):
    """A server that repeats what it was sent shows no secret."""
    server.answers = {"b": [Answer("who is gw-secret-1?", status=401)]}

    with pytest.raises(CredentialsError) as caught:
        ask(
            request_of,
            {"K": "gw-secret-1"},
            protocol="openai",
            base_url=server.url,
            headers={"X-Key": "${K}"},
        )

    assert "who is ***?" in str(caught.value)


@pytest.mark.parametrize("protocol", ["openai", "anthropic"])
def test_a_proxy_is_gone_through(protocol, server, request_of):
    """A host that does not exist is reached through the proxy, which knows it."""
    reply = ask(
        request_of,
        {"PROXY": server.url},
        protocol=protocol,
        base_url="http://nowhere.invalid/v1",
        proxy="${PROXY}",
    )

    expected = ("hello", "nowhere.invalid")
    assert expected == (reply.text, server.asked[0].headers["host"])


def test_no_proxy_at_all_may_be_said(server, request_of, monkeypatch):
    """An empty proxy wins over the environment's."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

    expected = "hello"
    assert (
        expected == ask(request_of, protocol="openai", base_url=server.url, proxy="", outage_seconds=0).text
    )


@pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl makes the certificate, and is not installed"
)
def test_certificates_of_ones_own_are_trusted(server, request_of, tmp_path):
    """A server behind a company's certificate answers with ca_bundle, and is refused without."""
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout key.pem -out ca.pem"
    )
    command += " -addext subjectAltName=IP:127.0.0.1"
    subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "ca.pem", tmp_path / "key.pem")
    server._http.socket = context.wrap_socket(server._http.socket, server_side=True)
    table = {"protocol": "openai", "base_url": server.url.replace("http:", "https:"), "outage_seconds": 0}

    reply = ask(request_of, **table, ca_bundle=tmp_path / "ca.pem")
    with pytest.raises(UnavailableError, match=r"(?i)certificate"):
        ask(request_of, **table)

    expected = "hello"
    assert expected == reply.text


def test_keys_are_not_sent_on(server, request_of):
    """A redirect is an error that names the address to change."""
    server.answers = {"b": [Answer("", status=307, headers={"location": "http://elsewhere.invalid/"})]}

    with pytest.raises(Exception, match=r"sends elsewhere.*base_url under \[tool.drystone.providers.mine\]"):
        ask(request_of, protocol="openai", base_url=server.url, outage_seconds=0)

    expected = 1
    assert expected == len(server.asked)


def test_a_refusal_to_be_asked_again_is_obeyed(server, request_of):
    """`x-should-retry: false` ends the attempts."""
    server.answers = {"b": [Answer("no more today", status=429, headers={"x-should-retry": "false"})]}

    with pytest.raises(RateLimitError, match="no more today"):
        ask(request_of, protocol="anthropic", base_url=server.url)

    expected = 1
    assert expected == len(server.asked)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"headers": {"A": "${NONE}"}}, "there is no NONE in the environment, which headers.A under"),
        ({"proxy": "${NONE}"}, "there is no NONE in the environment"),
        ({"proxy": "squid:3128"}, "write http://HOST:PORT"),
        ({"headers": {"A": "${ODD}"}}, "printable ASCII"),
        ({"ca_bundle": "no/such.pem"}, "there is no file"),
    ],
)
def test_what_cannot_be_used_is_told_when_opening(table, told):
    """Before anything is sent, with the table and the key."""
    settings = ProviderSettings(protocol="openai", base_url="http://a.test", **table)

    with pytest.raises((SettingsError, CredentialsError), match=told) as caught:
        open_model("mine:m", {"mine": settings}, environ={"ODD": "a\nb"})

    assert "[tool.drystone.providers.mine]" in str(caught.value)


def test_a_file_that_holds_no_certificates_is_told(request_of, tmp_path, server):
    """As a setting that is wrong, not as a broken connection."""
    (tmp_path / "ca.pem").write_text("nothing")

    with pytest.raises(SettingsError, match="holds no certificates"):
        ask(request_of, protocol="openai", base_url=server.url, ca_bundle=tmp_path / "ca.pem")


@pytest.mark.parametrize(
    "table",
    [
        {"headers": {"Authorization": "Bearer sk-in-a-file"}},
        {"headers": {"not a name": "x"}},
        {"proxy": "http://me:secret@squid:3128"},
        {"max_concurrency": 0},
        {"outage_seconds": -1},
    ],
)
def test_tables_that_are_refused(table):
    """Secrets in the file, names that are none, numbers out of range."""
    with pytest.raises(ValueError, match=r"Input should|no name of a header|no file may"):
        ProviderSettings(protocol="openai", **table)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 +99999999999999"}, None),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
    ],
)
def test_how_long_a_server_asks_to_wait(headers, seconds):
    """Seconds, milliseconds, or a date, and nothing for what is neither."""
    assert seconds == retry_after_seconds(httpx2.Response(429, headers=headers))


def test_a_date_is_counted_from_now():
    """A Retry-After of one minute from now is about sixty seconds."""
    date = format_datetime(datetime.now(UTC) + timedelta(minutes=1), usegmt=True)

    assert 57 < (retry_after_seconds(httpx2.Response(429, headers={"retry-after": date})) or 0) <= 60
