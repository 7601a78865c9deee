"""HTML as a person sees it: block by block, without scripts and comments, and without what its style hides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import lxml.html
import msgspec
import re2
from lxml import etree

from bartizan.workbench.intel.caps import Caps, DocumentError
from bartizan.workbench.intel.document import Document
from bartizan.workbench.intel.parse.build import Builder
from bartizan.workbench.intel.parse.plain import decode

_NEVER: Final = frozenset(
    [
        *("script", "style", "template", "noscript", "head", "iframe", "object", "embed", "svg", "math", "canvas", "select"),
        *(
            "textarea",
            "datalist",
            "audio",
            "video",
            "dialog",
        ),
    ]
)
_BLOCKS: Final = frozenset(
    [
        *("address", "article", "aside", "blockquote", "body", "dd", "details", "div", "dl", "dt", "fieldset", "figcaption"),
        *("figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre"),
        *(
            "section",
            "summary",
            "table",
            "tbody",
            "thead",
            "tfoot",
            "tr",
            "ul",
            "caption",
            "center",
        ),
    ]
)
_CELLS: Final = frozenset({"td", "th"})
_DEPTH: Final = 400
_MOST_NODES: Final = 50_000
_RULE: Final = re2.compile(r"([^{}@/;]+)\{([^{}]*)\}")
_COMMENT: Final = re2.compile(r"(?s)/\*.*?\*/")
_SIMPLE: Final = re2.compile(r"^(?:([a-z][a-z0-9]*|\*)?)((?:[.#][\w-]+)*)$")
_MARK: Final = re2.compile(r"[.#][\w-]+")
_MATTERS: Final = re2.compile(
    r"(?i)display|visib|opacity|font|color|background|clip|left|top|right|bottom|indent|margin|height|width|transform|hide"
)
_SHEET: Final = 200_000
_RULES: Final = 4_000
_RULES_EACH: Final = 12
_Sheet = dict[str, list[tuple[str, frozenset[str], str]]]
_NUMBER: Final = re2.compile(r"^(-?\d*\.?\d+)\s*(px|pt|em|rem|%|vw|vh|ex|ch|in|cm|mm|pc)?$")
_COLOURS: Final[Mapping[str, str]] = {"white": "ffffff", "snow": "fffafa", "ivory": "fffff0", "black": "000000", "transparent": ""}
_OFF_PAGE: Final = 900.0


class _Look(msgspec.Struct, frozen=True):
    """What is inherited: ``hidden`` is the reason, or empty."""

    hidden: str = ""
    colour: str = "000000"
    ground: str = "ffffff"
    keeps_space: bool = False


class _Sink:
    """Collects seen and hidden text in one pass."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.hidden: dict[str, list[str]] = {}

    def text(self, words: str | None, look: _Look) -> None:
        if not words:
            return
        if look.hidden:
            if words.strip():
                self.hidden.setdefault(look.hidden, []).append(" ".join(words.split()))
            return
        self.seen.append(words if look.keeps_space else _spaced(words))

    def line(self, look: _Look, mark: str = "\n") -> None:
        if not look.hidden:
            self.seen.append(mark)


def read(data: bytes, name: str, caps: Caps) -> Document:
    """Return the document; raises DocumentError."""
    made = Builder(name, "text/html", data, caps)
    text = _declared(data) or decode(data, name)
    seen, hidden, title, published = visible(text, name)
    made.title, made.published = title, published
    made.page(seen)
    for why, words in hidden.items():
        made.flag("hidden_text", detail=why, text="\n".join(words))
    return made.document()


def visible(text: str, name: str) -> tuple[str, dict[str, list[str]], str, str]:
    """Return what is seen of a page, what is not by reason, its title and its date."""
    parser = lxml.html.HTMLParser(huge_tree=False, remove_blank_text=False, no_network=True, encoding="utf-8")
    try:
        root = lxml.html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except (etree.LxmlError, ValueError, AssertionError) as error:
        raise DocumentError(f"{name}: this HTML can't be read: {str(error)[:200]}", code="malformed_html") from error
    sheet = _sheet(root)
    sink = _Sink()
    _walk(root, sheet, sink)
    title = (root.findtext(".//title") or root.findtext(".//h1") or "").strip()
    return _tidy("".join(sink.seen)), sink.hidden, title, _published(root)


