"""CWE-611: XML parsers resolve no external entities: defusedxml for the standard library, parser options for lxml."""

from __future__ import annotations

from typing import Final

import libcst as cst

from bartizan.workbench.code.fix.calls import add_keywords, argument, has_star, is_name, keyword, last_name, replace
from bartizan.workbench.code.fix.codemod import Codemod, Declined, Edit, Patch, Site
from bartizan.workbench.code.fix.source import Source

_STANDARD: Final = {
    "xml.etree.ElementTree": "defusedxml.ElementTree",
    "xml.etree.cElementTree": "defusedxml.ElementTree",
    "xml.dom.minidom": "defusedxml.minidom",
    "xml.dom.pulldom": "defusedxml.pulldom",
    "xml.sax": "defusedxml.sax",
    "xml.sax.expatreader": "defusedxml.expatreader",
    "xml.dom.expatbuilder": "defusedxml.expatbuilder",
}
_PARSING: Final = frozenset(
    ("parse", "parseString", "fromstring", "iterparse", "XML", "XMLParser", "make_parser", "fromstringlist", "create_parser")
)
_LXML: Final = frozenset(f"lxml.etree.{name}" for name in ("parse", "fromstring", "XML", "iterparse", "fromstringlist", "XMLID", "parseid"))
_PARSERS: Final = frozenset(("lxml.etree.XMLParser", "lxml.etree.ETCompatXMLParser", "lxml.etree.XMLPullParser"))
_SAFE: Final = (("resolve_entities", "False"), ("no_network", "True"))
_LOOSE: Final = {"load_dtd": "False", "dtd_validation": "False", "attribute_defaults": "False", "huge_tree": "False"}


def _rewrite(source: Source, site: Site) -> Patch | Declined | None:
    for call in source.calls(site.line, site.end_line):
        name = source.name(call.func)
        module, _, last = name.rpartition(".")
        if module in _STANDARD and last in _PARSING:
            return _defused(source, call, _STANDARD[module], last)
        if name in _PARSERS:
            return _strict(source, call)
        if name in _LXML:
            return _with_parser(source, call)
        if last_name(call) == "setFeature":
            return _feature(source, call)
    return None


def _defused(source: Source, call: cst.Call, module: str, last: str) -> Patch | Declined:
    if last == "XMLParser" and module == "defusedxml.ElementTree":
        return _patch(replace(source, call.func, f"{module}.XMLParser"), module)
    parser = argument(call, 1, "parser")
    if parser is not None and last in {"parse", "fromstring", "parseString", "XML"} and module == "defusedxml.ElementTree":
        return Declined(reason="the call has a parser of its own; mend that one")
    if last == "XML":
        last = "fromstring"
    return _patch(replace(source, call.func, f"{module}.{last}"), module)


def _patch(edit: Edit, module: str) -> Patch:
    return Patch(
        edits=(edit,),
        imports=(f"import {module}",),
        note="defusedxml refuses entity declarations; the project has to depend on it",
    )


def _strict(source: Source, call: cst.Call) -> Patch | Declined:
    if has_star(call):
        return Declined(reason="the options of the parser can't be seen")
    edits, missing = [], []
    for name, value in _SAFE:
        given = keyword(call, name)
        if given is None:
            missing.append((name, value))
        elif not is_name(given.value, value):
            edits.append(replace(source, given.value, value))
    for name, value in _LOOSE.items():
        given = keyword(call, name)
        if given is not None and is_name(given.value, "True"):
            edits.append(replace(source, given.value, value))
    if missing:
        edits.append(add_keywords(source, call, missing))
    return Patch(edits=tuple(edits), note="no entity is resolved and nothing is fetched")


def _with_parser(source: Source, call: cst.Call) -> Patch | Declined:
    if last_name(call) == "iterparse":
        return _strict(source, call)
    parser = argument(call, 1, "parser")
    if parser is None:
        etree = source.code(call.func.value) if isinstance(call.func, cst.Attribute) else "lxml.etree"
        imports = () if isinstance(call.func, cst.Attribute) else ("import lxml.etree",)
        options = ", ".join(f"{name}={value}" for name, value in _SAFE)
        return Patch(
            edits=(add_keywords(source, call, [("parser", f"{etree}.XMLParser({options})")]),),
            imports=imports,
            note="no entity is resolved and nothing is fetched",
        )
    made: cst.BaseExpression | None = parser.value
    if isinstance(made, cst.Name):
        assign = source.assigned(made)
        made = None if assign is None else assign.value
    if isinstance(made, cst.Call) and source.name(made.func) in _PARSERS:
        return _strict(source, made)
    return Declined(reason="where the parser is made can't be seen")


def _feature(source: Source, call: cst.Call) -> Patch | None:
    if len(call.args) == 2 and (is_name(call.args[1].value, "True") or source.code(call.args[1].value) == "1"):
        feature = source.code(call.args[0].value)
        if "external" in feature:
            return Patch(edits=(replace(source, call.args[1].value, "False"),), note="no external entity is resolved")
    return None


XML = Codemod(
    id="no-external-entities",
    cwes=(611, 776, 827, 20),
    doc="XML parsers resolve no external entities: defusedxml for the standard library, parser options for lxml.",
    rewrite=_rewrite,
)


__all__ = ["XML"]
