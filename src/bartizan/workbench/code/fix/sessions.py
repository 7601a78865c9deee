"""CWE-347, CWE-614, CWE-1004: tokens are verified, and cookies stay where they belong."""

from __future__ import annotations

from typing import Final

import libcst as cst

from bartizan.workbench.code.fix.calls import add_keywords, argument, drop, has_star, is_name, keyword, last_name, replace
from bartizan.workbench.code.fix.codemod import Codemod, Declined, Edit, Patch, Site
from bartizan.workbench.code.fix.parts import literal
from bartizan.workbench.code.fix.source import Source

_JWT: Final = frozenset(("jwt.decode", "jose.jwt.decode", "jwt.api_jwt.decode"))
_CHECKS: Final = frozenset(("verify_signature", "verify_exp", "verify_aud", "verify_iss", "verify_nbf"))


def _token(source: Source, site: Site) -> Patch | Declined | None:
    for call in source.calls(site.line, site.end_line):
        if source.name(call.func) in _JWT:
            return _verified(source, call)
    return None


def _verified(source: Source, call: cst.Call) -> Patch | Declined:
    if has_star(call):
        return Declined(reason="the arguments can't be seen")
    edits: list[Edit] = []
    verify = keyword(call, "verify")
    if verify is not None and is_name(verify.value, "False"):
        edits.append(drop(source, call, verify))
    edits += _options(source, call)
    algorithms = keyword(call, "algorithms") or keyword(call, "algorithm")
    edits += [] if algorithms is None else _without_none(source, algorithms)
    added = []
    if argument(call, 1, "key") is None:
        key = _key(source)
        if key is None:
            return Declined(reason="the key that signs the tokens can't be seen in the file")
        added.append(("key", key))
    if algorithms is None:
        added.append(("algorithms", f'["{_algorithm(source)}"]'))
    if added:
        edits.append(_added(source, call, added, dropped=verify))
    return Patch(edits=tuple(edits), note="the token's signature is verified, with known algorithms only")


def _added(source: Source, call: cst.Call, added: list[tuple[str, str]], *, dropped: cst.Arg | None) -> Edit:
    if dropped is not None and call.args[-1] is dropped and len(call.args) > 1:
        end = source.span(call.args[-1].value)[1]
        return Edit(end, end, ", " + ", ".join(f"{name}={value}" for name, value in added))
    return add_keywords(source, call, added)


def _options(source: Source, call: cst.Call) -> list[Edit]:
    options = keyword(call, "options")
    if options is None or not isinstance(options.value, cst.Dict):
        return []
    return [
        replace(source, each.value, "True")
        for each in options.value.elements
        if isinstance(each, cst.DictElement) and literal(each.key) in _CHECKS and is_name(each.value, "False")
    ]


def _without_none(source: Source, arg: cst.Arg) -> list[Edit]:
    values = [each.value for each in arg.value.elements] if isinstance(arg.value, (cst.List, cst.Tuple)) else [arg.value]
    kept = [source.code(value) for value in values if (literal(value) or "x").lower() != "none"]
    if len(kept) == len(values):
        return []
    return [replace(source, arg.value, f"[{', '.join(kept) or chr(34) + _algorithm(source) + chr(34)}]")]


def _encodes(source: Source) -> list[cst.Call]:
    return [node for node in source.nodes if isinstance(node, cst.Call) and source.name(node.func) in {"jwt.encode", "jose.jwt.encode"}]


def _key(source: Source) -> str | None:
    """Return the key with which the file signs, or its one constant that is named like a key."""
    for call in _encodes(source):
        arg = argument(call, 1, "key")
        if arg is not None and isinstance(arg.value, (cst.Name, cst.Attribute, cst.Subscript, cst.SimpleString)):
            return source.code(arg.value)
    names = {
        target.target.value
        for node in source.module.body
        if isinstance(node, cst.SimpleStatementLine)
        for assign in node.body
        if isinstance(assign, cst.Assign)
        for target in assign.targets
        if isinstance(target.target, cst.Name)
        and target.target.value.isupper()
        and ("KEY" in target.target.value or "SECRET" in target.target.value)
    }
    if len(names) == 1:
        return names.pop()
    return 'app.config["SECRET_KEY"]' if b"SECRET_KEY" in source.data and b"app.config[" in source.data else None


def _algorithm(source: Source) -> str:
    for call in _encodes(source):
        arg = argument(call, 2, "algorithm")
        found = None if arg is None else literal(arg.value)
        if found and found.lower() != "none":
            return found
    return "HS256"


_FLAGS: Final = (("secure", "True"), ("httponly", "True"), ("samesite", '"Lax"'))
_SETTINGS: Final = frozenset(
    ("SESSION_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY", "CSRF_COOKIE_SECURE", "REMEMBER_COOKIE_SECURE", "REMEMBER_COOKIE_HTTPONLY")
)


def _cookie(source: Source, site: Site) -> Patch | Declined | None:
    for call in source.calls(site.line, site.end_line):
        if last_name(call) in {"set_cookie", "set_signed_cookie"}:
            if has_star(call):
                return Declined(reason="the cookie's options can't be seen")
            return _flagged(source, call)
        loose = [arg for arg in call.args if arg.keyword is not None and arg.keyword.value in _SETTINGS and is_name(arg.value, "False")]
        if loose:
            return Patch(edits=tuple(replace(source, arg.value, "True") for arg in loose), note=_COOKIE_NOTE)
    for node in source.on_lines(cst.Assign, site.line, site.end_line):
        if isinstance(node, cst.Assign) and is_name(node.value, "False") and any(name in source.code(node) for name in _SETTINGS):
            return Patch(edits=(replace(source, node.value, "True"),), note=_COOKIE_NOTE)
    return _morsel(source, site)


_COOKIE_NOTE: Final = "the cookie is sent over TLS only and is hidden from scripts"


def _flagged(source: Source, call: cst.Call) -> Patch | Declined:
    edits, missing = [], []
    for name, value in _FLAGS:
        given = keyword(call, name)
        if given is None:
            missing.append((name, value))
        elif is_name(given.value, "False") or (name == "samesite" and is_name(given.value, "None")):
            edits.append(replace(source, given.value, value))
    if missing:
        edits.append(add_keywords(source, call, missing))
    return Patch(edits=tuple(edits), note=_COOKIE_NOTE) if edits else Declined(reason="the cookie has every flag")


def _morsel(source: Source, site: Site) -> Patch | None:
    """``cookie["x"]["secure"] = False`` of http.cookies."""
    for node in source.on_lines(cst.Assign, site.line, site.end_line):
        if isinstance(node, cst.Assign) and (is_name(node.value, "False") or literal(node.value) == ""):
            code = source.code(node.targets[0].target)
            if code.endswith(('["secure"]', "['secure']", '["httponly"]', "['httponly']")):
                return Patch(edits=(replace(source, node.value, "True"),), note=_COOKIE_NOTE)
    return None


SESSIONS = (
    Codemod(id="verify-token", cwes=(347, 345, 287, 290), doc="A JWT's signature is verified, with known algorithms only.", rewrite=_token),
    Codemod(
        id="cookie-flags",
        cwes=(614, 1004, 1275, 315, 732, 1275),
        doc="Cookies are sent over TLS only and are hidden from scripts.",
        rewrite=_cookie,
    ),
)
