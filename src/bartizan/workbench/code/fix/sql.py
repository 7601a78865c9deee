"""CWE-89: an SQL statement built from data becomes a statement with bound parameters, in the style of the file's driver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import libcst as cst
import msgspec

from bartizan.workbench.code.fix.calls import argument, has_star, last_name, methods_of, replace
from bartizan.workbench.code.fix.codemod import Codemod, Declined, Edit, Patch, Site
from bartizan.workbench.code.fix.parts import Part, fstring, parts_of, quoted
from bartizan.workbench.code.fix.source import Source

Style = Literal["qmark", "format", "numeric", "named"]

DRIVERS: Final[dict[str, Style]] = {
    "sqlite3": "qmark",
    "aiosqlite": "qmark",
    "pysqlite3": "qmark",
    "duckdb": "qmark",
    "pyodbc": "qmark",
    "psycopg": "format",
    "psycopg2": "format",
    "MySQLdb": "format",
    "pymysql": "format",
    "aiomysql": "format",
    "mysql": "format",
    "pg8000": "format",
    "django": "format",
    "asyncpg": "numeric",
    "sqlalchemy": "named",
    "flask_sqlalchemy": "named",
}
"""How each driver writes a bound parameter (PEP 249 ``paramstyle``; asyncpg has ``$1``; SQLAlchemy's ``text`` has ``:name``)."""

_METHODS = frozenset(("execute", "executescript", "raw", "fetch", "fetchrow", "fetchval", "read_sql", "read_sql_query", "exec_driver_sql"))
_BEFORE_VALUE = frozenset("=<>(,+-|")
_WORDS_BEFORE_VALUE = frozenset(
    ("like", "ilike", "values", "and", "or", "not", "between", "limit", "offset", "when", "then", "else", "regexp", "glob")
)


class _Statement(msgspec.Struct, frozen=True):
    """Where a statement is built, and of what."""

    parts: tuple[Part, ...]
    node: cst.BaseExpression


def _rewrite(source: Source, site: Site) -> Patch | Declined | None:
    said: Declined | None = None
    for call in methods_of(source, site, _METHODS):
        first = argument(call, 0, "sql" if last_name(call).startswith("read_") else "statement")
        if first is None or has_star(call):
            continue
        query, text_call = _inside_text(source, first.value)
        statement = _statement(source, query)
        if statement is None:
            said = said or Declined(reason="how the statement is built can't be seen from the call")
            continue
        if isinstance(statement, Declined):
            said = statement
            continue
        made = _bound(source, site, call, statement, text_call=text_call)
        if not isinstance(made, Declined):
            return made
        said = made
    return said


def _inside_text(source: Source, node: cst.BaseExpression) -> tuple[cst.BaseExpression, bool]:
    """Look inside of ``text(...)`` of SQLAlchemy, also where it has a name of its own."""
    if isinstance(node, cst.Name):
        assign = source.assigned(node)
        if assign is not None and isinstance(assign.value, cst.Call) and len(source.uses(node)) == 1:
            inner, is_text = _inside_text(source, assign.value)
            if is_text:
                return inner, True
    if isinstance(node, cst.Call) and source.name(node.func).startswith("sqlalchemy.") and last_name(node) == "text" and node.args:
        return node.args[0].value, True
    return node, False


def _statement(source: Source, node: cst.BaseExpression) -> _Statement | Declined | None:
    if isinstance(node, cst.Name):
        assign = source.assigned(node)
        if assign is None or assign.value is None:
            return None
        others = [use for use in source.uses(node) if use is not node and not _is_shown(source, use)]
        if others:
            return Declined(reason=f"{node.value} is used elsewhere too")
        node = assign.value
    parts = parts_of(source, node)
    if parts is None or not any(isinstance(part, str) for part in parts):
        return None
    if all(isinstance(part, str) for part in parts):
        return None
    return _Statement(parts, node)


def _is_shown(source: Source, use: cst.Name) -> bool:
    """Say whether a use is an argument of print or of a logger, to which a placeholder does no harm."""
    call = next((each for each in source.above(use) if isinstance(each, cst.Call)), None)
    return call is not None and last_name(call) in {"print", "debug", "info"}


def _style(source: Source, site: Site, *, text_call: bool) -> Style | Declined:
    if text_call:
        return "named"
    roots = {path.lstrip(".").partition(".")[0] for path in source.imports.values()}
    own = {DRIVERS[root] for root in roots & set(DRIVERS)}
    if "named" in own and len(own) > 1:
        own.discard("named")
    found = own or {DRIVERS[each] for each in site.drivers if each in DRIVERS}
    if len(found) != 1:
        return Declined(reason="which database driver runs the statement can't be seen, so its placeholder is unknown")
    return found.pop()


def _bound(source: Source, site: Site, call: cst.Call, statement: _Statement, *, text_call: bool) -> Patch | Declined:
    method = last_name(call)
    style = _style(source, site, text_call=text_call)
    if isinstance(style, Declined):
        return style
    if method == "executescript":
        return Declined(reason="executescript takes no parameters")
    if len(call.args) > 1:
        return Declined(reason="the call has parameters already")
    made = _placed(source, statement.parts, style)
    if isinstance(made, Declined):
        return made
    text, values = made
    like = source.code(statement.node).lstrip("fFrR(")
    written = quoted(text, like=like)
    edits = [replace(source, statement.node, written), *_given(source, call, values, style)]
    imports: tuple[str, ...] = ()
    if style == "named" and not text_call:
        edits[0] = replace(source, statement.node, f"text({written})")
        imports = ("from sqlalchemy import text",)
    return Patch(edits=tuple(edits), imports=imports, note="the data is bound as parameters and can't change the statement")


def _given(source: Source, call: cst.Call, values: Sequence[str], style: Style) -> list[Edit]:
    end = source.span(call.args[0].value)[1]
    match style:
        case "named":
            listed = ", ".join(f'"p{index}": {value}' for index, value in enumerate(values))
            text = f"{{{listed}}}"
        case "numeric":
            text = ", ".join(values)
        case "qmark" | "format":
            text = f"[{values[0]}]" if last_name(call) == "raw" and len(values) == 1 else f"({', '.join(values)}{',' * (len(values) == 1)})"
    if last_name(call).startswith("read_"):
        text = f"params={text}"
    return [Edit(end, end, f", {text}")]


def _placed(source: Source, parts: Sequence[Part], style: Style) -> tuple[str, list[str]] | Declined:
    """Return the statement with placeholders and the values; a placeholder can stand for a value only, never for a name."""
    text = ""
    values: list[str] = []
    rest = list(parts)
    while rest:
        part = rest.pop(0)
        if isinstance(part, str):
            text += part.replace("%", "%%") if style == "format" else part
            continue
        code = source.code(part)
        quote = _open_quote(text)
        if quote == "'":
            made = _inside_quotes(source, text, part, rest, style)
            if isinstance(made, Declined):
                return made
            text, code = made
        elif quote or not _is_value(text):
            return Declined(reason=f"{code[:60]} stands for a name in the statement, not for a value; choose it from a list of known names")
        text += _mark(style, len(values))
        values.append(code)
    return text, values


def _inside_quotes(source: Source, text: str, part: cst.BaseExpression, rest: list[Part], style: Style) -> tuple[str, str] | Declined:
    """Take the whole quoted string around an expression as one value; ``rest`` loses what belongs to it."""
    at = text.rindex("'")
    front = text[at + 1 :].replace("%%", "%") if style == "format" else text[at + 1 :]
    pieces: list[Part] = [front, part] if front else [part]
    while rest:
        following = rest.pop(0)
        if not isinstance(following, str):
            pieces.append(following)
            continue
        inside, closed, after = following.partition("'")
        if inside:
            pieces.append(inside)
        if closed:
            if after.startswith("'"):
                return Declined(reason="the statement has escaped quotes around the data")
            if after:
                rest.insert(0, after)
            return text[:at], source.code(part) if len(pieces) == 1 else fstring(source, pieces)
    return Declined(reason="a quote of the statement is never closed")


def _open_quote(text: str) -> str:
    quote = ""
    for letter in text:
        if letter in "'\"`":
            quote = "" if quote == letter else quote or letter
    return quote


def _is_value(text: str) -> bool:
    bare = text.rstrip()
    if not bare:
        return False
    if bare[-1] in _BEFORE_VALUE:
        return not _is_list_of_names(bare)
    word = bare.split()[-1].strip("(").lower()
    return text != bare and word in _WORDS_BEFORE_VALUE


def _is_list_of_names(bare: str) -> bool:
    """Say whether a bracket or comma at the end stands in a list of columns: ``INSERT INTO t (`` or ``SELECT a,``."""
    if bare[-1] not in "(,":
        return False
    words = bare.lower().replace("(", " ( ").replace(",", " ").split()
    last = next((word for word in reversed(words) if word in {"select", "into", "values", "in", "where", "set", "by", "limit", "and"}), "")
    return last in {"select", "into", "by"}


def _mark(style: Style, index: int) -> str:
    match style:
        case "qmark":
            return "?"
        case "format":
            return "%s"
        case "numeric":
            return f"${index + 1}"
        case "named":
            return f":p{index}"


SQL = Codemod(
    id="bound-parameters",
    cwes=(89, 564, 943),
    doc="An SQL statement built from data becomes a statement with bound parameters, in the style of the file's driver.",
    rewrite=_rewrite,
)
