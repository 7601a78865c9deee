"""A string that a program builds, taken apart: literal text and the expressions put in between, whatever the way of building."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator, Sequence

import libcst as cst

from bartizan.workbench.code.fix.source import Source

Part = str | cst.BaseExpression
"""Literal text as it is at run time, or an expression whose ``str`` goes there."""


def parts_of(source: Source, node: cst.BaseExpression) -> tuple[Part, ...] | None:
    """Take an f-string, ``%``, ``.format``, ``+`` or plain literal apart; None for anything else or a format that changes the value."""
    found = _parts(source, node)
    return None if found is None else tuple(_joined(found))


def is_built(parts: Sequence[Part]) -> bool:
    """Say whether text and expressions are mixed."""
    return any(isinstance(part, str) for part in parts) and any(not isinstance(part, str) for part in parts)


def literal(node: cst.CSTNode) -> str | None:
    """Return the value of a string literal without expressions; None for anything else."""
    if not isinstance(node, (cst.SimpleString, cst.ConcatenatedString)):
        return None
    value = node.evaluated_value
    return value if isinstance(value, str) else None


def quoted(text: str, *, like: str = "") -> str:
    """Write a string literal, with the quotes and, where it has several lines, the triple quotes of ``like``."""
    if "\n" in text and '"""' in like and "\\" not in text and '"""' not in text and not text.endswith('"'):
        return f'"""{text}"""'
    if "\n" in text and "'''" in like and "\\" not in text and "'''" not in text and not text.endswith("'"):
        return f"'''{text}'''"
    written = repr(text)
    if like.lstrip("rbfuRBFU").startswith("'") or '"' in text or written.startswith('"'):
        return written
    return '"' + written[1:-1].replace("\\'", "'") + '"'


def fstring(source: Source, parts: Sequence[Part], *, like: str = "") -> str:
    """Write an f-string of parts; a single expression is given back as ``str(...)``, pure text as a literal."""
    if len(parts) == 1 and not isinstance(parts[0], str):
        return f"str({source.code(parts[0])})"
    if all(isinstance(part, str) for part in parts):
        return quoted("".join(part for part in parts if isinstance(part, str)), like=like)
    codes = [part if isinstance(part, str) else source.code(part) for part in parts]
    expressions = [code for code, part in zip(codes, parts, strict=True) if not isinstance(part, str)]
    if any(mark in code for code in expressions for mark in "\\\n{}") or any("'" in code and '"' in code for code in expressions):
        return " + ".join(quoted(part, like=like) if isinstance(part, str) else f"str({source.code(part)})" for part in parts)
    quote = "'" if any('"' in code for code in expressions) else '"'
    body = "".join(_escaped(code, quote) if isinstance(part, str) else "{" + code + "}" for code, part in zip(codes, parts, strict=True))
    return f"f{quote}{body}{quote}"


def _escaped(text: str, quote: str) -> str:
    plain = repr(text)[1:-1].replace("\\'", "'") if "'" in text and '"' in text else repr(text)[1:-1]
    return plain.replace(quote, "\\" + quote).replace("{", "{{").replace("}", "}}")


def _joined(parts: list[Part]) -> Iterator[Part]:
    text = ""
    for part in parts:
        if isinstance(part, str):
            text += part
            continue
        if text:
            yield text
        text = ""
        yield part
    if text:
        yield text


def _parts(source: Source, node: cst.BaseExpression) -> list[Part] | None:  # noqa: PLR0911 - one line a kind
    match node:
        case cst.SimpleString():
            text = literal(node)
            return None if text is None else [text]
        case cst.FormattedString():
            return _of_fstring(node)
        case cst.ConcatenatedString(left=left, right=right):
            return _both(source, left, right)
        case cst.BinaryOperation(left=left, operator=cst.Add(), right=right):
            return _added(source, left, right)
        case cst.BinaryOperation(left=left, operator=cst.Modulo(), right=right):
            template = literal(left)
            return None if template is None else _of_percent(template, right)
        case cst.Call(func=cst.Attribute(value=template_node, attr=cst.Name(value="format")), args=args):
            template = literal(template_node)
            return None if template is None else _of_format(template, args)
        case cst.Call(func=cst.Name(value="str"), args=[cst.Arg(value=inner, keyword=None, star="")]):
            return [inner]
        case _:
            return None


def _both(source: Source, left: cst.BaseExpression, right: cst.BaseExpression) -> list[Part] | None:
    one, two = _parts(source, left), _parts(source, right)
    return None if one is None or two is None else one + two


def _added(source: Source, left: cst.BaseExpression, right: cst.BaseExpression) -> list[Part] | None:
    one, two = _parts(source, left), _parts(source, right)
    if one is None and two is None:
        return None
    found: list[Part] = [*(one if one is not None else [left]), *(two if two is not None else [right])]
    return found


def _of_fstring(node: cst.FormattedString) -> list[Part] | None:
    found: list[Part] = []
    raw = "r" in node.prefix.lower()
    for part in node.parts:
        if isinstance(part, cst.FormattedStringText):
            text = part.value.replace("{{", "{").replace("}}", "}")
            decoded = text if raw else _unescaped(text, node.quote)
            if decoded is None:
                return None
            found.append(decoded)
        elif isinstance(part, cst.FormattedStringExpression):
            if part.format_spec or part.equal is not None or part.conversion not in {None, "s"}:
                return None
            found.append(part.expression)
    return found


def _unescaped(text: str, quote: str) -> str | None:
    try:
        value = ast.literal_eval(f"{quote}{text}{quote}")
    except (SyntaxError, ValueError):
        return None
    return value if isinstance(value, str) else None


def _of_percent(template: str, right: cst.BaseExpression) -> list[Part] | None:
    values: list[cst.BaseExpression]
    if isinstance(right, cst.Tuple):
        if any(isinstance(each, cst.StarredElement) for each in right.elements):
            return None
        values = [each.value for each in right.elements]
    elif isinstance(right, cst.Dict):
        return _of_mapping(template, right)
    else:
        values = [right]
    found: list[Part] = []
    rest = template
    while rest:
        front, mark, rest = rest.partition("%")
        found.append(front)
        if not mark:
            break
        kind, rest = rest[:1], rest[1:]
        if kind == "%":
            found.append("%")
        elif kind in {"s", "d", "i"} and values:
            found.append(values.pop(0))
        else:
            return None
    return None if values else found


def _of_mapping(template: str, right: cst.Dict) -> list[Part] | None:
    named: dict[str, cst.BaseExpression] = {}
    for each in right.elements:
        key = literal(each.key) if isinstance(each, cst.DictElement) else None
        if key is None or not isinstance(each, cst.DictElement):
            return None
        named[key] = each.value
    found: list[Part] = []
    rest = template
    while rest:
        front, mark, rest = rest.partition("%")
        found.append(front)
        if not mark:
            break
        if rest.startswith("%"):
            found.append("%")
            rest = rest[1:]
            continue
        name, closed, after = rest[1:].partition(")")
        if not rest.startswith("(") or not closed or after[:1] not in {"s", "d"} or name not in named:
            return None
        found.append(named[name])
        rest = after[1:]
    return found


def _of_format(template: str, args: Sequence[cst.Arg]) -> list[Part] | None:
    if any(arg.star for arg in args):
        return None
    positional = [arg.value for arg in args if arg.keyword is None]
    named = {arg.keyword.value: arg.value for arg in args if arg.keyword is not None}
    found: list[Part] = []
    at = 0
    try:
        fields = list(string.Formatter().parse(template))
    except ValueError:
        return None
    for text, field, spec, conversion in fields:
        found.append(text)
        if field is None:
            continue
        if spec or conversion not in {None, "s"}:
            return None
        key = field or str(at)
        at += not field
        value = positional[int(key)] if key.isdigit() and int(key) < len(positional) else named.get(key)
        if value is None:
            return None
        found.append(value)
    return found
