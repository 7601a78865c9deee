"""SQL by what it would do: one statement, and reading only unless the task asks for more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import re2

_QUIET: Final = re2.compile(r"(?s)'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/")
_WRITES: Final = re2.compile(
    r"(?i)\b(?:insert|update|delete|drop|alter|create|truncate|grant|revoke|merge|replace|call|exec|execute|copy|load|vacuum)\b"
)
_REACHES: Final = re2.compile(
    r"(?i)\b(?:into\s+(?:out|dump)file|load_file|load_extension|pg_read_file|pg_ls_dir|lo_export|lo_import|dblink|xp_cmdshell|sp_oacreate|utl_http|utl_file|attach|copy\s+.{0,200}\b(?:program|to|from)\b|readfile|writefile|pg_sleep|benchmark)\b"
)


def problems(text: str) -> Iterator[str]:
    """Yield ``several`` for more than one statement, ``reaches-out`` for files, networks and commands, ``writes`` for what is no query."""
    quiet = _QUIET.sub("''", text)
    if ";" in quiet.strip().rstrip(";"):
        yield "several"
    if _REACHES.search(quiet):
        yield "reaches-out"
    if _WRITES.search(quiet):
        yield "writes"