def _walk(root: Any, sheet: _Sheet, sink: _Sink) -> None:  # noqa: ANN401 - lxml has no stubs
    """Visit every node without recursion; too deep or too many of them end the walk with what was found."""
    stack: list[tuple[Any, _Look, bool]] = [(root, _Look(), True)]
    nodes = 0
    while stack:
        node, look, begins = stack.pop()
        if not begins:
            _leave(node, look, sink)
            continue
        nodes += 1
        if nodes > _MOST_NODES:
            sink.hidden.setdefault("more elements than are read", []).append(" ")
            return
        if not isinstance(node.tag, str):
            if node.tag is etree.Comment and node.text and len(node.text.split()) > 3:
                sink.hidden.setdefault("a comment", []).append(" ".join(node.text.split()))
            sink.text(node.tail, look)
            continue
        inner = _look(node, look, sheet)
        if node.tag in _NEVER and node.tag not in {"noscript", "template", "textarea"}:
            sink.text(node.tail, look)
            continue
        if node.tag in _BLOCKS or node.tag == "br":
            sink.line(inner)
        sink.text(node.text, inner)
        stack.append((node, look, False))
        if len(stack) < _DEPTH * 50:
            stack += [(child, inner, True) for child in reversed(node)]


def _leave(node: Any, look: _Look, sink: _Sink) -> None:  # noqa: ANN401 - lxml has no stubs
    if node.tag in _BLOCKS:
        sink.line(look, "\n\n" if node.tag in {"p", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "pre"} else "\n")
    elif node.tag in _CELLS:
        sink.line(look, "\t")
    sink.text(node.tail, look)


def _look(node: Any, outer: _Look, sheet: _Sheet) -> _Look:  # noqa: ANN401 - lxml has no stubs
    keeps = outer.keeps_space or node.tag in {"pre", "code"}
    if outer.hidden:
        return outer
    if node.tag in {"noscript", "template", "textarea"}:
        return _Look("not shown by a browser")
    attributes = node.attrib
    marks = [node.tag, *(f".{each}" for each in (attributes.get("class") or "").split()[:20]), f"#{attributes.get('id', '')}"]
    rules = [rule for mark in marks if mark in sheet for tag, wants, rule in sheet[mark] if tag in {"", node.tag} and wants.issubset(marks)]
    style = ";".join([*rules, attributes.get("style") or ""]) if rules else attributes.get("style") or ""
    if not style and "hidden" not in attributes and node.tag != "font" and "bgcolor" not in attributes:
        return outer if keeps == outer.keeps_space else msgspec.structs.replace(outer, keeps_space=keeps)
    said = dict(_declarations(style))
    colour = _colour(said.get("color") or attributes.get("color") or "") or outer.colour
    ground = _colour(said.get("background-color") or said.get("background") or attributes.get("bgcolor") or "") or outer.ground
    why = "the attribute hidden" if "hidden" in attributes else _hides(said)
    if not why and _near(colour, ground):
        why = "text in the colour of its background"
    if node.tag == "font" and (attributes.get("size") or "").strip() in {"0", "0px"}:
        why = "text without size"
    return _Look(why, colour, ground, keeps)


def _hides(said: Mapping[str, str]) -> str:  # noqa: PLR0911 - one return a way
    if said.get("display") == "none" or said.get("mso-hide") == "all":
        return "display: none"
    if said.get("visibility") in {"hidden", "collapse"} or said.get("content-visibility") == "hidden":
        return "visibility: hidden"
    if (opacity := _number(said.get("opacity", ""))) is not None and opacity[0] < 0.1 * (100 if opacity[1] == "%" else 1):
        return "almost no opacity"
    if (said.get("color", "").replace(" ", "").startswith("rgba(") and _alpha(said["color"]) < 0.1) or said.get("color") == "transparent":
        return "text without colour"
    if (size := _number(said.get("font-size", ""))) is not None and _points(size) < 2:
        return "text without size"
    clipped = said.get("clip", "").replace(" ", "").replace("px", "") in {"rect(0,0,0,0)", "rect(1,1,1,1)", "rect(0000)"}
    if clipped or said.get("clip-path", "").replace(" ", "").startswith(("inset(50%", "inset(100%", "circle(0")):
        return "clipped away"
    if said.get("overflow", "") == "hidden" and any(
        (n := _number(said.get(side, ""))) and n[0] <= 1 for side in ("height", "width", "max-height")
    ):
        return "no room to be seen in"
    if "scale(0" in said.get("transform", "").replace(" ", "").replace("scale(0.", "scale(."):
        return "scaled to nothing"
    far = [_number(said.get(side, "")) for side in ("left", "top", "right", "bottom", "text-indent", "margin-left", "margin-top")]
    if any(each is not None and (each[0] <= -_OFF_PAGE or (each[0] <= -90 and each[1] in {"em", "rem", "vw", "vh"})) for each in far):
        return "moved off the page"
    return ""


