"""What must not leave this machine: credentials, known by their form or because this environment holds them."""

import functools
import json
import math
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from pipeline.errors import SecretError
from pipeline.llm.port import Request

SHORTEST = 8
"""Characters of an environment's value that is looked for: a shorter one is found in every other text."""

_NAMES = re.compile(
    r"(^|(?<!GIT_CONFIG)_)(KEY|TOKEN|SECRET|PASSWD|CREDENTIAL)S?(_|$)|PASSWORD|APIKEY", re.IGNORECASE
)  # GIT_CONFIG_KEY_0 names a setting of git's, and git reads none of them where one is missing

_FORMS = {
    "an Anthropic key": r"\bsk-ant-[\w-]{20,}",
    "an OpenAI key": r"\bsk-(?:proj|svcacct|admin|or-v1)-[\w-]{20,}|\bsk-[A-Za-z0-9]{20,}",
    "a Google key": r"\bAIza[\w-]{35}",
    "a model provider's key": (
        r"\bgsk_[A-Za-z0-9]{40,}|\bxai-[A-Za-z0-9]{40,}|\bnvapi-[\w-]{40,}|\bpplx-[A-Za-z0-9]{40,}|\br8_[A-Za-z0-9]{37}"
    ),
    "a Hugging Face token": r"\bhf_[A-Za-z0-9]{30,}",
    "a GitHub token": r"\bgh[pousr]_[A-Za-z0-9]{36,}|\bgithub_pat_\w{22,}",
    "a GitLab token": r"\bglpat-[\w-]{20,}",
    "an AWS key": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "a Slack token": r"\bxox[abeoprs]-[\w-]{10,}|\bxapp-[\w-]{20,}|hooks\.slack\.com/services/T\w+/B\w+/\w{16,}",
    "a Stripe key": r"\b(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,}|\bwhsec_[A-Za-z0-9]{24,}",
    "a SendGrid key": r"\bSG\.[\w-]{16,}\.[\w-]{16,}",
    "an npm or PyPI token": r"\bnpm_[A-Za-z0-9]{36}|\bpypi-[\w-]{50,}",
    "a private key": r"-----BEGIN[A-Z0-9 ]* PRIVATE KEY(?: BLOCK)?-----[\s\S]{0,200}?[A-Za-z0-9+/=]{20,}",
    "a JSON web token": r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}",
    "an address with a password": r"\b[a-z][a-z0-9+.-]*://[^\s/:@'\"]*:(?![{$<*%])[^\s/:@'\"]{3,}@[^\s/'\"@]+",
}
_ASSIGNED = re.compile(
    r"(?i)(?:passwo?r?d|pwd|secret|token|(?:api|access|private|account)[_-]?key)['\"]?\s*(?::|=>?)\s*"
    r"(?P<quote>['\"])(?P<value>[^'\"\s]{16,})(?P=quote)"
)
_MADE_UP = re.compile(
    r"(?i)example|dummy|sample|placeholder|change-?me|redacted|xxxx|\*\*\*"
    r"|:(?:password|passwd|pass|pw|pwd|secret|token)@|[@.](?:test|invalid|localhost)(?::|$)"
)
"""What people write where a credential would be. Such a text is no secret, unless this environment holds it."""
_BITS = 3.5
"""Of a character of a value that was drawn, not written: dates and counters have less."""

_ESCAPE = re.compile(r"\\(?P<code>u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[abfnrtv'\"\\/])")
_CONTROLS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_LAYERS = 4
"""Of escapes that are looked through: an example in a prompt in a request in a report."""

_guarded: set[str] = set()


@dataclass(frozen=True, slots=True)
class Credential:
    """One that was found in a text."""

    kind: str
    value: str

    @property
    def masked(self) -> str:
        """Its first letters, for whoever has to find it."""
        plain = re.match(r"[\w-]*", self.value)
        assert plain is not None
        return f"{plain[0][: min(4, len(self.value) // 4)]}***"


def guard(variables: Iterable[str]) -> None:
    """Treat these environment variables as secrets too, whatever their names are, from now on in this process."""
    _guarded.update(variables)


