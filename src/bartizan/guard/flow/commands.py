"""Commands of a shell: split as a POSIX shell would, and judged by what they start, not by how they are written."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator, Sequence
from typing import Final

import re2

_BREAKS: Final = re2.compile(r"&&|\|\||[;|&\n]")
_EXPANDS: Final = re2.compile(r"\$\(|`|\$\{|<\(|>\(|\$IFS|\$'")
_SHELLS: Final = frozenset({"sh", "bash", "zsh", "dash", "ksh", "fish", "busybox", "pwsh", "powershell", "cmd", "csh", "ash"})
_INTERPRETERS: Final = frozenset(
    {"python", "python2", "python3", "perl", "ruby", "node", "php", "lua", "deno", "bun", "osascript", "awk", "gawk", "tclsh", "rscript"}
)
_INLINE: Final = frozenset({"-c", "-e", "-r", "--eval", "-exec", "/c", "-command", "-enc", "-encodedcommand", "--print", "-p"})
_WRAPPERS: Final = frozenset(
    {
        "sudo",
        "doas",
        "env",
        "nohup",
        "time",
        "timeout",
        "nice",
        "xargs",
        "watch",
        "setsid",
        "stdbuf",
        "command",
        "exec",
        "eval",
        "su",
        "chroot",
        "unshare",
        "script",
        "strace",
    }
)
_NETWORK: Final = frozenset(
    {
        "curl",
        "wget",
        "nc",
        "ncat",
        "netcat",
        "socat",
        "ssh",
        "scp",
        "sftp",
        "ftp",
        "telnet",
        "rsync",
        "dig",
        "nslookup",
        "host",
        "ping",
        "openssl",
        "aria2c",
        "http",
        "xh",
        "rclone",
        "aws",
        "gsutil",
        "az",
        "iwr",
        "invoke-webrequest",
        "sendmail",
        "mail",
        "mailx",
    }
)
_DESTROYS: Final = frozenset(
    {
        "rm",
        "rmdir",
        "shred",
        "dd",
        "mkfs",
        "fdisk",
        "chmod",
        "chown",
        "kill",
        "killall",
        "pkill",
        "shutdown",
        "reboot",
        "halt",
        "crontab",
        "at",
        "systemctl",
        "service",
        "useradd",
        "usermod",
        "passwd",
        "iptables",
        "mount",
        "umount",
        "truncate",
        "history",
        "chattr",
    }
)
_REVEALS: Final = frozenset({"env", "printenv", "set", "export"})
_ASSIGNS: Final = re2.compile(r"^[A-Za-z_][A-Za-z0-9_]*=")


def problems(command: str, allowed: Sequence[str] = ()) -> Iterator[str]:
    """Yield why a command is more than it seems, each reason once.

    ``allowed`` names programs, or a program with its first word (``git status``); when it is not empty anything else is ``unlisted``.
    """
    told: set[str] = set()
    for reason in _problems(command, allowed):
        if reason not in told:
            told.add(reason)
            yield reason


def _problems(command: str, allowed: Sequence[str]) -> Iterator[str]:
    if "\0" in command or len(command) > 16_384:
        yield "unreadable"
        return
    if _EXPANDS.search(command):
        yield "expansion"
    if ">" in _outside_quotes(command):
        yield "redirection"
    pieces = [piece for piece in _BREAKS.split(_masked(command)) if piece.strip()]
    for number, piece in enumerate(pieces):
        try:
            argv = shlex.split(piece, posix=True)
        except ValueError:
            yield "unreadable"
            continue
        yield from _one(argv, allowed, after_pipe=number > 0)


def _one(argv: list[str], allowed: Sequence[str], *, after_pipe: bool) -> Iterator[str]:
    while argv and _ASSIGNS.match(argv[0]):
        yield "assignment"
        argv = argv[1:]
    if not argv:
        return
    name = posixpath.basename(argv[0].replace("\\", "/")).lower().removesuffix(".exe")
    if name in _WRAPPERS:
        yield "wrapper"
        inner = [word for word in argv[1:] if not word.startswith("-") and not _ASSIGNS.match(word)]
        yield from _one(inner, (), after_pipe=after_pipe)
    if name in _REVEALS and len(argv) == 1:
        yield "reveals"
    yield from _interprets(name, argv, after_pipe=after_pipe)
    yield from _reaches(name, argv)
    if allowed and name not in allowed and " ".join([name, *argv[1:2]]) not in allowed:
        yield "unlisted"


def _interprets(name: str, argv: list[str], *, after_pipe: bool) -> Iterator[str]:
    base = name.rstrip("0123456789.") if name.rstrip("0123456789.") in _INTERPRETERS else name
    if base not in _SHELLS and base not in _INTERPRETERS:
        return
    if after_pipe and len(argv) == 1:
        yield "piped-into-interpreter"
    if base in _SHELLS or any(word.lower() in _INLINE for word in argv[1:]):
        yield "interpreter"


def _reaches(name: str, argv: list[str]) -> Iterator[str]:
    if name in _NETWORK:
        yield "network"
    if name in _DESTROYS or (name == "find" and {"-delete", "-exec"} & set(argv)) or (name == "git" and _rewrites(argv)):
        yield "destroys"


def _rewrites(argv: list[str]) -> bool:
    return bool({"push", "clean"} & set(argv[1:2])) or {"reset", "--hard"} <= set(argv) or "config" in argv[1:2]


def _masked(command: str) -> str:
    """Return the command with the separators inside quotes made harmless, so that only real ones split it."""
    return "".join(" " if quoted and character in ";|&\n" else character for character, quoted in _quoted(command))


def _outside_quotes(command: str) -> str:
    return "".join(character for character, quoted in _quoted(command) if not quoted)


def _quoted(command: str) -> Iterator[tuple[str, bool]]:
    quote, escaped = "", False
    for character in command:
        if escaped:
            escaped = False
            yield character, True
        elif character == "\\" and quote != "'":
            escaped = True
            yield character, True
        elif quote:
            quote = "" if character == quote else quote
            yield character, True
        else:
            quote = character if character in "'\"" else ""
            yield character, False
