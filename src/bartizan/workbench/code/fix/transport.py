"""CWE-295 and neighbours: certificates are checked, and a request does not wait for ever."""

from __future__ import annotations

from typing import Final

import libcst as cst

from bartizan.workbench.code.fix.calls import add_keywords, argument, drop, has_star, is_name, keyword, replace
from bartizan.workbench.code.fix.codemod import Codemod, Declined, Patch, Site
from bartizan.workbench.code.fix.parts import literal
from bartizan.workbench.code.fix.source import Source

_NOTE: Final = "the server's certificate is checked; name your own authority with verify= or a context where it has one"
_FLAGS: Final = {"verify": "False", "verify_ssl": "False", "ssl": "False", "validate_certs": "False", "check_hostname": "False"}
_NAMES: Final = {
    "ssl._create_unverified_context": "create_default_context",
    "ssl.CERT_NONE": "CERT_REQUIRED",
    "ssl.CERT_OPTIONAL": "CERT_REQUIRED",
    "OpenSSL.SSL.VERIFY_NONE": "VERIFY_PEER",
    "paramiko.AutoAddPolicy": "RejectPolicy",
    "paramiko.WarningPolicy": "RejectPolicy",
    "paramiko.client.AutoAddPolicy": "RejectPolicy",
    "paramiko.client.WarningPolicy": "RejectPolicy",
}


def _rewrite(source: Source, site: Site) -> Patch | Declined | None:
    for call in source.calls(site.line, site.end_line):
        edits = [drop(source, call, arg) for arg in call.args if arg.keyword is not None and _is_off(arg)]
        reqs = keyword(call, "cert_reqs")
        if reqs is not None and literal(reqs.value) in {"CERT_NONE", "CERT_OPTIONAL"}:
            edits.append(replace(source, reqs.value, '"CERT_REQUIRED"'))
        if edits and not has_star(call):
            return Patch(edits=tuple(edits[:1]) if len(edits) > 1 else tuple(edits), note=_NOTE)
    return _assigned(source, site) or _named(source, site)


def _is_off(arg: cst.Arg) -> bool:
    return arg.keyword is not None and arg.keyword.value in _FLAGS and is_name(arg.value, _FLAGS[arg.keyword.value])


def _named(source: Source, site: Site) -> Patch | None:
    edits = []
    imports: tuple[str, ...] = ()
    for node in source.on_lines(None, site.line, site.end_line):
        name = source.name(node)
        if name not in _NAMES or isinstance(source.parent(node), cst.ImportAlias):
            continue
        if isinstance(node, cst.Attribute):
            edits.append(replace(source, node.attr, _NAMES[name]))
        else:
            package = name.rpartition(".")[0]
            edits.append(replace(source, node, f"{package}.{_NAMES[name]}"))
            imports = (f"import {package}",)
    return Patch(edits=tuple(edits), imports=imports, note=_NOTE) if edits else None


def _assigned(source: Source, site: Site) -> Patch | None:
    for node in source.on_lines(cst.Assign, site.line, site.end_line):
        if not isinstance(node, cst.Assign):
            continue
        whole = node.targets[0].target
        if isinstance(whole, cst.Attribute) and whole.attr.value == "verify_mode" and source.name(node.value) in _NAMES:
            return _context(source, node, source.code(whole.value))
        if not is_name(node.value, "False"):
            continue
        target = node.targets[0].target
        if isinstance(target, cst.Attribute) and target.attr.value in {"verify", "verify_ssl"}:
            return Patch(edits=(replace(source, node.value, "True"),), note=_NOTE)
        if isinstance(target, cst.Attribute) and target.attr.value == "check_hostname":
            return _context(source, node, source.code(target.value))
    return None


def _context(source: Source, near: cst.CSTNode, name: str) -> Patch:
    """Mend both switches of an ``ssl`` context, since neither can be on without the other."""
    edits = []
    for node in source.nodes:
        if not isinstance(node, cst.Assign) or source.function(node) is not source.function(near):
            continue
        target = node.targets[0].target
        if not isinstance(target, cst.Attribute) or source.code(target.value) != name:
            continue
        if target.attr.value == "check_hostname" and is_name(node.value, "False"):
            edits.append(replace(source, node.value, "True"))
        elif target.attr.value == "verify_mode" and source.name(node.value) in _NAMES:
            edits.append(replace(source, node.value, f"{source.code(node.value).rpartition('CERT_')[0]}CERT_REQUIRED"))
    return Patch(edits=tuple(edits), note=_NOTE)


_WAITING: Final = {f"requests.{name}" for name in ("get", "post", "put", "patch", "delete", "head", "options", "request")}
_SECONDS: Final = "30"


def _timeout(source: Source, site: Site) -> Patch | Declined | None:
    for call in source.calls(site.line, site.end_line):
        name = source.name(call.func)
        if name in _WAITING | {"urllib.request.urlopen"} and not has_star(call):
            given = argument(call, 2 if name.startswith("urllib") else -1, "timeout")
            note = f"the request gives up after {_SECONDS} s without an answer"
            if given is None:
                return Patch(edits=(add_keywords(source, call, [("timeout", _SECONDS)]),), note=note)
            if is_name(given.value, "None"):
                return Patch(edits=(replace(source, given.value, _SECONDS),), note=note)
    return None


TRANSPORT = (
    Codemod(
        id="check-certificate",
        cwes=(295, 297, 299, 599, 322, 757),
        doc="Certificates and host keys are checked again.",
        rewrite=_rewrite,
    ),
    Codemod(id="timeout", cwes=(400, 1088), doc="A request gives up after 30 seconds without an answer.", rewrite=_timeout),
)
