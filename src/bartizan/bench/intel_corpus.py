"""Reports made for measuring: text from templates, a PDF writer of seventy lines, and every carrier that text can hide in."""

from __future__ import annotations

import io
import random
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Final

import msgspec

_ACTORS: Final = ("APT28", "APT29", "Lazarus Group", "FIN7", "Turla", "Sandworm Team", "OilRig", "MuddyWater", "Kimsuky", "Wizard Spider")
_MALWARE: Final = ("Emotet", "TrickBot", "Cobalt Strike", "PlugX", "QakBot", "Agent Tesla", "njRAT", "Ryuk", "IcedID", "Gh0st RAT")
_SECTORS: Final = (
    "energy companies",
    "hospitals",
    "ministries of foreign affairs",
    "shipping firms",
    "banks",
    "universities",
    "telecom operators",
)
_PLACES: Final = ("Poland", "Kenya", "Chile", "Portugal", "Vietnam", "Canada", "Jordan", "Norway", "Peru", "Latvia")
_ACTS: Final = (
    "sent spearphishing mails with a malicious Word attachment to staff of {sector} in {place}",
    "used PowerShell to download {malware} and ran it from memory",
    "created a scheduled task so that {malware} starts again after each reboot",
    "dumped credentials from LSASS memory with Mimikatz and moved on by remote desktop",
    "exploited {cve} in an unpatched mail gateway to get a first foothold",
    "compressed the stolen files with RAR and sent them to {host} over HTTPS",
    "registered {host} two weeks before the first mail was sent",
    "cleared the Windows event logs before they left the network",
    "encrypted file servers of {sector} and demanded {money} million dollars",
    "kept access through a web shell on a server at {ip}",
)
_FILL: Final = (
    "The activity was first noticed by an administrator who wondered about the load of a server at night.",
    "We thank the teams who shared samples and logs with us while this report was written.",
    "None of the victims had seen signs of the intrusion in the weeks before.",
    "The timeline below is based on logs that were kept for ninety days.",
    "Several of the tools are freely available and are used by many groups.",
    "The language settings of the documents tell little about who wrote them.",
    "This section describes the infrastructure as we saw it during the summer.",
    "The operators work on weekdays, mostly between eight in the morning and six in the evening.",
)
_PAGE: Final = 46
_WIDTH: Final = 92


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A report's paragraphs, and the facts among its sentences."""

    title: str
    paragraphs: tuple[str, ...]


def report(chance: random.Random, *, paragraphs: int = 12) -> Made:
    """Return a report of made-up events about real names."""
    actor, malware = chance.choice(_ACTORS), chance.choice(_MALWARE)
    made = []
    for _ in range(paragraphs):
        sentences = []
        for _ in range(chance.randrange(3, 6)):
            if chance.random() < 0.5:
                act = chance.choice(_ACTS).format(
                    sector=chance.choice(_SECTORS),
                    place=chance.choice(_PLACES),
                    malware=malware,
                    cve=chance.choice(["CVE-2021-44228", "CVE-2017-0199", "CVE-2019-19781", "CVE-2023-23397"]),
                    host=f"{word(chance)}-{word(chance)}[.]com",
                    ip=".".join(str(chance.randrange(11, 200)) for _ in range(4)).replace(".", "[.]", 1),
                    money=chance.randrange(2, 40),
                )
                sentences.append(f"{actor} {act}.")
            else:
                sentences.append(chance.choice(_FILL))
        made.append(" ".join(sentences))
    return Made(title=f"{actor} and {malware}: an intrusion in {chance.choice(_PLACES)}", paragraphs=tuple(made))


def word(chance: random.Random) -> str:
    """Return a word that no language has."""
    return "".join(chance.choice("bcdfglmnprstv") + chance.choice("aeiou") for _ in range(chance.randrange(2, 4)))


def lines_of(paragraphs: Sequence[str]) -> list[str]:
    """Return paragraphs as lines of a page, with an empty line after each."""
    out = []
    for paragraph in paragraphs:
        line = ""
        for each in paragraph.split():
            if len(line) + len(each) > _WIDTH:
                out.append(line)
                line = ""
            line = f"{line} {each}".strip()
        out += [line, ""]
    return out


