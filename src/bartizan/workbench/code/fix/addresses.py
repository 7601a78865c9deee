"""CWE-601 and CWE-918: an address that comes from outside is checked before anybody is sent there, or anything fetched."""

from __future__ import annotations

from typing import Final

import libcst as cst

from bartizan.workbench.code.fix.calls import argument, has_star, last_name, replace
from bartizan.workbench.code.fix.codemod import Codemod, Declined, Edit, Patch, Site
from bartizan.workbench.code.fix.guards import before, frameworks, is_pure, refusal
from bartizan.workbench.code.fix.parts import literal, parts_of
from bartizan.workbench.code.fix.source import Source

_REDIRECTS: Final = frozenset(("redirect", "HttpResponseRedirect", "HttpResponsePermanentRedirect", "RedirectResponse", "HTTPFound"))
_FETCHES: Final = {
    **{
        f"{module}.{name}": 0
        for module in ("requests", "httpx")
        for name in ("get", "post", "put", "patch", "delete", "head", "options", "stream")
    },
    "requests.request": 1,
    "httpx.request": 1,
    "urllib.request.urlopen": 0,
    "urllib.request.Request": 0,
    "urllib.request.urlretrieve": 0,
    "urllib2.urlopen": 0,
    "urllib.urlopen": 0,
}
_CLIENTS: Final = frozenset(("get", "post", "put", "patch", "delete", "head", "request", "urlopen"))


def _named(source: Source, node: cst.BaseExpression, name: str) -> tuple[str, list[Edit], list[str]]:
    if isinstance(node, cst.Name):
        return node.value, [], []
    return name, [replace(source, node, name)], [f"{name} = {source.code(node)}"]


def _redirect(source: Source, site: Site) -> Patch | Declined | None:
    for call in source.calls(site.line, site.end_line):
        if last_name(call) not in _REDIRECTS or has_star(call):
            continue
        first = argument(call, 0, "location" if last_name(call) == "redirect" else "url")
        if first is None or literal(first.value) is not None:
            continue
        if isinstance(first.value, cst.Call) and last_name(first.value) in {"url_for", "reverse"}:
            continue
        return _local(source, first.value)
    for node in source.on_lines(cst.Assign, site.line, site.end_line):
        if isinstance(node, cst.Assign) and source.code(node.targets[0].target).endswith(("['Location']", '["Location"]')):
            return _local(source, node.value)
    return None


def _local(source: Source, value: cst.BaseExpression) -> Patch | Declined:
    """Let only paths of this site through. Browsers read a backslash as a slash, and drop tabs and line ends (WHATWG URL)."""
    name, edits, lines = _named(source, value, "location")
    if isinstance(value, cst.Name) and _is_optional(source, value):
        return Declined(reason="the address may be missing")
    no = refusal(source, "the address leads to another site")
    if "django" in frameworks(source) and any(each.value == "request" for each in source.nodes if isinstance(each, cst.Name)):
        lines += [f"if not url_has_allowed_host_and_scheme({name}, allowed_hosts={{request.get_host()}}):", f"    {no.code}"]
        imports = ("from django.utils.http import url_has_allowed_host_and_scheme", *no.imports)
    else:
        away = f'not {name}.startswith("/") or {name}.startswith("//") or "\\\\" in {name} or not {name}.isprintable()'
        lines += [f"if {away}:", f"    {no.code}"]
        imports = no.imports
    guard = before(source, value, lines)
    if isinstance(guard, Declined):
        return guard
    return Patch(edits=(guard, *edits), imports=imports, note="only addresses of this site are redirected to")


def _is_optional(source: Source, name: cst.Name) -> bool:
    return not is_pure(name) or source.name(name) == "None"


def _fetch(source: Source, site: Site) -> Patch | Declined | None:
    for call in source.calls(site.line, site.end_line):
        name = source.name(call.func)
        is_client = isinstance(call.func, cst.Attribute) and last_name(call) in _CLIENTS and name not in _FETCHES
        if (name not in _FETCHES and not is_client) or has_star(call):
            continue
        if is_client and _receiver(source, call) not in {"session", "client", "http", "s", "pool"}:
            continue
        index = 1 if last_name(call) == "request" else _FETCHES.get(name, 0)
        url = argument(call, index, "url")
        if url is None or literal(url.value) is not None:
            continue
        return _public(source, url.value)
    return None


def _receiver(source: Source, call: cst.Call) -> str:
    return source.code(call.func.value).rpartition(".")[2].lower() if isinstance(call.func, cst.Attribute) else ""


def _public(source: Source, value: cst.BaseExpression) -> Patch | Declined:
    """Let only public hosts through. A name that changes its address between check and request gets past it, so a proxy is better still."""
    parts = parts_of(source, _value(source, value))
    if parts and isinstance(parts[0], str) and parts[0].partition("://")[2].rstrip("/").count(".") and "/" in parts[0].partition("://")[2]:
        return Declined(reason="the host is a constant")
    name, edits, lines = _named(source, value, "url")
    if name == "url" and edits and any(isinstance(each, cst.Name) and each.value == "url" for each in source.nodes):
        name, edits, lines = _named(source, value, "fetched_url")
    no = refusal(source, "the address is not public")
    lines += [
        f"host = urlparse({name}).hostname",
        f'if urlparse({name}).scheme not in {{"http", "https"}} or not host:',
        f"    {no.code}",
        "if not all(ipaddress.ip_address(info[4][0]).is_global for info in socket.getaddrinfo(host, None)):",
        f"    {no.code}",
    ]
    if any(isinstance(each, cst.Name) and each.value == "host" for each in source.nodes):
        lines = [
            line.replace("host =", "fetched_host =").replace("not host", "not fetched_host").replace("(host,", "(fetched_host,")
            for line in lines
        ]
    guard = before(source, value, lines)
    if isinstance(guard, Declined):
        return guard
    return Patch(
        edits=(guard, *edits),
        imports=("import ipaddress", "import socket", "from urllib.parse import urlparse", *no.imports),
        note="only public hosts are asked; where the hosts are known, a list of them is better still",
    )


def _value(source: Source, node: cst.BaseExpression) -> cst.BaseExpression:
    if isinstance(node, cst.Name):
        assign = source.assigned(node)
        if assign is not None and assign.value is not None:
            return assign.value
    return node


ADDRESSES = (
    Codemod(id="local-redirect", cwes=(601,), doc="Only addresses of this site are redirected to.", rewrite=_redirect),
    Codemod(id="public-host", cwes=(918, 939), doc="Only public hosts are asked on behalf of somebody else.", rewrite=_fetch),
)
