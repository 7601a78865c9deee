"""Data put into a language of its own is escaped or bound there: HTML, templates, logs, LDAP filters, XPath."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import libcst as cst

from bartizan.workbench.code.fix.calls import add_keywords, has_star, last_name, positional, replace
from bartizan.workbench.code.fix.codemod import Codemod, Declined, Edit, Patch, Site
from bartizan.workbench.code.fix.guards import frameworks, is_handler
from bartizan.workbench.code.fix.parts import Part, is_built, literal, parts_of, quoted
from bartizan.workbench.code.fix.source import Source

_HARMLESS: Final = frozenset(
    ("escape", "int", "float", "len", "bool", "escape_filter_chars", "escape_dn_chars", "quote", "url_for", "jsonify", "html_escape")
)
_RESPONSES: Final = frozenset(
    (
        "make_response",
        "Response",
        "HttpResponse",
        "HTMLResponse",
        "Markup",
        "mark_safe",
        "SafeString",
        "write",
        "HttpResponseBadRequest",
        "HttpResponseNotFound",
    )
)


_NO_HTML: Final = frozenset(
    ("redirect", "send_file", "send_from_directory", "Response", "make_response", "get_template", "abort", "dict", "format_html")
)
"""Calls whose answer is no text to escape."""


def _expressions(parts: Sequence[Part]) -> list[cst.BaseExpression]:
    """Return the expressions in a string that are not made harmless already."""
    return [part for part in parts if not isinstance(part, str) and not (isinstance(part, cst.Call) and last_name(part) in _HARMLESS)]


def _value(source: Source, node: cst.BaseExpression) -> cst.BaseExpression:
    if isinstance(node, cst.Name):
        assign = source.assigned(node)
        if assign is not None and assign.value is not None:
            return assign.value
    return node


def _is_markup(source: Source, node: cst.BaseExpression) -> bool:
    """Say whether an expression holds HTML that the program made itself, which must not be escaped."""
    value = _value(source, node)
    if isinstance(value, cst.Call) and last_name(value) in {"render_template", "render", "join", "render_to_string"}:
        return True
    parts = parts_of(source, value)
    return parts is not None and any(isinstance(part, str) and "<" in part for part in parts)


def _html(source: Source, site: Site) -> Patch | Declined | None:
    found = _answer(source, site)
    if found is None:
        return None
    value = _value(source, found)
    parts = parts_of(source, value)
    targets = _expressions(parts) if parts else [found]
    if not parts and isinstance(found, cst.Call) and last_name(found) in _NO_HTML:
        return None
    if any(_is_markup(source, each) for each in targets):
        return Declined(reason="what is put in may be HTML of the program's own")
    if not targets:
        return Declined(reason="everything put into the page is escaped already")
    own = "from django.utils.html import escape" if "django" in frameworks(source) else "from markupsafe import escape"
    if "escape" in source.imports and source.imports["escape"].rpartition(".")[2] == "escape":
        own = ""
    edits = [replace(source, each, _escaped(source, each)) for each in targets]
    return Patch(edits=tuple(edits), imports=(own,) if own else (), note="data is escaped where it goes into HTML")


def _escaped(source: Source, node: cst.BaseExpression) -> str:
    """Return code that escapes a value; a plain string where it is added to others, which ``Markup`` would escape in turn."""
    code = f"escape({_bare(source, node)})"
    return f"str({code})" if isinstance(source.parent(node), cst.BinaryOperation) else code


def _bare(source: Source, node: cst.BaseExpression) -> str:
    """Return code without ``Markup(...)`` and ``mark_safe(...)`` around it."""
    if isinstance(node, cst.Call) and last_name(node) in {"Markup", "mark_safe", "SafeString"} and len(node.args) == 1:
        return source.code(node.args[0].value)
    return source.code(node)


def _answer(source: Source, site: Site) -> cst.BaseExpression | None:
    """Return the expression whose text goes to the browser."""
    for call in source.calls(site.line, site.end_line):
        if last_name(call) in _RESPONSES and call.args and not has_star(call):
            if last_name(call) in {"Markup", "mark_safe", "SafeString"} and parts_of(source, _value(source, call.args[0].value)) is None:
                return call
            return call.args[0].value
    for node in source.on_lines(cst.Return, site.line, site.end_line):
        if (
            isinstance(node, cst.Return)
            and node.value is not None
            and (is_handler(source, node) or is_built(parts_of(source, node.value) or ()))
        ):
            value = node.value
            return value.elements[0].value if isinstance(value, cst.Tuple) and value.elements else value
    return None


_TEMPLATES: Final = frozenset(("render_template_string", "Template", "from_string"))
_ENVIRONMENTS: Final = frozenset(("jinja2.Environment", "jinja2.environment.Environment", "jinja2.sandbox.SandboxedEnvironment"))


def _template(source: Source, site: Site) -> Patch | Declined | None:
    for call in source.calls(site.line, site.end_line):
        if source.name(call.func) in _ENVIRONMENTS:
            return _autoescaped(source, call)
    for call in source.calls(site.line, site.end_line):
        if last_name(call) in _TEMPLATES and call.args and not has_star(call):
            return _variables(source, call)
    return None


def _autoescaped(source: Source, call: cst.Call) -> Patch | Declined:
    given = next((arg for arg in call.args if arg.keyword is not None and arg.keyword.value == "autoescape"), None)
    if has_star(call):
        return Declined(reason="the options of the environment can't be seen")
    note = "values are escaped where they go into HTML; mark with |safe what is HTML on purpose"
    edit = add_keywords(source, call, [("autoescape", "True")]) if given is None else replace(source, given.value, "True")
    return Patch(edits=(edit,), note=note)


def _variables(source: Source, call: cst.Call) -> Patch | Declined:
    """What was put into a template's source becomes a variable of the template."""
    value = _value(source, call.args[0].value)
    parts = parts_of(source, value)
    if parts is None or not is_built(parts):
        return Declined(reason="the template itself comes from elsewhere")
    if isinstance(call.args[0].value, cst.Name) and len(source.uses(call.args[0].value)) != 1:
        return Declined(reason=f"{source.code(call.args[0].value)} is used elsewhere too")
    text = ""
    given: list[tuple[str, str]] = []
    for part in parts:
        if isinstance(part, str):
            text += part
            continue
        name = _variable(part, [each for each, _ in given])
        given.append((name, source.code(part)))
        text += "{{ " + name + " }}"
    rendering = _rendering(source, call)
    if rendering is None:
        return Declined(reason="where the template is rendered can't be seen")
    known = {arg.keyword.value for arg in rendering.args if arg.keyword is not None}
    if known & {name for name, _ in given} or has_star(rendering):
        return Declined(reason="the template has variables of these names already")
    edits = (replace(source, value, quoted(text, like=source.code(value).lstrip("fFrR("))), add_keywords(source, rendering, given))
    if rendering is not call and not rendering.args:
        edits = (
            edits[0],
            Edit(source.span(rendering)[1] - 1, source.span(rendering)[1] - 1, ", ".join(f"{name}={code}" for name, code in given)),
        )
    return Patch(edits=edits, note="data reaches the template as a variable, never as its source")


