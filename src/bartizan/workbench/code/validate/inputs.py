"""Inputs for proofs: hostile ones for each class of sink, with a nonce that no code can know before, and harmless ones."""

from __future__ import annotations

import base64
from typing import Final, Literal

import msgspec

from bartizan.workbench.code.finding import Finding

_TOUCH: Final = "touch /tmp/canary-touched"


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """One input; ``expect`` is what its computation gives, where that is what tells."""

    data: bytes
    type: Literal["str", "bytes"] = "str"
    expect: str = ""


_KINDS: Final[dict[int, str]] = {
    77: "command", 78: "command", 88: "command",
    94: "code", 95: "code", 96: "code",
    89: "sql", 564: "sql",
    22: "path", 23: "path", 36: "path", 73: "path", 99: "path", 641: "path",
    918: "ssrf",
    502: "deserialisation",
    1333: "redos", 730: "redos",
    1336: "template",
    611: "xxe", 827: "xxe",
    79: "xss", 80: "xss",
    601: "redirect",
}  # fmt: skip


def kind_of(finding: Finding) -> str:
    """Return the class by which a finding is driven; empty where there is none."""
    kind = _KINDS.get(finding.cwe, "")
    if kind == "code" and "template" in f"{finding.rule} {finding.sink_kind}":
        return "template"
    return kind


def hostile(kind: str, nonce: str, finding: Finding) -> tuple[Input, ...]:  # noqa: C901, PLR0911 - one line a kind
    """Return inputs that do harm where the weakness is there."""
    match kind:
        case "command":
            return _texts(
                f"x; {_TOUCH} #", f"$({_TOUCH})", _TOUCH, f"x' ; {_TOUCH} #", f'x" ; {_TOUCH} #', f"x | {_TOUCH}", f"x\n{_TOUCH}\n"
            )
        case "code":
            run = f"__import__('os').system('{_TOUCH}')"
            return _texts(run, f"x');{run}#", f'x");{run}#', f"\n{run}\n", f"'+str({run})+'")
        case "sql":
            return _texts(f"x' OR '{nonce}'='{nonce}", f'x" OR "{nonce}"="{nonce}', f"1 OR {int(nonce[:6], 16)}={int(nonce[:6], 16)}")
        case "path":
            name = f"canary-{nonce}.txt"
            return _texts(f"/tmp/{name}", "../" * 8 + f"tmp/{name}", f"../{name}", "..%2f" * 8 + f"tmp%2f{name}")  # noqa: S108
        case "ssrf":
            return _texts(
                f"http://127.0.0.1:8080/{nonce}", f"127.0.0.1:8080/{nonce}?", f"127.0.0.1:8080/{nonce}#", f"x@127.0.0.1:8080/{nonce}#"
            )
        case "deserialisation":
            return _objects()
        case "template":
            number = int(nonce[:6], 16)
            return tuple(Input(data=text.encode(), expect=str(number * 7919)) for text in (f"{{{{{number}*7919}}}}", f"${{{number}*7919}}"))
        case "xxe":
            return _entities()
        case "xss":
            return _texts(f"<script>{nonce}</script>")
        case "redirect":
            return _texts(f"https://{nonce}.invalid/")
        case "redos":
            return _slow(finding)
        case _:
            return ()


def harmless(kind: str, finding: Finding) -> tuple[Input, ...]:
    """Return inputs of honest people, to see that a patch leaves them alone."""
    match kind:
        case "xxe":
            return (*_texts("<a><b>one</b></a>"), Input(data=b"<a><b>one</b></a>", type="bytes"))
        case "redirect":
            return _texts("/home", "/a/b?c=d")
        case "path":
            return _texts("canary.txt", "none.txt")
        case "code":
            return _texts("17", "[1, 2]")
        case "deserialisation":
            return _texts("a: 1\nb: [2, 3]\n", "x") if finding.cwe == 502 else ()
        case _:
            return _texts("alice", "1")


def _texts(*texts: str) -> tuple[Input, ...]:
    return tuple(Input(data=text.encode()) for text in texts)


def _objects() -> tuple[Input, ...]:
    """Return a YAML object and pickles, plain and in base64, that run a command when they are loaded.

    The pickle is written by hand, in protocol 0: the callable, a mark, its argument, a tuple, a call, the end.
    """
    pickled = f"cos\nsystem\n(S'{_TOUCH}'\ntR.".encode()

    yaml = f'!!python/object/apply:os.system ["{_TOUCH}"]'
    return (
        *_texts(yaml),
        Input(data=pickled, type="bytes"),
        Input(data=base64.b64encode(pickled)),
        Input(data=pickled.hex().encode()),
        Input(data=pickled),
    )


def _entities() -> tuple[Input, ...]:
    text = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY e SYSTEM "file:///tmp/canary.txt">]><a><b>&e;</b></a>'
    return (*_texts(text, text.partition("?>")[2]), Input(data=text.encode(), type="bytes"))


def _slow(finding: Finding) -> tuple[Input, ...]:
    """Return long runs of what patterns repeat, with an end that can't match; an attack string that the scan derived comes first."""
    derived = [each.partition("attack: ")[2] for each in finding.evidence if "attack: " in each]
    return _texts(*derived, *("".join((letter * 40, "!\n")) for letter in ("a", "0", " ", "x", "ab", "a.", "<", ",a")))
