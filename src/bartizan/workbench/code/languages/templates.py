"""Templates: where a value reaches the page without escaping, for EJS, Pug, Handlebars, Mustache and the families of Jinja."""

from __future__ import annotations

from typing import Final

import msgspec
import re2

from bartizan.workbench.code.finding import Finding, Note, Step, fingerprint
from bartizan.workbench.code.repo import Tree

SUFFIXES: Final = (
    ".ejs",
    ".html",
    ".htm",
    ".hbs",
    ".handlebars",
    ".mustache",
    ".pug",
    ".jade",
    ".njk",
    ".j2",
    ".jinja",
    ".jinja2",
    ".twig",
    ".tmpl",
    ".vue",
)
_FORMS: Final = (
    re2.compile(r"<%-\s*([^%]{1,300}?)\s*-?%>"),
    re2.compile(r"\{\{\{\s*([^{}]{1,300}?)\s*\}\}\}"),
    re2.compile(r"\{\{-?\s*([^{}|]{1,200}?)\s*\|\s*(?:[a-z_]+\s*\|\s*)*(?:safe|raw)\b[^{}]{0,60}\}\}"),
    re2.compile(r"v-html=\"([^\"]{1,200})\""),
)
_PUG: Final = (re2.compile(r"!\{\s*([^{}]{1,300}?)\s*\}"), re2.compile(r"^\s*[\w.#-]*(?:\([^)]*\))?!=\s*(.{1,300}?)\s*$"))
_path: Final = re2.compile(r"[A-Za-z_$][\w$]*(?:\??\.[A-Za-z_$][\w$]*|\[[^\]]{0,40}\])*")
_fixed: Final = re2.compile(
    r"^(?:include|partial|layout|block|body|content|yield|contentFor|super|csrf|JSON\.stringify|render|locals\.body|raw_block|form|script|style|messages?\.css|url_for|static|asset"
    r"|forloop|loop|i\b|idx|index|\d|['\"`])"
)
_clean: Final = re2.compile(r"(?i)escape|sanitize|purify|tojson|json_script|encodeURI|md5|length\b|bleach|nl2br|static\(|csrf")


class Hole(msgspec.Struct, frozen=True, kw_only=True):
    """A place where a template lets a value through as it is."""

    file: str
    line: int
    column: int
    path: str
    """What is shown: ``output.searchTerm``."""
    text: str


def holes(tree: Tree, notes: list[Note]) -> tuple[Hole, ...]:
    """Return the places of all templates of a tree."""
    found: list[Hole] = []
    for file in tree.ending(*SUFFIXES):
        if file.size > 1 << 19 or "node_modules/" in file.path or "/vendor/" in file.path:
            notes.append(
                Note(code="too-large" if file.size > 1 << 19 else "outside", file=file.path, message="a template that is not read")
            )
            continue
        forms = _PUG if file.path.endswith((".pug", ".jade")) else _FORMS
        text = tree.read(file.path).decode("utf-8", "replace")
        if not any(mark in text for mark in ("<%-", "{{", "!{", "!=", "v-html")):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            found += [hole for form in forms for match in form.finditer(line[:4000]) if (hole := _hole(file.path, number, line, match))]
    return tuple(found)


def _hole(file: str, number: int, line: str, match: re2._Match[str]) -> Hole | None:
    inside = match.group(1).strip()
    if _fixed.search(inside) or _clean.search(match.group(0)) or (name := _path.search(inside)) is None:
        return None
    return Hole(file=file, line=number, column=match.start() + 1, path=name.group(0).replace("?.", "."), text=line.strip()[:200])


def named(found: tuple[Hole, ...], view: str) -> tuple[Hole, ...]:
    """Return the places in the template that a view's name means."""
    if not view:
        return ()
    ends = tuple(f"/{view.removeprefix('/')}{suffix}" for suffix in ("", *SUFFIXES))
    return tuple(hole for hole in found if f"/{hole.file}".endswith(ends))


def finding(hole: Hole, flow: tuple[Step, ...], kind: str, message: str, p: float) -> Finding:
    """Write what a place shows."""
    sink = Step(file=hole.file, line=hole.line, column=hole.column, text=hole.text, why=f"sink: {hole.path} without escaping")
    return Finding(
        id=fingerprint("template/unescaped", hole.file, "", hole.text, hole.column),
        rule="template/unescaped",
        cwe=79,
        cwes=(116,),
        file=hole.file,
        line=hole.line,
        column=hole.column,
        severity="high" if flow else "medium",
        p=p,
        message=message,
        flow=(*flow, sink),
        source_kind=kind,
        sink_kind="xss",
    )


def bare(hole: Hole) -> Finding:
    """Write a place to which no data was followed: what is stored may still arrive there."""
    return finding(hole, (), "", f"{hole.path} is shown without escaping; where it comes from was not followed", 0.4)


def scripts(text: str) -> str:
    """Return a page's scripts with everything else blank, so that lines stay where they are."""
    kept: list[str] = []
    inside = False
    for line in text.splitlines():
        low = line.lower()
        if inside and "</script" in low:
            inside = False
            kept.append(line[: low.index("</script")])
        elif inside:
            kept.append(line)
        elif "<script" in low and " src=" not in low and "</script" not in low and low.rstrip().endswith(">") and "json" not in low:
            inside = True
            kept.append("")
        else:
            kept.append("")
    return "\n".join(kept)