def _variable(part: cst.BaseExpression, taken: list[str]) -> str:
    name = part.value if isinstance(part, cst.Name) else f"value{len(taken)}"
    return f"{name}{len(taken)}" if name in taken else name


def _rendering(source: Source, call: cst.Call) -> cst.Call | None:
    if last_name(call) == "render_template_string":
        return call
    attribute = source.parent(call)
    outer = source.parent(attribute) if attribute is not None else None
    if isinstance(attribute, cst.Attribute) and attribute.attr.value == "render" and isinstance(outer, cst.Call):
        return outer
    if isinstance(attribute, cst.Assign) and isinstance(attribute.targets[0].target, cst.Name):
        uses = source.uses(attribute.targets[0].target)
        if len(uses) == 1:
            return _rendered(source, uses[0])
    return None


def _rendered(source: Source, use: cst.Name) -> cst.Call | None:
    attribute = source.parent(use)
    outer = source.parent(attribute) if attribute is not None else None
    return outer if isinstance(attribute, cst.Attribute) and attribute.attr.value == "render" and isinstance(outer, cst.Call) else None


_LEVELS: Final = frozenset(("debug", "info", "warning", "warn", "error", "exception", "critical", "log"))


def _log(source: Source, site: Site) -> Patch | Declined | None:
    for call in source.calls(site.line, site.end_line):
        if last_name(call) not in _LEVELS or not call.args or has_star(call):
            continue
        index = 1 if last_name(call) == "log" else 0
        first = positional(call, index)
        if first is None:
            continue
        if literal(first.value) is not None:
            rest = [
                arg.value for arg in call.args[index + 1 :] if arg.keyword is None and not isinstance(arg.value, (cst.Integer, cst.Float))
            ]
            edits = [replace(source, each, _one_line(source.code(each))) for each in rest if "replace(" not in source.code(each)]
            return Patch(edits=tuple(edits), note=_LOG_NOTE) if edits else Declined(reason="nothing of the message comes from data")
        return _message(source, call, first.value)
    return None


_LOG_NOTE: Final = "line ends in the data are written as \\n and \\r, so that it can't pass for a further entry"


def _one_line(code: str) -> str:
    return f'str({code}).replace("\\r", "\\\\r").replace("\\n", "\\\\n")'


