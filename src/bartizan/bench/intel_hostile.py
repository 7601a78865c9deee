"""Files that mean harm: bombs, loops, damage and a megabyte of whatever is worst; each must end soon, in a report or a typed failure."""

from __future__ import annotations

import gzip
import io
import random
import time
import zipfile
from collections.abc import Callable, Iterator

import msgspec

from bartizan.bench.intel_corpus import docx, html, mail, paged, pdf, report
from bartizan.errors import BartizanError
from bartizan.workbench.intel.analyse import analyse
from bartizan.workbench.intel.parse import parse

_MEGABYTE = 1_000_000
_ALLOWED_S = 2.0


class Hostile(msgspec.Struct, frozen=True, kw_only=True):
    """``over`` names inputs that took more than two seconds of CPU, ``raised`` those that raised what is not ours."""

    inputs: int
    damaged: int
    typed_failures: int
    over: tuple[str, ...]
    raised: tuple[str, ...]
    slowest: str
    slowest_s: float


def hostile(*, damaged: int = 300, seed: int = 1) -> Hostile:
    """Read every hostile input, and honest files with bytes changed."""
    over, raised, failures, slowest = [], [], 0, ("", 0.0)
    cases = [*_cases(), *_damaged(damaged, random.Random(seed))]
    for label, name, data in cases:
        begun = time.process_time()
        try:
            parsed = parse(data, name)
            for document in parsed.documents:
                analyse(document)
            failures += len(parsed.failures)
        except BartizanError:
            failures += 1
        except Exception as error:  # noqa: BLE001 - what is counted is that something else came out
            raised.append(f"{label}: {type(error).__name__}: {str(error)[:80]}")
        took = time.process_time() - begun
        slowest = max(slowest, (label, took), key=lambda pair: pair[1])
        if took > _ALLOWED_S:
            over.append(f"{label}: {took:.1f} s")
    return Hostile(
        inputs=len(cases),
        damaged=damaged,
        typed_failures=failures,
        over=tuple(over),
        raised=tuple(raised[:20]),
        slowest=slowest[0],
        slowest_s=round(slowest[1], 2),
    )


def _cases() -> Iterator[tuple[str, str, bytes]]:
    for shape in ("A", "a.", "a@", "1.", "(", "[.]", "http://", "hxxp://a[.]", "%", "ignore all ", "\u202e", "T1059 ", "<", "=\n", "a b. "):
        yield f"1 MB of {shape!r}", "x.txt", (shape * (_MEGABYTE // len(shape.encode()) + 1)).encode()[:_MEGABYTE]
    for shape in ("<p>", "<div>", "<b><i>", "<table><tr><td>", "<!--", "<a href=x>", '<p style="a:b">', "&amp;", "<svg>"):
        yield f"1 MB of {shape!r}", "x.html", b"<html><body>" + (shape * (_MEGABYTE // len(shape))).encode()
    yield "zip of zeros", "bomb.zip", _zip({"a.txt": bytes(400 << 20)})
    yield "gzip of zeros", "bomb.gz", gzip.compress(bytes(300 << 20))
    inner = _zip({"a.txt": b"deep"})
    for _ in range(8):
        inner = _zip({"in.zip": inner})
    yield "zips in zips", "deep.zip", inner
    yield "zip that slips", "slip.zip", _zip({"../../../etc/cron.d/x": b"report text of a slip", "/abs.txt": b"another text here"})
    yield "ten thousand files", "many.zip", _zip({f"{at}.txt": b"x" for at in range(10_000)})
    laughs = "".join(f'<!ENTITY l{at} "{f"&l{at - 1};" * 10 if at else "lol"}">' for at in range(9))
    yield "a billion laughs", "bomb.xml", f"<?xml version='1.0'?><!DOCTYPE z [{laughs}]><rss>&l8;</rss>".encode()
    yield (
        "an outside entity",
        "xxe.xml",
        b"<?xml version='1.0'?><!DOCTYPE z [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><rss><item><title>&x;</title></item></rss>",
    )
    yield "an entity in Word", "xxe.docx", _zip({"word/document.xml": b"<!DOCTYPE z [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><z>&x;</z>"})
    yield "deep JSON", "deep.json", b'{"a":' * 200_000
    yield "deep list", "deep.json", b"[" * 1_000_000
    yield "mail of parts", "parts.eml", b"From: a@b.c\nContent-Type: multipart/mixed; boundary=B\n\n" + b"--B\n\nx\n" * 100_000
    yield "mail in mail", "deep.eml", b"From: a@b.c\nContent-Type: message/rfc822\n\n" * 5_000
    yield "nothing", "none.pdf", b""
    yield "PDF without end", "cut.pdf", pdf(paged(report(random.Random(1)).paragraphs))[:700]
    yield "PDF that claims a million pages", "claim.pdf", pdf([["one"]]).replace(b"/Count 1", b"/Count 1000000")


def _damaged(count: int, chance: random.Random) -> Iterator[tuple[str, str, bytes]]:
    makers: list[tuple[str, Callable[[tuple[str, ...]], bytes]]] = [
        ("x.pdf", lambda text: pdf(paged(text))),
        ("x.docx", docx),
        ("x.html", lambda text: html(text, "title")),
        ("x.eml", lambda text: mail(text, "title")),
        (
            "x.json",
            lambda text: msgspec.json.encode({"type": "bundle", "id": "b", "objects": [{"type": "report", "name": "\n".join(text)}]}),
        ),
        ("x.xml", lambda text: f"<rss><item><title>{text[0]}</title></item></rss>".encode()),
        ("x.txt.gz", lambda text: gzip.compress("\n".join(text).encode())),
    ]
    for number in range(count):
        name, make = makers[number % len(makers)]
        data = bytearray(make(report(chance, paragraphs=4).paragraphs))
        match chance.randrange(3):
            case 0:
                del data[chance.randrange(len(data)) :]
            case 1:
                for _ in range(chance.randrange(1, 60)):
                    data[chance.randrange(len(data))] = chance.randrange(256)
            case _:
                begin = chance.randrange(len(data))
                data[begin : begin + 200] = chance.randbytes(chance.randrange(400))
        yield f"damaged {name} {number}", name, bytes(data)


def _zip(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()
