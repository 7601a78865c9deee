r"""Ten ways in which reports break addresses so that nobody clicks them, and back.

``[.]`` ``(.)`` ``{.}`` ``<.>``, the same spaced, ``[dot]`` ``(dot)``, ``[.`` and ``.]`` alone, ``\.``; ``[@]`` ``(at)`` for mail;
``hxxp``, ``h**p``, ``meow`` and others for the scheme; ``[:]//`` and ``[://]`` between scheme and host.
"""

from __future__ import annotations

from typing import Final

from bartizan.workbench.intel.extract.plain import pattern

DOT: Final = r"(?:\.|\\\.| ?[\[{] ?(?:\.|dot) ?[\]}] ?| ?\( ?dot ?\) ?|[\[({<] ?(?:\.|dot) ?[\])}>]|[\[({]\.|\.[\])}])"
"""A dot in any dress; every form takes a few characters, so looking for it costs the same everywhere."""
AT: Final = r"(?:@| ?[\[({<] ?(?:@|at) ?[\])}>] ?)"
SCHEME: Final = r"[a-z][a-z0-9*_]{1,9}(?:\[s\])?"
SEPARATOR: Final = r"[\[(]?:[\])]?[\[(]?(?://|\\/\\/|\[/\]\[/\]|\\\\)[\])]?"

_dots = pattern(r"\\\.| ?[\[{] ?(?:\.|dot) ?[\]}] ?| ?\( ?dot ?\) ?|[\[({<] ?(?:\.|dot) ?[\])}>]|[\[({]\.|\.[\])}]")
_ats = pattern(r" ?[\[({<] ?(?:@|at) ?[\])}>] ?")
_path_dots = pattern(r"[\[({](?:\.|dot)[\])}]")

_SCHEMES: Final = frozenset(
    {"http", "https", "ftp", "ftps", "sftp", "tcp", "udp", "ldap", "ldaps", "ws", "wss", "smb", "ssh", "rdp", "telnet", "irc", "ircs"}
    | {"socks4", "socks5", "socks", "rmi", "dns", "magnet", "tftp", "stratum", "vnc", "webdav", "rtsp", "nfs"}
)


def dots(raw: bytes) -> str:
    """Refang a host, an address or the user part of one for mail."""
    return _text(_dots.sub(b".", raw))


def ats(raw: bytes) -> str:
    """Refang an address for mail."""
    return _text(_ats.sub(b"@", _dots.sub(b".", raw)))


def path(raw: str) -> str:
    """Refang what follows the host; here only whole brackets count, the others occur in paths by themselves."""
    if "[" not in raw and "(" not in raw and "{" not in raw:
        return raw
    return _text(_path_dots.sub(b".", raw.encode("latin-1", "replace"))) if raw.isascii() else raw


def scheme(raw: str) -> str:
    """Return the scheme that was meant, or nothing where it isn't one of the network's."""
    plain = raw.lower().replace("[s]", "s")
    if plain in _SCHEMES:
        return plain
    if plain in {"meow", "meows", "purr"}:
        return "https" if plain == "meows" else "http"
    if plain in {"fxp", "f*p", "fxps"}:
        return "ftp"
    if plain[0] in "hx" and len(plain) <= 7 and all(letter in "htxp*_s" for letter in plain) and plain.rstrip("s").endswith("p"):
        return "https" if plain.endswith("s") else "http"
    return "http" if plain in {"hhtp", "htp", "hxp", "nttp", "htttp"} else ""


def _text(raw: bytes) -> str:
    return str(raw.decode("latin-1"))