def pdf(pages: Sequence[Sequence[str]], hidden: str = "", how: str = "") -> bytes:
    """Return a PDF of pages of lines; ``hidden`` is put on the first page in the way named by ``how``."""
    objects: list[bytes] = [b"", b"", b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>", b"<< /Type /ExtGState /ca 0.02 >>"]
    kids = []
    for number, lines in enumerate(pages):
        body = ["0.1 0.2 0.4 rg 0 810 595 32 re f", _shown("bartizan bench report", 40, 820, "1 g"), "0 g"]
        body += [_shown(line, 50, 790 - 16 * place, "0 g") for place, line in enumerate(lines) if line]
        if hidden and number == 0:
            body += _concealed(hidden, how)
        stream = zlib.compress("\n".join(body).encode("latin-1", "replace"))
        objects.append(b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(stream), stream))
        content = len(objects)
        resources = b"<< /Font << /F 3 0 R >> /ExtGState << /T 4 0 R >> >>"
        objects.append(b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources %s /Contents %d 0 R >>" % (resources, content))
        kids.append(len(objects))
    objects[0] = b"<< /Type /Catalog /Pages 2 0 R >>"
    objects[1] = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(kids), b" ".join(b"%d 0 R" % kid for kid in kids))
    out = bytearray(b"%PDF-1.5\n")
    places = []
    for number, item in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, item)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + b"".join(b"%010d 00000 n \n" % place for place in places)
    return bytes(out + b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start))


def paged(paragraphs: Sequence[str]) -> list[list[str]]:
    """Return paragraphs as pages of lines."""
    lines = lines_of(paragraphs)
    return [lines[at : at + _PAGE] for at in range(0, len(lines), _PAGE)] or [[]]


def _shown(text: str, x: float, y: float, colour: str, size: float = 10, mode: int = 0) -> str:
    escaped = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
    return f"{colour} BT /F {size} Tf {mode} Tr {x} {y} Td ({escaped}) Tj ET"


def _concealed(text: str, how: str) -> list[str]:
    lines = lines_of([text])
    match how:
        case "white":
            return [_shown(line, 50, 40 - 8 * place, "1 g", 6) for place, line in enumerate(lines)]
        case "tiny":
            return [_shown(line, 50, 40 - place, "0 g", 0.4) for place, line in enumerate(lines)]
        case "invisible":
            return [_shown(line, 50, 40 - 8 * place, "0 g", 6, 3) for place, line in enumerate(lines)] + ["0 Tr"]
        case "outside":
            return [_shown(line, 900, 400 - 8 * place, "0 g", 6) for place, line in enumerate(lines)]
        case "transparent":
            return ["q /T gs", *(_shown(line, 50, 40 - 8 * place, "0 g", 6) for place, line in enumerate(lines)), "Q"]
        case _:
            covered = [_shown(line, 50, 40 - 8 * place, "0 g", 6) for place, line in enumerate(lines)]
            return [*covered, "0.9 g 40 0 500 50 re f 0 g"]


def docx(paragraphs: Sequence[str], hidden: str = "", how: str = "") -> bytes:
    """Return a Word file; ``hidden`` becomes a run with the property named by ``how``."""
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    mark = {"vanish": "<w:vanish/>", "white": '<w:color w:val="FFFFFF"/>', "tiny": '<w:sz w:val="2"/>'}.get(how, "")
    body = "".join(f"<w:p><w:r><w:t>{escape(text)}</w:t></w:r></w:p>" for text in paragraphs)
    if hidden:
        body += f"<w:p><w:r><w:rPr>{mark}</w:rPr><w:t>{escape(hidden)}</w:t></w:r></w:p>"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", f'<?xml version="1.0"?><w:document {space}><w:body>{body}</w:body></w:document>')
    return out.getvalue()


def html(paragraphs: Sequence[str], title: str, extra: str = "") -> bytes:
    """Return a page."""
    body = "".join(f"<p>{escape(text)}</p>" for text in paragraphs)
    style = "<style>.quiet{display:none}.far{position:absolute;left:-9999px}</style>"
    return f"<html><head><title>{escape(title)}</title>{style}</head><body><h1>{escape(title)}</h1>{body}{extra}</body></html>".encode()


def mail(paragraphs: Sequence[str], title: str, hidden: str = "") -> bytes:
    """Return a mail whose markup part is shown; ``hidden`` stands in a text part that no reader's program shows."""
    shown = html(paragraphs, title).decode()
    plain = f"--B\r\nContent-Type: text/plain\r\n\r\n{hidden}\r\n" if hidden else ""
    head = f"From: desk@reports.example\r\nTo: soc@company.example\r\nSubject: {title}\r\nMIME-Version: 1.0\r\n"
    whole = (
        f'{head}Content-Type: multipart/alternative; boundary="B"\r\n\r\n{plain}--B\r\nContent-Type: text/html\r\n\r\n{shown}\r\n--B--\r\n'
    )
    return whole.encode()


