"""Named conditions of a call: circumstances under which it is wrong, or dangerous."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bartizan.workbench.code.python import redos
from bartizan.workbench.code.python.frame import Arguments, Frame
from bartizan.workbench.code.python.state import State
from bartizan.workbench.code.python.values import UNKNOWN, Value


def holds(frame: Frame, when: str, args: Arguments, state: State) -> bool:
    """Say whether a named condition of a call is met."""
    return _HOLDS[when](frame, args, state)


def _not_literal(frame: Frame, args: Arguments, state: State) -> bool:
    value = args.get(0)
    return value is not None and value.constants is None and not (value.path and value.parts is None and value.path.endswith("dumps()"))


def unfiltered(frame: Frame, args: Arguments, state: State) -> bool:
    """Say whether an archive is extracted without a filter or a list of members."""
    chosen = args.get("filter")
    return args.get("members") is None and (chosen is None or chosen.only() == "fully_trusted")


def unsafe_yaml(frame: Frame, args: Arguments, state: State) -> bool:
    """Say whether YAML that is no literal is loaded by a loader that makes any object."""
    if (args.get(0) or UNKNOWN).constants is not None:
        return False
    loader = args.get(1) or args.get("Loader")
    if loader is None:
        return True
    last = loader.path.rpartition(".")[2]
    return last in {"Loader", "UnsafeLoader", "CLoader", "CUnsafeLoader", "FullLoader_unsafe"}


def _constant(value: Value | None) -> bool:
    return value is not None and value.constants is not None and value.only() is not None and not value.taints


def _constant_salt(frame: Frame, args: Arguments, state: State) -> bool:
    salts = [args.get("salt")] if args.get("salt") is not None else [args.get(2 if args.path.startswith("hashlib") else 1)]
    return any(_constant(salt) for salt in salts)


def _constant_iv(frame: Frame, args: Arguments, state: State) -> bool:
    found = next((value for name in (2, "iv", "IV", "nonce") if (value := args.get(name)) is not None), None)
    return _constant(found)


def _constant_first(frame: Frame, args: Arguments, state: State) -> bool:
    return _constant(args.get(0) or args.get("initialization_vector") or args.get("nonce"))


def _constant_key(frame: Frame, args: Arguments, state: State) -> bool:
    key = args.get("key") or args.get(1)
    return _constant(key) and key is not None and len(str(key.only())) > 2 and "BEGIN PUBLIC" not in str(key.only())


def _constant_seed(frame: Frame, args: Arguments, state: State) -> bool:
    value = args.get(0)
    return value is None or _constant(value) or value.path.startswith(("time.", "datetime."))


def _for_security(frame: Frame, args: Arguments, state: State) -> bool:
    """Say whether a hash is of a secret, or made where secrets are dealt with, or of data from outside."""
    names = frame.function.lower()
    taints = frame.deep_taints(args.get(0) or UNKNOWN, state)
    names += " ".join(origin.name.lower() for origin in taints if origin.kind == "param")
    return any(word in names for word in ("passw", "token", "secret", "credential", "login")) or any(
        origin.kind not in {"param", "file", "error"} for origin in taints
    )


def _not_for_security(frame: Frame, args: Arguments, state: State) -> bool:
    return not _for_security(frame, args, state)


def _several(frame: Frame, args: Arguments, state: State) -> bool:
    return len(args.positional) + len(args.keywords) > 1 and args.rest is None


def _of_password(frame: Frame, args: Arguments, state: State) -> bool:
    value = args.get(0)
    names = " ".join(origin.name.lower() for origin in value.taints) if value is not None else ""
    return "passw" in names or "pwd" in names


def _unverified_options(frame: Frame, args: Arguments, state: State) -> bool:
    options = args.get("options")
    return any(
        (thing.items.get("verify_signature") or UNKNOWN).only() is False
        for thing in (frame.objects(options, state) if options is not None else ())
    )


def _wide_mode(frame: Frame, args: Arguments, state: State) -> bool:
    found = args.get("mode") or args.get(0 if "Path()" in args.path else 1) or args.get(0)
    mode = found.only() if found is not None else None
    limit = 0o002 if args.path in {"os.mkdir", "os.makedirs", "os.open"} else 0o022
    return (
        isinstance(mode, int)
        and not isinstance(mode, bool)
        and (bool(mode & 0o002) or ((bool(mode & limit) and bool(mode & 0o007)) and mode & 0o777 in {0o777, 0o776, 0o766, 0o667}))
    )


def _no_hostname(frame: Frame, args: Arguments, state: State) -> bool:
    return (args.get("server_side") or UNKNOWN).only() is not True


_SECRETS: Final = (
    "token",
    "secret",
    "passw",
    "otp",
    "session",
    "nonce",
    "salt",
    "key",
    "csrf",
    "captcha",
    "pin",
    "reset",
    "verif",
    "coupon",
)


def _makes_secret(frame: Frame, args: Arguments, state: State) -> bool:
    return any(word in frame.function.lower() for word in _SECRETS)


_ADDRESSES: Final = ("url", "uri", "host", "domain", "netloc", "origin", "referer", "referrer", "redirect", "link", "target")


def _about_address(args: Arguments) -> bool:
    receiver = args.receiver
    named = any(word in args.receiver_name for word in _ADDRESSES)
    return named or (receiver is not None and any(taint.via == "hostname" for taint in receiver.taints.values()))


def _open_prefix(frame: Frame, args: Arguments, state: State) -> bool:
    """Say whether an address is checked by a beginning that other hosts can have: no slash after the host."""
    text = (args.get(0) or UNKNOWN).only()
    return isinstance(text, str) and "://" in text and "." in text and "/" not in text.partition("://")[2] and _about_address(args)


def _open_suffix(frame: Frame, args: Arguments, state: State) -> bool:
    """Say whether a host is checked by an end that other hosts can have: no dot before the name."""
    text = (args.get(0) or UNKNOWN).only()
    return isinstance(text, str) and "." in text[1:] and text[:1].isalnum() and "/" not in text and len(text) > 5 and _about_address(args)


def _exponential(frame: Frame, args: Arguments, state: State) -> bool:
    pattern = (args.get(0) or UNKNOWN).only()
    flags = args.get("flags") or args.get(2 if args.path != "re.compile" else 1)
    verbose = flags is not None and any(word in flags.path for word in ("re.X", "re.VERBOSE"))
    found = redos.attack(pattern, verbose=verbose) if isinstance(pattern, str) else None
    return found is not None and found.degree == "exponential"


_HOLDS: Final[dict[str, Callable[[Frame, Arguments, State], bool]]] = {
    "not_literal": _not_literal,
    "exponential": _exponential,
    "makes_secret": _makes_secret,
    "open_prefix": _open_prefix,
    "open_suffix": _open_suffix,
    "unfiltered": unfiltered,
    "unsafe_yaml": unsafe_yaml,
    "constant_salt": _constant_salt,
    "constant_iv": _constant_iv,
    "constant_first": _constant_first,
    "constant_key": _constant_key,
    "constant_seed": _constant_seed,
    "for_security": _for_security,
    "not_for_security": _not_for_security,
    "several": _several,
    "of_password": _of_password,
    "unverified_options": _unverified_options,
    "wide_mode": _wide_mode,
    "no_hostname": _no_hostname,
}
