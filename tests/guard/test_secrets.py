import base64
import string
import zlib
from random import Random

import pytest
import re2

from bartizan.config import Secret
from bartizan.errors import ControlError
from bartizan.guard.rulebook import shipped_bytes
from bartizan.guard.secrets import Secrets, entropy, read_formats

FORMATS = read_formats(shipped_bytes("secrets.toml"))
ALPHABETS = {
    "b62": string.ascii_letters + string.digits,
    "b32": string.ascii_uppercase + "234567",
    "bech32": "023456789ACDEFGHJKLMNPQRSTUVWXYZ",
    "alpha": string.ascii_letters,
    "upper": string.ascii_uppercase + string.digits,
    "digit": string.digits,
    "hex": "0123456789abcdef",
}
BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase


def made(template, random):
    """Fill a format's sample: no token that looks real stands in this repository."""

    def fill(found):
        kind, what = found.group(1), found.group(2)
        if kind == "word":
            return what
        if kind == "jwt":
            parts = [b'{"alg":"HS256","typ":"JWT"}', random.randbytes(30).hex().encode()]
            body = [
                base64.urlsafe_b64encode(b'{"sub":"' + part + b'"}' if number else part).decode().rstrip("=")
                for number, part in enumerate(parts)
            ]
            return ".".join([*body, "c2ln"])
        if kind == "crc":
            text = "".join(random.choices(ALPHABETS["b62"], k=int(what)))
            value, digits = zlib.crc32(text.encode()), ""
            for _ in range(6):
                value, digit = divmod(value, 62)
                digits = BASE62[digit] + digits
            return text + digits
        return "".join(random.choices(ALPHABETS[kind], k=int(what)))

    parts, done = [], 0
    for found in re2.compile(r"\{(\w+):(\w+)\}").finditer(template):
        parts += [template[done : found.start()], fill(found)]
        done = found.end()
    return "".join([*parts, template[done:]])


@pytest.mark.parametrize("item", FORMATS, ids=lambda item: item.id)
def test_a_credential_is_found_in_text_and_stream(item, segment, context):
    secrets, random = Secrets([item]), Random(item.id)
    for _ in range(5):
        text = f"key = {made(item.sample, random)} and so on"
        (opinion,) = secrets.judge("output", [segment(text, origin="model")], [], context())
        assert (opinion.category, opinion.rule) == ("secret", item.id)
        watch, upto = secrets.watch("text", context()), 0
        for at in range(0, len(text), 7):
            release = watch.feed(text[at : at + 7], final=at + 7 >= len(text))
            if release.opinions:
                break
            upto = release.upto
        assert release.opinions
        assert upto <= opinion.spans[0].start


@pytest.mark.parametrize(
    "text",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "AKIA" + "A" * 16,
        "ghp_" + "x" * 36,
        "ghp_" + "Ab1" * 12,
        "sk-proj-" + "your_key_here" * 4,
        "postgres://user:password@localhost",
        "https://user:changeme@example.org",
        "eyJhbGciOiJ.eyJzdWIiOiIx",
        "-----BEGIN CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----",
    ],
)
def test_placeholders_and_wrong_checksums_are_no_credentials(text, segment, context):
    assert not Secrets(FORMATS).judge("input", [segment(text)], [], context())


@pytest.fixture
def canary(monkeypatch):
    monkeypatch.setenv("BARTIZAN_TEST_CANARY", "Tangerine-41c9-Heron")
    return Secret("env:BARTIZAN_TEST_CANARY")


def test_a_canary_counts_in_answers_and_not_in_questions(canary, segment, context):
    secrets = Secrets([], [canary])
    for text in ("so: tangerine-41c9-heron", base64.b64encode(b"it is Tangerine-41c9-Heron").decode(), " ".join("Tangerine-41c9-Heron")):
        (opinion,) = secrets.judge("output", [segment(text, origin="model")], [], context())
        assert (opinion.category, opinion.rule, opinion.detail) == ("canary", "canary-1", "")
        assert not secrets.judge("input", [segment(text)], [], context())


def test_a_canary_that_is_too_short_stops_the_start(monkeypatch):
    monkeypatch.setenv("BARTIZAN_TEST_CANARY", "short")
    with pytest.raises(ControlError, match="fewer than"):
        Secrets([], [Secret("env:BARTIZAN_TEST_CANARY")])


def test_entropy_is_in_bits_a_character():
    assert entropy("aaaa") == 0
    assert entropy("abcd") == 2