Carrier = Callable[[Made, str], tuple[str, bytes]]
"""Puts a text into a report, or nothing for an empty one: the file's name and bytes."""


def _visible(made: Made, text: str) -> list[str]:
    middle = len(made.paragraphs) // 2
    return [*made.paragraphs[:middle], *([text] if text else []), *made.paragraphs[middle:]]


def _inline(made: Made, text: str) -> list[str]:
    middle = len(made.paragraphs) // 2
    first, stop, rest = made.paragraphs[middle].partition(". ")
    joined = f"{first}{stop}{text + ' ' if text else ''}{rest}"
    return [*made.paragraphs[:middle], joined, *made.paragraphs[middle + 1 :]]


def _hide_html(shape: str) -> Carrier:
    return lambda made, text: ("r.html", html(made.paragraphs, made.title, shape.format(escape(text)) if text else ""))


def _hide_pdf(how: str) -> Carrier:
    return lambda made, text: ("r.pdf", pdf(paged(made.paragraphs), text, how))


def _hide_docx(how: str) -> Carrier:
    return lambda made, text: ("r.docx", docx(made.paragraphs, text, how))


def _text(paragraphs: Sequence[str]) -> bytes:
    return "\n\n".join(paragraphs).encode()


def _feed(made: Made, text: str) -> bytes:
    inner = escape("".join(f"<p>{escape(each)}</p>" for each in _visible(made, text)))
    item = f"<item><title>{escape(made.title)}</title><description>{inner}</description></item>"
    return f'<?xml version="1.0"?><rss version="2.0"><channel>{item}</channel></rss>'.encode()


def _stix(made: Made, text: str) -> bytes:
    objects = [{"type": "report", "id": "report--1", "name": made.title, "description": "\n\n".join(_visible(made, text))}]
    return msgspec.json.encode({"type": "bundle", "id": "bundle--1", "objects": objects})


def _misp(made: Made, text: str) -> bytes:
    attributes = [{"type": "comment", "value": each} for each in _visible(made, text)]
    return msgspec.json.encode({"Event": {"info": made.title, "Attribute": attributes}})


def _wide(text: str) -> str:
    return "".join(chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else each for each in text)


CARRIERS: Final[Mapping[str, Carrier]] = {
    "pdf, in sight": lambda made, text: ("r.pdf", pdf(paged(_visible(made, text)))),
    "pdf, in a paragraph": lambda made, text: ("r.pdf", pdf(paged(_inline(made, text)))),
    **{f"pdf, {how}": _hide_pdf(how) for how in ("white", "tiny", "invisible", "outside", "transparent", "covered")},
    "html, in sight": lambda made, text: ("r.html", html(_visible(made, text), made.title)),
    "html, display none": _hide_html('<p class="quiet">{}</p>'),
    "html, moved away": _hide_html('<div class="far">{}</div>'),
    "html, white": _hide_html('<span style="color:#fff">{}</span>'),
    "html, no size": _hide_html('<span style="font-size:0">{}</span>'),
    "html, comment": _hide_html("<!-- {} -->"),
    "docx, in sight": lambda made, text: ("r.docx", docx(_visible(made, text))),
    **{f"docx, {how}": _hide_docx(how) for how in ("vanish", "white", "tiny")},
    "text, in sight": lambda made, text: ("r.txt", _text(_visible(made, text))),
    "text, in a paragraph": lambda made, text: ("r.txt", _text(_inline(made, text))),
    "text, zero width between letters": lambda made, text: ("r.txt", _text(_visible(made, "\u200b".join(text)))),
    "text, full width": lambda made, text: ("r.txt", _text(_visible(made, _wide(text)))),
    "markdown, comment": lambda made, text: ("r.md", _text([*made.paragraphs, *([f"<!-- {text} -->"] if text else [])])),
    "mail, in sight": lambda made, text: ("r.eml", mail(_visible(made, text), made.title)),
    "mail, part not shown": lambda made, text: ("r.eml", mail(made.paragraphs, made.title, text)),
    "feed, in sight": lambda made, text: ("r.xml", _feed(made, text)),
    "stix, description": lambda made, text: ("r.json", _stix(made, text)),
    "misp, comment": lambda made, text: ("r.json", _misp(made, text)),
}
"""Every carrier by its name."""