def _message(source: Source, call: cst.Call, message: cst.BaseExpression) -> Patch | Declined:
    value = _value(source, message)
    parts = parts_of(source, value) or (message,)
    if value is not message and isinstance(message, cst.Name) and len(source.uses(message)) != 1:
        parts, value = (message,), message
    if len([arg for arg in call.args if arg.keyword is None]) > 1 and is_built(parts):
        return Declined(reason="the message is built, and has arguments besides")
    text = "".join(part.replace("%", "%%") if isinstance(part, str) else "%s" for part in parts)
    values = [_one_line(source.code(part)) for part in parts if not isinstance(part, str)]
    if value is not message:
        return Patch(edits=(replace(source, message, f"{quoted(text)}, {', '.join(values)}"),), note=_LOG_NOTE)
    return Patch(edits=(replace(source, value, f"{quoted(text)}, {', '.join(values)}"),), note=_LOG_NOTE)


def _ldap(source: Source, site: Site) -> Patch | Declined | None:
    roots = frameworks(source)
    for call in source.calls(site.line, site.end_line):
        for arg in call.args:
            value = _value(source, arg.value)
            parts = parts_of(source, value) or ()
            head = parts[0] if parts and isinstance(parts[0], str) else ""
            targets = _expressions(parts)
            if not targets or not is_built(parts):
                continue
            is_filter = head.lstrip().startswith("(")
            name, statement = _ldap_escape(roots, is_filter=is_filter)
            if not name:
                return Declined(reason="which LDAP library is used can't be seen")
            edits = tuple(replace(source, each, f"{name}({source.code(each)})") for each in targets)
            return Patch(edits=edits, imports=(statement,), note="data is escaped where it goes into the filter or name")
    return None


def _ldap_escape(roots: frozenset[str], *, is_filter: bool) -> tuple[str, str]:
    if "ldap3" in roots:
        if is_filter:
            return "escape_filter_chars", "from ldap3.utils.conv import escape_filter_chars"
        return "escape_rdn", "from ldap3.utils.dn import escape_rdn"
    if "ldap" in roots:
        if is_filter:
            return "escape_filter_chars", "from ldap.filter import escape_filter_chars"
        return "escape_dn_chars", "from ldap.dn import escape_dn_chars"
    return "", ""


def _xpath(source: Source, site: Site) -> Patch | Declined | None:
    for call in source.calls(site.line, site.end_line):
        if last_name(call) not in {"xpath", "XPath"} or not call.args or has_star(call):
            continue
        if "lxml" not in frameworks(source):
            return Declined(reason="only lxml takes variables in XPath")
        value = _value(source, call.args[0].value)
        if isinstance(call.args[0].value, cst.Name) and len(source.uses(call.args[0].value)) != 1:
            return Declined(reason=f"{source.code(call.args[0].value)} is used elsewhere too")
        made = _bound(source, parts_of(source, value) or ())
        if isinstance(made, Declined):
            return made
        text, given = made
        edits = (replace(source, value, quoted(text)), add_keywords(source, call, given))
        return Patch(edits=edits, note="data is bound to variables and can't change the expression")
    return None


def _bound(source: Source, parts: Sequence[Part]) -> tuple[str, list[tuple[str, str]]] | Declined:
    """Turn ``[name='<data>']`` into ``[name=$p0]``; data in other places changes the expression itself."""
    text = ""
    given: list[tuple[str, str]] = []
    if not is_built(parts):
        return Declined(reason="how the expression is built can't be seen from the call")
    closing = ""
    for part in parts:
        if isinstance(part, str):
            if closing and not part.startswith(closing):
                return Declined(reason="the data is a piece of a longer string")
            text += part[len(closing) :]
            closing = ""
            continue
        if closing or text[-1:] not in {"'", '"'}:
            return Declined(reason="the data stands for a name or number in the expression, not for a string")
        closing, text = text[-1], f"{text[:-1]}$p{len(given)}"
        given.append((f"p{len(given)}", source.code(part)))
    return (text, given) if not closing else Declined(reason="a quote is never closed")


ESCAPING = (
    Codemod(
        id="template-variable",
        cwes=(1336, 94, 79, 96, 116),
        doc="Data reaches a template as a variable, and environments escape.",
        rewrite=_template,
    ),
    Codemod(id="escape-html", cwes=(79, 80, 116, 20), doc="Data is escaped where it goes into HTML.", rewrite=_html),
    Codemod(id="one-line-log", cwes=(117, 93, 116), doc="Data in a log entry stays on its line.", rewrite=_log),
    Codemod(id="escape-ldap", cwes=(90, 74), doc="Data is escaped where it goes into an LDAP filter or name.", rewrite=_ldap),
    Codemod(id="xpath-variable", cwes=(643, 91, 74), doc="Data is bound to variables of an XPath expression.", rewrite=_xpath),
)

__all__ = ["ESCAPING"]