def _sheet(root: Any) -> _Sheet:  # noqa: ANN401 - lxml has no stubs
    """Return (tag, classes and id, declarations) by one of their marks, for the simple selectors of the page's own style sheets."""
    sheet: _Sheet = {}
    rules = 0
    for style in root.iter("style"):
        for found in _RULE.finditer(_COMMENT.sub("", (style.text or "")[:_SHEET])):
            if not _MATTERS.search(found.group(2)):
                continue
            for selector in found.group(1)[-2_000:].split(","):
                simple = _SIMPLE.match(selector.strip().lower().split(" ")[-1])
                rules += 1
                if simple and (simple.group(1) or simple.group(2)) and rules < _RULES:
                    wants = frozenset(_MARK.findall(simple.group(2)))
                    tag = (simple.group(1) or "").replace("*", "")
                    row = sheet.setdefault(next(iter(sorted(wants)), tag), [])
                    if len(row) < _RULES_EACH:
                        row.append((tag, wants, found.group(2)[:2_000]))
    return sheet


def _declarations(style: str) -> Iterator[tuple[str, str]]:
    for part in style[:20_000].split(";"):
        name, colon, value = part.partition(":")
        if colon:
            yield name.strip().lower(), value.replace("!important", "").strip().lower()


def _number(value: str) -> tuple[float, str] | None:
    found = _NUMBER.match(value.strip())
    return (float(found.group(1)), found.group(2) or "") if found else None


def _points(size: tuple[float, str]) -> float:
    return size[0] * {"em": 12.0, "rem": 12.0, "%": 0.12, "px": 0.75, "in": 72.0, "cm": 28.0, "mm": 2.8}.get(size[1], 1.0)


def _alpha(colour: str) -> float:
    parts = colour.partition("(")[2].rstrip(")").replace("/", ",").split(",")
    number = _number(parts[-1]) if len(parts) == 4 else None
    return number[0] if number else 1.0


def _colour(value: str) -> str:
    """Return a colour as six hex digits, empty for one that is not known or not given."""
    value = value.strip().lower()
    if value in _COLOURS:
        return _COLOURS[value]
    if value.startswith("#"):
        digits = value[1:].split(" ")[0]
        return "".join(each * 2 for each in digits[:3]) if len(digits) in {3, 4} else digits[:6] if len(digits) in {6, 8} else ""
    if value.startswith(("rgb(", "rgba(")):
        numbers = value.partition("(")[2].rstrip(")").replace(",", " ").replace("/", " ").split()[:3]
        if len(numbers) == 3 and all(number.isdigit() for number in numbers):
            return "".join(f"{min(int(number), 255):02x}" for number in numbers)
    return ""


def _near(one: str, other: str) -> bool:
    try:
        pairs = [(int(one[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (0, 2, 4)]
    except ValueError:
        return False
    return all(abs(a - b) <= 12 for a, b in pairs)


def _spaced(words: str) -> str:
    inner = " ".join(words.split())
    return (" " if words[:1].isspace() else "") + inner + (" " if words[-1:].isspace() and inner else "")


def _tidy(text: str) -> str:
    lines = (line.strip() for line in text.split("\n"))
    out: list[str] = []
    for line in lines:
        if line or (out and out[-1]):
            out.append(line)
    return "\n".join(out).strip() + "\n"


def _declared(data: bytes) -> str:
    head = data[:2048].lower()
    at = head.find(b"charset=")
    if at < 0:
        return ""
    label = head[at + 8 : at + 40].strip(b"\"' ").split(b'"')[0].split(b"'")[0].split(b">")[0].split(b";")[0].decode("ascii", "ignore")
    try:
        return "" if label in {"utf-8", "utf8", "utf-7"} else data.decode(label, "replace")
    except LookupError:
        return ""


def _published(root: Any) -> str:  # noqa: ANN401 - lxml has no stubs
    for meta in root.iter("meta"):
        if (meta.get("property") or meta.get("name") or "").lower() in {"article:published_time", "date", "dc.date", "pubdate"}:
            return (meta.get("content") or "")[:10]
    return ""
