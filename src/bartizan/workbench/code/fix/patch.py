"""Reading a unified diff back into files: exact context, no fuzz, names inside of the tree only."""

from __future__ import annotations

from collections.abc import Callable

from bartizan.errors import WorkError


def patched(diff: bytes, read: Callable[[str], bytes]) -> dict[str, bytes]:
    """Apply a unified diff to files that ``read`` gives; raises WorkError where a line is not as the diff says."""
    files: dict[str, list[bytes]] = {}
    name, shift = "", 0
    lines = diff.split(b"\n")
    at = 0
    while at < len(lines):
        line = lines[at]
        if line.startswith(b"+++ "):
            name, shift = _name(line), 0
            files.setdefault(name, _split(read(name)))
        elif line.startswith(b"@@ ") and name:
            old, at = _hunk(lines, at)
            start = _start(line) + shift
            shift += _replace(files[name], start, old, name)
            continue
        at += 1
    if not files:
        raise WorkError("the patch names no file")
    return {each: b"".join(found) for each, found in files.items()}


def _name(line: bytes) -> str:
    name = line[4:].split(b"\t")[0].strip().decode("utf-8", "surrogateescape").removeprefix("b/")
    if not name or name.startswith("/") or ".." in name.split("/"):
        raise WorkError(f"the patch names {name!r}, which is not inside of the tree")
    return name


def _start(line: bytes) -> int:
    try:
        front, _, count = line.split(b" ")[1].lstrip(b"-").partition(b",")
        return int(front) - (count != b"0")
    except (ValueError, IndexError) as error:
        raise WorkError("a hunk of the patch has no place") from error


def _hunk(lines: list[bytes], at: int) -> tuple[list[tuple[int, bytes]], int]:
    """Return the hunk's lines, each with its sign (0 stays, -1 goes, 1 comes), and where the next one begins."""
    signs = {b" ": 0, b"-": -1, b"+": 1}
    found: list[tuple[int, bytes]] = []
    at += 1
    while at < len(lines):
        line = lines[at]
        if line.startswith(b"\\") and found:
            sign, text = found[-1]
            found[-1] = (sign, text.removesuffix(b"\n"))
        elif line[:1] in signs and not line.startswith((b"--- ", b"+++ ")):
            found.append((signs[line[:1]], line[1:] + b"\n"))
        else:
            break
        at += 1
    return found, at


def _replace(lines: list[bytes], start: int, hunk: list[tuple[int, bytes]], name: str) -> int:
    old = [text for sign, text in hunk if sign <= 0]
    new = [text for sign, text in hunk if sign >= 0]
    if start < 0 or lines[start : start + len(old)] != old:
        raise WorkError(f"the patch does not fit {name} at line {start + 1}")
    lines[start : start + len(old)] = new
    return len(new) - len(old)


def _split(data: bytes) -> list[bytes]:
    parts = data.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + [parts[-1]] * bool(parts[-1])
