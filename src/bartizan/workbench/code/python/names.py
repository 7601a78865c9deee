"""Secrets in the source: names that are given a literal, compared with one, or passed one."""

from __future__ import annotations

from typing import Final

from bartizan.workbench.code.python import ir
from bartizan.workbench.code.python.calls import name_of
from bartizan.workbench.code.python.frame import Arguments
from bartizan.workbench.code.python.interpreter import Interpreter
from bartizan.workbench.code.python.ir import Expr, Node
from bartizan.workbench.code.python.state import State
from bartizan.workbench.code.python.values import Value

_SECRETS: Final = (
    "password",
    "passwd",
    "pwd",
    "secret",
    "api_key",
    "apikey",
    "auth_token",
    "access_token",
    "private_key",
    "secret_key",
    "passphrase",
    "jwt_key",
)
_HARMLESS: Final = tuple(
    """
    _field _name _url _path _file _label _hint _help _text _type _len _header _prompt _re _policy _error _message _param _validator
    _reset _hash _hasher _form _id _env _min _max
    """.split()
)
_PLACES: Final = frozenset({"", "none", "null", "changeme_placeholder", "***", "xxx", "string", "str"})


def secret_name(name: str) -> bool:
    """Say whether a name is that of a secret."""
    low = name.lower()
    return (
        any(word in low for word in _SECRETS)
        and not low.endswith(_HARMLESS)
        and not low.startswith(("is_", "has_", "need", "use_", "min_", "max_", "no_"))
    )


def looks_secret(text: object, name: str) -> bool:
    """Say whether a literal may be a secret: no placeholder, no sentence, no name of a setting."""
    if not isinstance(text, str) or len(text) > 200 or text.lower() in _PLACES or text.lower() == name.lower():
        return False
    if text.lower() in _COMMON:
        return True
    if len(text) < 3 or not any(letter.isalnum() for letter in text):
        return False
    if name.lower().endswith("secret_key"):
        return " " not in text and "{" not in text
    plain = not any(mark in text for mark in (" ", "{", "<", "%(", "://", "$(", "${", "[", "/", ".", ":", ","))
    return plain and len(text) >= 3 and (not text.isidentifier() or _mixed(text))


_COMMON: Final = frozenset({"password", "passwd", "admin", "root", "secret", "123456", "test", "changeme", "letmein", "qwerty", "guest"})


def _mixed(text: str) -> bool:
    return " " not in text and any(letter.isdigit() for letter in text) and any(letter.isalpha() for letter in text) and "{" not in text


class Naming(Interpreter):
    """Looks at names beside what data does."""

    def named(self, target: Expr, value: Value, node: Node, state: State) -> None:
        """Look at a name, key or field that is given a value."""
        name = _name(target)
        low = name.lower()
        if not value.known or value.taints:
            return
        only = value.only()
        if low == "debug" and only is True and (self.is_module or isinstance(target, ir.Sub | ir.Attr)):
            self.host.flaw(self.site("debug", node), "a setting")
        if isinstance(only, str) and "://" in only:
            self._address(only, node)
        if secret_name(name) and looks_secret(only, name):
            self.host.flaw(self.site("secret", node), f"{name} is given a literal")

    def _address(self, text: str, node: Node) -> None:
        user, at, _ = text.partition("://")[2].partition("@")
        login, colon, password = user.partition(":")
        if not at or not colon or "/" in user:
            return
        if not password:
            self.host.flaw(self.site("emptypassword", node), f"{login} without a password")
        elif "{" not in password and "%" not in password and "$" not in password and "<" not in password:
            self.host.flaw(self.site("secret", node), "an address holds a password")

    def compared(self, node: Node, values: list[Value], state: State) -> None:
        """Look at a secret that is compared with a literal."""
        self._contained(node, values)
        if not isinstance(node, ir.Compare) or len(node.items) != 2 or node.ops[0] not in {"==", "!=", "is"}:
            return
        for one, other, value in ((node.items[0], node.items[1], values[1]), (node.items[1], node.items[0], values[0])):
            name = _name(one)
            if secret_name(name) and isinstance(other, ir.Const) and isinstance(other.value, str) and len(other.value) > 2 and value.known:
                self.host.flaw(self.site("secret", node), f"{name} is compared with a literal")

    def _contained(self, node: Node, values: list[Value]) -> None:
        """Look at a host that is looked for anywhere in an address."""
        if not isinstance(node, ir.Compare) or node.ops[0] not in {"in", "not in"} or not isinstance(node.items[0], ir.Const):
            return
        text, name = node.items[0].value, _name(node.items[1]).lower()
        domain = isinstance(text, str) and "." in text[1:] and text.replace(".", "").replace("-", "").isalnum() and len(text) > 5
        if (
            domain
            and values[1].taints
            and any(word in name for word in ("url", "host", "uri", "domain", "target", "next", "redirect", "referer"))
        ):
            self.host.flaw(self.site("hostcheck", node), "found anywhere in the address")

    def passed(self, args: Arguments, node: Node) -> None:
        """Look at keywords of a call."""
        for name, value in args.keywords:
            if not secret_name(name) or not value.known or value.taints:
                continue
            if (value.only() == "" and "pass" in name.lower()) or (value.only() == "" and name == "pwd"):
                self.host.flaw(self.site("emptypassword", node), f"{name} is empty")
            elif looks_secret(value.only(), "") or (
                isinstance(value.only(), str)
                and value.only()
                and "connect" in name_of(node.func if isinstance(node, ir.Call) else ir.Name(0, 0, ""))
            ):
                self.host.flaw(self.site("secret", node), f"{name} is given a literal")

    def entries(self, node: ir.Dict, values: list[tuple[object, Value]]) -> None:
        """Look at keys of a display."""
        for key, value in values:
            if not isinstance(key, str) or not secret_name(key) or not value.known or value.taints:
                continue
            if value.only() == "" and key.lower() == "password":
                self.host.flaw(self.site("emptypassword", node), f"{key} is empty")
            elif looks_secret(value.only(), key) and not str(value.only()).isidentifier():
                self.host.flaw(self.site("secret", node), f"{key} is given a literal")


def _name(target: Expr) -> str:
    match target:
        case ir.Name():
            return target.id
        case ir.Attr():
            return target.attr
        case ir.Sub(index=ir.Const(value=str() as key)):
            return key
        case ir.Call(func=ir.Attr(attr="get"), args=(ir.Const(value=str() as key), *_)):
            return key
        case ir.Call(func=ir.Attr() as func):
            return func.attr if func.attr not in {"lower", "strip", "encode", "decode"} else _name(func.value)
        case _:
            return ""
