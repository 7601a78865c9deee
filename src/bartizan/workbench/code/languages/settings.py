"""What a line alone shows: secrets in the source, cookies without flags, weak ciphers and chance, checks switched off."""

from __future__ import annotations

from typing import Any, Final, Protocol

import re2

from bartizan.workbench.code.finding import Severity
from bartizan.workbench.code.languages import settings_java
from bartizan.workbench.code.languages.form import Form
from bartizan.workbench.code.languages.values import Value

_secret: Final = re2.compile(
    r"(?i)(?:secret|passw(?:or)?d|passwd|pwd|passphrase|api_?key|apikey|access_?key|crypto_?key|encryption_?key|private_?key|signing_?key"
    r"|auth_?token|access_?token|jwt_?key|jwt_?secret|cookie_?key|secret_?key|session_?key|client_?secret|hmac_?key)$"
)
_holder: Final = re2.compile(
    r"(?i)example|placeholder|changeme|change_me|your[_-]|xxxx|\*\*\*|<|\$\{|process\.env|dummy|redacted|^(?:true|false|null|undefined|none|string|text|hidden|password)$"
)
_random: Final = re2.compile(
    r"(?i)token|secret|passw|otp|session|salt|nonce|csrf|captcha|reset|api_?key|uuid|verif|activation|invite|\bcode$|\bpin$"
)
_maker: Final = re2.compile(r"(?i)(?:gen|create|make|random|new).*(?:token|secret|passw|otp|salt|nonce|csrf|key|session_?id)")
_login: Final = re2.compile(r"(?i)^[a-z][a-z0-9+.-]{1,20}://[^/\s:@]{1,60}:([^/\s:@]{3,80})@[a-z0-9]")
_DIGESTS: Final = frozenset(
    {"md5", "sha1", "blueimp-md5", "js-md5", "CryptoJS.MD5", "crypto-js.MD5", "crypto-js/md5", "crypto-js.SHA1", "md5-hex", "js-sha1"}
)
_CSRF: Final = ("csurf", "csrf", "lusca", "csrf-csrf", "tiny-csrf", "@fastify/csrf-protection", "koa-csrf", "@edge-csrf", "csrf-sync")
_WEAK_HASH: Final = frozenset({"md5", "sha1", "md4", "ripemd", "sha-1", "md2"})
_weak_cipher: Final = re2.compile(r"(?i)^(?:des|3des|des-.*|rc4|rc2.*|bf.*|blowfish|.*-ecb|aes/ecb.*|desede.*|des/.*|arcfour|rc4.*|aes)$")


class Frame(Protocol):
    """The run in which something is seen."""

    module: Any
    function: str


class Writer(Protocol):
    """Takes findings that a line alone shows."""

    table: Any
    facts: Any

    def state(  # noqa: PLR0913 - what a finding says
        self,
        frame: Any,  # noqa: ANN401 - the run's own type
        form: Form,
        rule: str,
        cwe: int,
        message: str,
        *,
        severity: Severity = "medium",
        p: float = 0.6,
        kind: str = "setting",
        cwes: tuple[int, ...] = (),
    ) -> None:
        """Write one."""
        ...