def looks_secret(variable: str) -> bool:
    """Whether an environment variable holds a credential, by its name."""
    return variable in _guarded or _NAMES.search(variable) is not None


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment for a child that needs most of it, but no credential."""
    return {name: value for name, value in environ.items() if not looks_secret(name)}


def find_credentials(text: str) -> Iterator[Credential]:
    """Credentials of this environment and of known forms, the former first; however they are escaped."""
    readings = [*_readings(text)]
    for name, value in os.environ.items():
        secret = value.strip()
        if len(secret) < SHORTEST or not looks_secret(name) or _is_path(secret):
            continue
        if any(secret in reading for reading in readings):
            yield Credential(f"the value of {name}", secret)
    for reading in readings:
        for kind, form in _FORMS.items():
            for match in re.finditer(form, reading):
                if not _MADE_UP.search(match[0]):
                    yield Credential(kind, match[0])


def scrub(text: str) -> str:
    """A text fit for a file, a log or a terminal: of every credential in it, no more than the first characters."""
    for credential in sorted(find_credentials(text), key=lambda each: -len(each.value)):
        text = _written(credential.value).sub(credential.masked, text)
    return text


def check(request: Request, specs: Path) -> None:
    """Let a request pass that holds no credential; raises SecretError, with the place in `specs` it came from."""
    schema = "" if request.schema is None else json.dumps(request.schema, ensure_ascii=False)
    texts = [request.system, *(message.text for message in request.messages), schema]
    about = " ".join(filter(None, [request.subject, f"({request.role})" if request.role else ""]))
    check_text("\n".join(texts), about or "a question", specs)


def check_text(text: str, about: str, specs: Path) -> None:
    """As `check`, for a text about something."""
    found = next(chain(find_credentials(text), *(_assigned(reading) for reading in _readings(text))), None)
    if found is None:
        return
    place = _place(found.value, specs)
    raise SecretError(
        f"{place or about}: {f'{about}: ' if place else ''}the prompt holds {found.kind} ({found.masked}); nothing was "
        f"sent. Take it out of {'the spec' if place else 'what the prompt is made of'}"
        + ("." if found.kind.startswith("the value") else "; if it is made up, write 'example' into it.")
    )


def _assigned(text: str) -> Iterator[Credential]:
    """Values that look drawn, given to names that sound secret."""
    for match in _ASSIGNED.finditer(text):
        value = match["value"]
        if _looks_drawn(value) and not _MADE_UP.search(match[0]):
            yield Credential("what looks like a password or key", value)


def _looks_drawn(value: str) -> bool:
    """Whether nobody wrote it: letters and digits, hardly one more likely than another, and no words."""
    letters, words = re.findall(r"[A-Za-z]", value), re.findall(r"[a-z]{4,}|[A-Z]{4,}", value)
    shares = [count / len(value) for count in Counter(value).values()]
    bits = -sum(share * math.log2(share) for share in shares)
    return bits >= _BITS and len("".join(words)) * 2 < len(letters) < len(value)


def _readings(text: str) -> Iterator[str]:
    """A text as it stands, and as it reads without its escapes, one layer after the other."""
    for _ in range(_LAYERS):
        yield text
        plain = _ESCAPE.sub(_unescaped, text)
        if plain == text:
            return
        text = plain


def _unescaped(match: re.Match[str]) -> str:
    code = match["code"]
    return chr(int(code[1:], 16)) if code[0] in "ux" and len(code) > 1 else _CONTROLS.get(code, code)


@functools.lru_cache(maxsize=256)
def _written(value: str) -> re.Pattern[str]:
    """A value as JSON, Python and what is made of these may write it."""
    controls = {meant: letter for letter, meant in _CONTROLS.items()}
    ways = []
    for character in value:
        letters = [rf"\\+u(?i:{ord(character):04x})", rf"\\+x(?i:{ord(character):02x})"]
        letters += [rf"\\+{controls[character]}"] if character in controls else []
        plain = r"\\+" if character == "\\" else rf"\\*{re.escape(character)}"
        ways.append(f"(?:{'|'.join([plain, *letters])})")
    return re.compile("".join(ways))


def _is_path(value: str) -> bool:
    """Whether a variable names a file with a credential in it, and is none itself."""
    return value.startswith(("/", "~")) and Path(value).expanduser().exists()


def _place(value: str, specs: Path) -> str:
    """Where a person finds it: the first line of a spec that holds it, as `specs/x.yaml:3`."""
    first = value.split("\n", maxsplit=1)[0]
    for path in sorted(specs.glob("**/*.y*ml")):
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1):
            if first in line:
                return f"{path.relative_to(specs.parent).as_posix()}:{number}"
    return ""
