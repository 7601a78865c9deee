"""Word documents: paragraphs, tables and notes in reading order; vanished, tiny and ground-coloured runs are taken out and flagged."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from bartizan.workbench.intel.caps import Caps, DocumentError
from bartizan.workbench.intel.document import Document
from bartizan.workbench.intel.parse.archive import Budget, one
from bartizan.workbench.intel.parse.build import Builder
from bartizan.workbench.intel.parse.xml import local, tree

_W: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_PALE: Final = 235
_TINY_HALF_POINTS: Final = 4


class _Page(msgspec.Struct):
    words: list[str]
    hidden: dict[str, list[str]]


def read(data: bytes, name: str, caps: Caps) -> Document:
    """Return the document; raises DocumentError."""
    budget = Budget(caps, len(data))
    body = one(data, "word/document.xml", name, budget)
    if body is None:
        raise DocumentError(f"{name}: there is no text in this Word file", code="malformed_docx")
    made = Builder(name, "application/vnd.openxmlformats-officedocument.wordprocessingml.document", data, caps)
    styles = _styles(one(data, "word/styles.xml", name, budget), name)
    pages = _pages(tree(body, name), styles)
    for part in ("word/footnotes.xml", "word/endnotes.xml"):
        notes = one(data, part, name, budget)
        if notes is not None:
            pages += [page for page in _pages(tree(notes, name), styles) if "".join(page.words).strip()]
    for page in pages:
        made.page("".join(page.words).strip("\n") + "\n\n")
        for why, words in page.hidden.items():
            made.flag("hidden_text", page=made.pages, detail=why, text="".join(words))
    if one(data, "word/vbaProject.bin", name, budget) is not None:
        made.flag("active_content", detail="the file carries macros; they were not run")
    _describe(made, one(data, "docProps/core.xml", name, budget), name)
    return made.document()


def _describe(made: Builder, core: bytes | None, name: str) -> None:
    if core is None:
        return
    for node in tree(core, name).iter():
        if local(node) == "title":
            made.title = node.text or ""
        elif local(node) == "created":
            made.published = (node.text or "")[:10]


def _pages(root: Any, styles: dict[str, str]) -> list[_Page]:  # noqa: ANN401 - lxml has no stubs
    pages = [_Page([], {})]
    for node in root.iter(f"{_W}p"):
        style = node.find(f"{_W}pPr/{_W}pStyle")
        whole = styles.get(style.get(f"{_W}val", ""), "") if style is not None else ""
        for run in node.iter(f"{_W}r"):
            _run(run, pages, styles, whole)
        pages[-1].words.append("\t" if _in_cell(node) else "\n")
        if _in_cell(node) and _ends_row(node):
            pages[-1].words.append("\n")
    return pages


def _run(run: Any, pages: list[_Page], styles: dict[str, str], whole: str) -> None:  # noqa: ANN401 - lxml has no stubs
    why = whole or _hidden(run.find(f"{_W}rPr"), styles)
    for node in run:
        match local(node):
            case "t":
                words = node.text or ""
            case "tab":
                words = "\t"
            case "br" | "cr":
                if node.get(f"{_W}type") == "page":
                    pages.append(_Page([], {}))
                    continue
                words = "\n"
            case "lastRenderedPageBreak":
                if "".join(pages[-1].words).strip():
                    pages.append(_Page([], {}))
                continue
            case _:
                continue
        (pages[-1].hidden.setdefault(why, []) if why else pages[-1].words).append(words)


def _hidden(properties: Any, styles: dict[str, str]) -> str:  # noqa: ANN401 - one return a way
    if properties is None:
        return ""
    style = properties.find(f"{_W}rStyle")
    if style is not None and (why := styles.get(style.get(f"{_W}val", ""), "")):
        return why
    for mark in ("vanish", "webHidden", "specVanish"):
        found = properties.find(f"{_W}{mark}")
        if found is not None and found.get(f"{_W}val", "true") not in {"0", "false", "off"}:
            return "vanished text"
    size = properties.find(f"{_W}sz")
    if size is not None and _int(size.get(f"{_W}val", "")) <= _TINY_HALF_POINTS:
        return "text too small to see"
    colour, shade = properties.find(f"{_W}color"), properties.find(f"{_W}shd")
    highlight = properties.find(f"{_W}highlight")
    if colour is not None and _is_pale(colour.get(f"{_W}val", "")):
        fill = shade.get(f"{_W}fill", "auto") if shade is not None else "auto"
        if highlight is None and (fill == "auto" or _is_pale(fill)):
            return "text in the colour of the page"
    return ""


def _styles(data: bytes | None, name: str) -> dict[str, str]:
    """Return the styles that hide what they are applied to, with the reason."""
    if data is None:
        return {}
    found = {}
    for style in tree(data, name).iter(f"{_W}style"):
        if why := _hidden(style.find(f"{_W}rPr"), {}):
            found[style.get(f"{_W}styleId", "")] = why
    return found


def _in_cell(node: Any) -> bool:  # noqa: ANN401 - lxml has no stubs
    return local(node.getparent()) == "tc" if node.getparent() is not None else False


def _ends_row(node: Any) -> bool:  # noqa: ANN401 - lxml has no stubs
    return node.getnext() is None and node.getparent().getnext() is None


def _is_pale(colour: str) -> bool:
    try:
        return len(colour) == 6 and min(int(colour[at : at + 2], 16) for at in (0, 2, 4)) >= _PALE
    except ValueError:
        return False


def _int(text: str) -> int:
    return int(text) if text.isdigit() else 1_000