class Settings:
    """Judges names, fields and calls."""

    def __init__(self, writer: Writer) -> None:
        self._write = writer

    def named(self, frame: Frame, target: Form, value: Form | None, got: Value) -> None:
        """Judge what gets a name."""
        if target.op not in {"name", "member"}:
            return
        self._secret(frame, target, target.name, value, got)
        if value is not None and value.op != "func" and (_random.search(target.name) or _maker.search(frame.function.rpartition(".")[2])):
            self._chance(frame, value)

    def entry(self, frame: Frame, key: str, value: Form, got: Value) -> None:
        """Judge a field of an object literal."""
        self._secret(frame, value, key, value, got)
        if (key == "rejectUnauthorized" and got.const == "false") or (key == "InsecureSkipVerify" and got.const == "true"):
            self._write.state(frame, value, "tls-unchecked", 295, "certificates are not checked", severity="high", p=0.85)
        elif key == "autoescape" and got.const == "false":
            self._write.state(
                frame, value, "escaping-off", 79, "templates are filled without escaping", severity="high", p=0.8, cwes=(116,), kind="xss"
            )
        elif key == "noEscape" and got.const == "true":
            self._write.state(
                frame, value, "escaping-off", 79, "templates are filled without escaping", severity="high", p=0.7, cwes=(116,), kind="xss"
            )
        elif key == "noent" and got.const == "true":
            self._write.state(frame, value, "xml-entities", 611, "external entities are resolved", severity="high", p=0.75, kind="xxe")
        elif key == "multipleStatements" and got.const == "true":
            self._write.state(frame, value, "sql-multiple", 89, "several statements in one call are allowed", severity="low", p=0.3)
        elif _random.search(key):
            self._chance(frame, value)

    def written(self, frame: Frame, form: Form, key: str, value: Value) -> None:
        """Judge an assignment to a field."""
        if key == "NODE_TLS_REJECT_UNAUTHORIZED" and value.const == "0":
            self._write.state(frame, form, "tls-unchecked", 295, "certificates are not checked", severity="high", p=0.85)

    def _secret(self, frame: Frame, at: Form, name: str, value: Form | None, got: Value) -> None:
        if value is not None and value.op == "const" and (match := _login.match(value.name)) and not _holder.search(match.group(1)):
            self._write.state(
                frame, at, "hard-coded-secret", 798, "a password in an address", severity="high", p=0.7, cwes=(259, 321), kind="secret"
            )
            return
        if value is None or value.op != "const" or value.type != "text" or not _secret.search(name):
            return
        text = value.name
        if (
            len(text) < 6
            or " " in text
            or _holder.search(text)
            or text.lower() == name.lower()
            or text.startswith(("/", ".", "#", "http", "{", "@"))
        ):
            return
        if got.const is None or len(set(text)) < 4:
            return
        self._write.state(
            frame, at, "hard-coded-secret", 798, f"{name[:60]} stands in the source", severity="high", p=0.7, cwes=(259, 321), kind="secret"
        )

    def _chance(self, frame: Frame, value: Form) -> None:
        for form in value.walk():
            if form.op == "call" and form.kids[0].op == "member" and form.kids[0].name == "random" and form.kids[0].kids[0].name == "Math":
                self._write.state(
                    frame, form, "weak-random", 338, "a secret is drawn from a predictable generator", p=0.7, cwes=(330,), kind="random"
                )

    def called(  # noqa: C901 - one case a library
        self, frame: Frame, form: Form, name: str, holder: Value, arguments: list[Value]
    ) -> None:
        """Judge a call by the settings it gets."""
        if self._write.table.rules.language != "javascript":
            settings_java.called(self._write, frame, form, name, arguments)
            return
        last = name.rpartition(".")[2]
        first = arguments[0] if arguments else Value()
        if name in {"crypto.createHash", "crypto.createHmac"} and (first.const or "").lower() in _WEAK_HASH and last == "createHash":
            self._write.state(frame, form, "weak-hash", 328, f"{first.const} is broken", p=0.6, cwes=(327, 916), kind="hash")
        elif name in _DIGESTS:
            self._write.state(frame, form, "weak-hash", 328, f"{last} is broken", p=0.6, cwes=(327, 916), kind="hash")
        elif name in {"crypto.createCipheriv", "crypto.createDecipheriv", "crypto.createCipher"} and _weak_cipher.match(first.const or ""):
            self._write.state(frame, form, "weak-cipher", 327, f"{first.const} is weak", p=0.75, kind="cipher")
        elif name == "crypto.createCipher":
            self._write.state(frame, form, "weak-cipher", 327, "the key is derived without salt", p=0.6, kind="cipher")
        elif name == "express-session" or last == "cookie-session" or name.endswith("cookieSession"):
            self._session(frame, form, first)
        elif last == "cookie" and (holder.name == "@res" or holder.name.startswith("@res.")):
            self._cookie(frame, form, arguments)
        elif name == "cors" and (origin := first.field("origin")) is not None and origin.const in {"true", "*"}:
            open_ = (first.field("credentials") or Value()).const == "true"
            self._write.state(
                frame, form, "cors-any-origin", 942, "any origin is allowed", p=0.75 if open_ else 0.35, cwes=(346,), kind="cors"
            )
        elif name in {"@res.setHeader", "@res.header", "@res.set"} and (first.const or "").lower() == "set-cookie" and len(arguments) > 1:
            if "secure" not in arguments[1].frags.lower():
                self._write.state(
                    frame, form, "cookie-flags", 614, "the cookie goes over plain connections", p=0.55, cwes=(1275,), kind="cookie"
                )
        elif name.startswith(("jsonwebtoken.", "jwt.")):
            self._token(frame, form, last, arguments)

    def _session(self, frame: Frame, form: Form, given: Value) -> None:
        cookie = given.field("cookie")
        secure = cookie.field("secure") if cookie is not None else None
        if given.fields is not None and (secure is None or secure.const == "false"):
            self._write.state(
                frame, form, "cookie-flags", 614, "the session's cookie goes over plain connections", p=0.6, cwes=(1004,), kind="cookie"
            )
        if not any(name.startswith(_CSRF) for name in self._write.facts.imported):
            self._write.state(frame, form, "csrf-unchecked", 352, "sessions, and no check of tokens in the project", p=0.4, kind="csrf")
        secret = given.field("secret")
        if secret is not None and secret.const and not _holder.search(secret.const):
            self._write.state(
                frame,
                form,
                "hard-coded-secret",
                798,
                "the secret of sessions stands in the source",
                severity="high",
                p=0.75,
                cwes=(321,),
                kind="secret",
            )

    def _cookie(self, frame: Frame, form: Form, arguments: list[Value]) -> None:
        options = arguments[2] if len(arguments) > 2 else Value(fields={})
        if options.fields is None:
            return
        missing = [flag for flag in ("httpOnly", "secure") if (set_ := options.field(flag)) is None or set_.const == "false"]
        if missing:
            cwe = 1004 if "httpOnly" in missing else 614
            self._write.state(
                frame, form, "cookie-flags", cwe, f"a cookie without {' and '.join(missing)}", p=0.5, cwes=(614, 1004), kind="cookie"
            )

    def _token(self, frame: Frame, form: Form, last: str, arguments: list[Value]) -> None:
        key = arguments[1] if len(arguments) > 1 else Value()
        options = arguments[2] if len(arguments) > 2 else Value()
        if last in {"sign", "verify"} and key.const and not _holder.search(key.const) and len(key.const) < 400:
            self._write.state(
                frame,
                form,
                "hard-coded-secret",
                798,
                "the key of tokens stands in the source",
                severity="high",
                p=0.75,
                cwes=(321, 347),
                kind="secret",
            )
        listed = options.field("algorithms") or Value()
        algorithms = [each.const for each in (listed.fields or {}).values()]
        if last == "verify" and ("none" in algorithms or key.const in {"", "null"}):
            self._write.state(
                frame, form, "token-unchecked", 347, "tokens without a signature are accepted", severity="high", p=0.85, kind="jwt"
            )
