"""Paths in one canonical form, and a jail: whatever can't be read without doubt, or leaves its roots, is refused."""

from __future__ import annotations

import posixpath
import unicodedata
from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote

import re2

_DRIVE: Final = re2.compile(r"^[A-Za-z]:")
_DEVICE: Final = re2.compile(r"(?i)^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?$")
_SENSITIVE: Final = re2.compile(
    r"(?i)(?:^|/)(?:\.ssh|\.aws|\.gnupg|\.kube|\.docker|\.netrc|\.npmrc|\.pypirc|\.git-credentials|\.env(?:\.[\w.-]+)?|\.bash_history"
    r"|id_rsa|id_ed25519|authorized_keys|shadow|passwd|sudoers|\.bashrc|\.profile|\.zshrc|crontab|cron\.d|credentials(?:\.\w+)?|\.git/hooks)(?:/|$)"
    r"|^/(?:proc|sys|dev|etc|root|boot)(?:/|$)"
)


def problem(path: str, roots: Sequence[str] = ()) -> str:
    """Return why a path is refused, or an empty string. ``roots`` are absolute; relative paths are below the first of them.

    Percent-encoding (twice), compatibility forms and backslashes are folded first, since some reader further on may do so. Links
    are not followed: nothing here sees the disk the tool works on, so the tool must not follow them either.
    """
    text = unquote(unquote(path))
    if "\0" in text or any(unicodedata.category(character) in {"Cc", "Cf"} for character in text):
        return "control-character"
    folded = unicodedata.normalize("NFKC", text).replace("\\", "/").replace("\u2215", "/").replace("\u2044", "/")
    if folded.startswith("//"):
        return "network-path"
    if _DRIVE.match(folded):
        return "drive"
    why = _shape(folded)
    if why:
        return why
    return "climbs" if ".." in folded.split("/") and not roots else _outside(folded, roots)


def _shape(folded: str) -> str:
    """Return what is wrong with the parts of a path, wherever it leads."""
    parts = folded.split("/")
    if any(":" in part for part in parts[-1:]) and "://" not in folded:
        return "alternate-stream"
    if any(part != part.rstrip(" .") and part not in {".", ".."} for part in parts):
        return "trailing-dot"
    if any(_DEVICE.match(part) for part in parts):
        return "device"
    return "home" if folded.startswith("~") else ""


def _outside(folded: str, roots: Sequence[str]) -> str:
    if roots:
        base = roots[0].rstrip("/") or "/"
        whole = posixpath.normpath(folded if folded.startswith("/") else posixpath.join(base, folded))
        if not any(whole == root.rstrip("/") or whole.startswith(root.rstrip("/") + "/") for root in roots):
            return "outside"
        folded = whole
    return "sensitive" if _SENSITIVE.search(folded) else ""
