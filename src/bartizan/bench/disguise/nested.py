"""One encoding inside another, and encodings inside the containers that carry them."""

import base64
import codecs
import gzip
import json
import random
import re
import zlib
from collections.abc import Callable

from bartizan.bench.disguise.compatibility import fullwidth
from bartizan.bench.disguise.confusable import cyrillic_some
from bartizan.bench.disguise.encoding import base64_text
from bartizan.bench.disguise.escape import json_units, percent
from bartizan.bench.disguise.invisible import sown
from bartizan.bench.disguise.placement import LEADS, amid, swap
from bartizan.bench.disguise.shape import Apply, disguises

_MEDIA = ("text/plain", "text/html", "text/plain;charset=utf-8", "application/octet-stream")


def _packed(compress: Callable[[bytes], bytes]) -> Apply:
    return lambda phrase, rng: base64.b64encode(compress(amid(phrase, rng).encode())).decode()


def _gzip(raw: bytes) -> bytes:
    return gzip.compress(raw, mtime=0)


def _deflate(raw: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(raw) + packer.flush()


def _references(text: str) -> str:
    return "".join(f"&#{ord(letter)};" for letter in text)


def _ampersands(text: str) -> str:
    return text.replace("&", "&amp;")


def _after(inner: Callable[[str], str], outer: Callable[[str], str]) -> Apply:
    return lambda phrase, rng: outer(inner(amid(phrase, rng)))


def _data_base64(phrase: str, rng: random.Random) -> str:
    return f"data:{rng.choice(_MEDIA)};base64,{base64_text(amid(phrase, rng))}"


def _data_percent(phrase: str, rng: random.Random) -> str:
    return f"data:,{percent(amid(phrase, rng))}"


def _image(phrase: str, rng: random.Random) -> str:
    return f"![chart]({_data_base64(phrase, rng)})"


def _data_escaped(phrase: str, rng: random.Random) -> str:
    return f"data:text/plain;base64,{percent(base64_text(amid(phrase, rng)))}"


def _token(phrase: str, rng: random.Random) -> str:
    parts = (b'{"alg":"HS256","typ":"JWT"}', json.dumps({"sub": "7", "note": amid(phrase, rng)}).encode(), rng.randbytes(32))
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def _json_in_json(phrase: str, rng: random.Random) -> str:
    return json.dumps({"body": f'{{"text": "{swap(phrase, rng, json_units)}"}}'})


def _thrice(phrase: str, _rng: random.Random) -> str:
    return base64_text(base64_text(base64_text(phrase)))


def _confusable_in_base64(phrase: str, rng: random.Random) -> str:
    return base64_text(cyrillic_some(phrase, rng))


def _invisible_in_base64(phrase: str, rng: random.Random) -> str:
    return base64_text(sown("\u200b\u200d\u2060")(phrase, rng))


def _tower(phrase: str, rng: random.Random) -> str:
    return base64_text(_references(sown("\u200b")(cyrillic_some(phrase, rng), rng)))


_BASE = "RFC 4648 section 4"
_DATA = "RFC 2397"
_NEST = "UTR 36 section 3.5, repeated decoding"
_DATA_BEFORE = r"data:[a-z/;=8-]*(?:;base64)?,"
_JSON_BEFORE = '{"body": "{\\"text\\": \\"'
_BEFORE_REFERENCES = "|".join(re.escape(_ampersands(_references(lead))) for lead in sorted(LEADS, key=len, reverse=True))
"""References stand for one character each, so those of the words before the phrase are no part of it."""

NESTED = (
    *disguises(
        "nested",
        "certain",
        ("base64-twice", "Base64 in base64", _NEST, _after(base64_text, base64_text)),
        ("percent-in-base64", "Percent-encoding in base64", _NEST, _after(percent, base64_text)),
        ("base64-in-percent", "Base64, then every byte percent-encoded", _NEST, _after(base64_text, percent)),
        ("hex-in-base64", "Hex in base64", _NEST, _after(lambda text: text.encode().hex(), base64_text)),
        ("base64-in-hex", "Base64 in hex", _NEST, _after(base64_text, lambda text: text.encode().hex())),
        ("references-in-base64", "HTML references in base64", _NEST, _after(_references, base64_text)),
        ("percent-twice", "Percent-encoding of percent-encoding", "RFC 3986 section 2.4", _after(percent, lambda text: text.replace(
            "%", "%25"))),
        ("references-twice", "HTML references with their ampersand escaped", _NEST, _after(_references, _ampersands), _BEFORE_REFERENCES),
        ("json-in-json", "Escapes in a JSON text inside a JSON string", "RFC 8259 section 7", _json_in_json, re.escape(_JSON_BEFORE)),
        ("fullwidth-in-percent", "Percent-encoded fullwidth letters", _NEST, _after(fullwidth, percent)),
        ("fullwidth-in-base64", "Base64 of fullwidth letters", _NEST, _after(fullwidth, base64_text)),
        ("confusable-in-base64", "Base64 of words with Cyrillic letters", _NEST, _confusable_in_base64),
        ("invisible-in-base64", "Base64 of words with invisible characters", _NEST, _invisible_in_base64),
        ("data-base64", "A data: URL with base64", _DATA, _data_base64, _DATA_BEFORE),
        ("data-percent", "A data: URL with percent-encoding", _DATA, _data_percent, _DATA_BEFORE),
        ("data-image", "A data: URL as the target of a Markdown image", _DATA, _image, rf"!\[chart\]\({_DATA_BEFORE}"),
    ),
    *disguises(
        "nested",
        "likely",
        ("data-escaped", "A data: URL whose base64 is percent-encoded", _DATA, _data_escaped, _DATA_BEFORE),
        ("gzip-base64", "Gzip in base64", "RFC 1952", _packed(_gzip)),
        ("zlib-base64", "Zlib in base64", "RFC 1950", _packed(zlib.compress)),
        ("deflate-base64", "Bare deflate in base64", "RFC 1951", _packed(_deflate)),
        ("web-token", "A claim of a JSON web token", "RFC 7519", _token),
        ("base64-thrice", "Base64 three deep", _NEST, _thrice),
        ("tower", "Confusables and invisible characters in HTML references in base64", _NEST, _tower),
    ),
    *disguises(
        "nested",
        "stretch",
        ("mojibake", "Fullwidth UTF-8 read as Latin-1", _NEST, lambda phrase, _rng: fullwidth(phrase).encode().decode("latin-1")),
        ("rot13-in-base64", "Rot13 in base64", _BASE, lambda phrase, _rng: base64_text(codecs.encode(phrase, "rot13"))),
    ),
)  # fmt: skip
