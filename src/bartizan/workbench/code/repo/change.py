"""What a change touched: for each file, the lines that are new; from two trees of git or from a patch file."""

from __future__ import annotations

from typing import Final

import msgspec
import re2

from bartizan.workbench.code.repo.git import Git
from bartizan.workbench.code.repo.tree import RepoError, Tree

_hunk: Final = re2.compile(rb"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@")
_LARGEST_PATCH: Final = 64 << 20


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Lines from ``first`` to ``last``, from 1, both included; a pure deletion is the line before it, with ``last`` < ``first``."""

    first: int
    last: int

    def meets(self, first: int, last: int) -> bool:
        """Say whether the span shares a line with another, or a deletion lies within it."""
        return self.first <= last and max(self.last, self.first) >= first


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One changed file: its path now (empty if deleted), its path before (empty if new), and the lines that are new."""

    path: str
    before: str
    spans: tuple[Span, ...] = ()

    def touches(self, first: int, last: int) -> bool:
        """Say whether any of these lines of the new file was changed."""
        return any(span.meets(first, last) for span in self.spans)


def between(git: Git, old: str, new: str) -> tuple[Change, ...]:
    """Return what changed from one commit or tree to another, renames followed."""
    words = ("diff-tree", "-r", "-z", "-M", "--raw", "-p", "-U0", "--no-ext-diff", "--no-textconv", "--no-color", "--full-index", old, new)
    raw = git.run(*words)
    pairs, rest = _raw(raw)
    spans = _spans(rest)
    if len(spans) != len(pairs):  # counted apart, so that no path is ever read from the patch's own text
        raise RepoError(f"comparing {old} and {new}: git told of {len(pairs)} files and {len(spans)} patches")
    return tuple(Change(path=path, before=before, spans=tuple(found)) for (before, path), found in zip(pairs, spans, strict=True))


def _raw(out: bytes) -> tuple[list[tuple[str, str]], bytes]:
    """Split off git's list of files: ``:modes ids status NUL path NUL [path NUL]``, which an empty field ends."""
    pairs: list[tuple[str, str]] = []
    at = 0
    while out[at : at + 1] == b":":
        head, at = _field(out, at)
        one, at = _field(out, at)
        status = head.split()[-1][:1]
        if status in b"RC":
            other, at = _field(out, at)
            pairs.append((_name(one), _name(other)))
        else:
            pairs.append(("" if status == b"A" else _name(one), "" if status == b"D" else _name(one)))
    return pairs, out[at:].lstrip(b"\0")


def _field(out: bytes, at: int) -> tuple[bytes, int]:
    end = out.index(b"\0", at)
    return out[at:end], end + 1


def _name(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")


def _spans(patch: bytes) -> list[list[Span]]:
    found: list[list[Span]] = []
    for line in patch.split(b"\n"):
        if line.startswith(b"diff --git "):
            found.append([])
        elif found and (hunk := _hunk.match(line)):
            first, count = int(hunk[3]), int(hunk[4] or 1)
            found[-1].append(Span(first=first, last=first + count - 1))
    return found


def patched(tree: Tree, patch: bytes) -> tuple[Tree, tuple[Change, ...]]:
    """Apply a unified patch to a tree in memory; raises RepoError where it does not fit to the letter."""
    if len(patch) > _LARGEST_PATCH:
        raise RepoError(f"reading the patch: larger than {_LARGEST_PATCH} bytes")
    contents: dict[str, bytes | None] = {}
    changes: list[Change] = []
    lines = patch.splitlines(keepends=True)
    at = 0
    while at < len(lines):
        if not (lines[at].startswith(b"--- ") and at + 1 < len(lines) and lines[at + 1].startswith(b"+++ ")):
            at += 1
            continue
        before, path = _patch_path(lines[at]), _patch_path(lines[at + 1])
        old = tree.read(before).splitlines(keepends=True) if before and before in tree else []
        new, spans, at = _apply(old, lines, at + 2, path or before)
        contents[path or before] = b"".join(new) if path else None
        if before and path and before != path:
            contents[before] = None
        changes.append(Change(path=path, before=before, spans=tuple(spans)))
    if not changes:
        raise RepoError(
            "reading the patch: it changes no file", hint="a unified diff is expected, as git diff or git format-patch writes it"
        )
    return tree.replaced(contents), tuple(changes)


def _patch_path(line: bytes) -> str:
    name = line[4:].split(b"\t")[0].rstrip(b"\r\n")
    if name == b"/dev/null":
        return ""
    path = name.decode("utf-8", "surrogateescape")
    path = path[2:] if path.startswith(("a/", "b/")) else path
    if path.startswith(("/", '"')) or ".." in path.split("/"):
        raise RepoError(f"reading the patch: the path {path!r} is not one inside the tree")
    return path


def _apply(old: list[bytes], lines: list[bytes], at: int, path: str) -> tuple[list[bytes], list[Span], int]:
    new: list[bytes] = []
    spans: list[Span] = []
    used = 0
    while at < len(lines) and (hunk := _hunk.match(lines[at])):
        start = int(hunk[1]) - (0 if hunk[2] == b"0" else 1)
        if not used <= start <= len(old):
            raise _unfit(path, lines[at])
        new += old[used:start]
        used = start
        left, right = int(hunk[2] or 1), int(hunk[4] or 1)
        at += 1
        while left > 0 or right > 0 or (at < len(lines) and lines[at].startswith(b"\\")):
            if at >= len(lines):
                raise _unfit(path, b"the end")
            sign, body = lines[at][:1], lines[at][1:]
            at += 1
            if sign == b"\\":
                new[-1:] = [new[-1].rstrip(b"\n")] if new else []
                continue
            if sign == b"+":
                new.append(body)
                right -= 1
                spans.append(Span(first=len(new), last=len(new)))
                continue
            if sign not in b" -\n" or used >= len(old) or old[used].rstrip(b"\r\n") != body.rstrip(b"\r\n"):
                raise _unfit(path, lines[at - 1])
            left -= 1
            if sign == b"-":
                spans.append(Span(first=len(new) or 1, last=len(new) - 1))
            else:
                new.append(old[used])
                right -= 1
            used += 1
    return new + old[used:], spans, at


def _unfit(path: str, where: bytes) -> RepoError:
    shown = where.decode("utf-8", "replace").strip()[:80]
    return RepoError(f"applying the patch to {path!r}: it does not fit at {shown!r}", hint="check out the commit that the patch is against")
