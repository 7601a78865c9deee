"""Can a ledger be altered unseen? An attacker rewrites every file; the verifier has two public keys and the last cosigned checkpoint."""

from __future__ import annotations

import hashlib
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from bartizan.event import ExchangeAdmitted, ExchangeCompleted, KeyIssued, Tier, envelope, new_id
from bartizan.ledger import Checkpoint, Ledger, offline
from bartizan.ledger.header import leaf_hash
from bartizan.ledger.note import NoteKey
from bartizan.ledger.tree import Frontier
from bartizan.ledger.witness import Witness
from bartizan.store.memory import MemoryCopy, Rows


class Found(msgspec.Struct, kw_only=True):
    """How many of the tamperings of one kind were found."""

    kind: str
    found: int = 0
    total: int = 0


class TamperResult(msgspec.Struct, kw_only=True):
    """The whole run; ``missed`` describes what was not found, ``alarms`` counts clean logs that were not believed."""

    kinds: list[Found]
    missed: list[str]
    clean: int
    alarms: int
    seconds: float


class _Case(msgspec.Struct, kw_only=True):
    """A clean log with what an attacker and a verifier hold."""

    rows: Rows
    anchor: Checkpoint
    witness_key: str
    signer: NoteKey


def tamper(total: int = 10_000, *, clean: int = 200, logs: int = 40, seed: int = 1) -> TamperResult:
    """Tamper ``total`` times with ``logs`` logs, and verify ``clean`` untouched states."""
    begun = time.process_time()
    dice = random.Random(seed)
    kinds = {name: Found(kind=name) for name in _KINDS}
    missed: list[str] = []
    alarms = 0
    directory = Path(tempfile.mkdtemp(prefix="bartizan-tamper-"))
    try:
        cases = [case for number in range(logs) for case in _cases(directory / str(number), dice)]
        for number in range(clean):
            alarms += not _verify(cases[number % len(cases)], cases[number % len(cases)].rows).ok
        names = list(_KINDS)
        for number in range(total):
            kind, holds_key = names[number % len(names)], bool(number // len(names) % 2)
            case = dice.choice(cases)
            rows = _attack(case, kind, dice, holds_key=holds_key)
            result = kinds[kind]
            result.total += 1
            if _verify(case, rows).ok:
                missed.append(f"{kind} {'with' if holds_key else 'without'} the log key, number {number}")
            else:
                result.found += 1
    finally:
        shutil.rmtree(directory)
    return TamperResult(kinds=list(kinds.values()), missed=missed, clean=clean, alarms=alarms, seconds=time.process_time() - begun)


def _verify(case: _Case, rows: Rows) -> offline.Report:
    with MemoryCopy(rows) as database:
        keys = offline.Key.parse(case.signer.vkey), [offline.Key.parse(case.witness_key)]
        return offline.verify_database(database, *keys, case.anchor.note)


def _cases(data: Path, dice: random.Random) -> list[_Case]:
    """Grow one log with several writers, erasures and retention; return its states right after a cosignature and some entries later."""
    now = [1_790_000_000.0 + dice.random() * 1e6]
    witness = Witness(data / "secrets" / "witness")
    found = []
    for _ in range(dice.randint(1, 3)):
        ledger = Ledger.open(data, role="bench", clock=lambda: now[0])
        for _ in range(dice.randint(1, 4)):
            now[0] += dice.random() * 1000
            ledger.append_now(*(_item(dice) for _ in range(dice.choice((1, 2, 5, 20, 60, 130)))))
            if dice.random() < 0.3:
                ledger.erasure.erase([f"acct_{dice.randrange(8)}"], reason="asked")
                ledger.erasure.reclaim()
        anchor = ledger.cosign(witness)
        found.append((MemoryCopy.read(data / "ledger.db"), anchor))
        ledger.append_now(*(_item(dice) for _ in range(dice.randint(1, 20))))
        found.append((MemoryCopy.read(data / "ledger.db"), anchor))
        ledger.close()
    return [_Case(rows=rows, anchor=anchor, witness_key=witness.vkey, signer=ledger.signer) for rows, anchor in found]


def _item(dice: random.Random) -> tuple[Any, bytes | None]:
    account, text = f"acct_{dice.randrange(8)}", dice.randbytes(dice.randrange(400))
    if dice.random() < 0.1:
        return envelope(KeyIssued(key_id=new_id("key"), principal=new_id("prin"), digest="0" * 64), account=account), None
    if dice.random() < 0.5:
        body = ExchangeAdmitted(dialect="chat", model="m", upstream="u", tier=Tier.PUBLIC, key_id="k", request_bytes=len(text))
        return envelope(body, account=account, correlation=new_id("ex")), text
    return envelope(ExchangeCompleted(outcome="answered", decision="allow"), account=account, correlation=new_id("ex")), text


def _attack(case: _Case, kind: str, dice: random.Random, *, holds_key: bool) -> Rows:
    """Alter a copy until it differs within what the anchor covers, then make it look right: counters, times, tiles, head, signature.

    An attacker with the log key touches the anchored part only: past it, who holds that key *is* the log.
    """
    reach = case.anchor.size if holds_key else case.rows.size
    while True:
        rows = case.rows.copy()
        _KINDS[kind](rows, dice, reach)
        if dice.random() < 0.5:
            _renumber(rows)
        if rows.entries[:reach] != case.rows.entries[:reach] or rows.contents != case.rows.contents or rows.size < case.anchor.size:
            break
    if holds_key or dice.random() < 0.7:
        _rebuild(rows, case if holds_key else None)
    if dice.random() < 0.5:
        rows.cosigned = []
    return rows


def _rebuild(rows: Rows, case: _Case | None) -> None:
    """Recompute tiles, root and head; sign them if the log key is at hand."""
    frontier = Frontier()
    frontier.extend(leaf_hash(entry.header) for entry in rows.entries)
    tiles = frontier.changed_tiles()
    rows.tiles = [tuple(tiles[start : start + 3]) for start in range(0, len(tiles), 3)]
    at_us = max((header["at_us"] for header in map(_header, rows.entries)), default=0)
    note = case.signer.checkpoint(frontier.size, frontier.root()) if case else rows.head[3]
    rows.head = (frontier.size, frontier.root(), at_us, note)


def _renumber(rows: Rows) -> None:
    """Give every writer a counter without gaps, and times that do not decrease."""
    counters: Counter[str] = Counter()
    at_us = 0
    for entry in rows.entries:
        header = _header(entry)
        counters[header["writer"]] += 1
        at_us = max(at_us, header["at_us"])
        _put(entry, header | {"n": counters[header["writer"]], "at_us": at_us})


def _header(entry: Any) -> dict[str, Any]:  # noqa: ANN401 - a mutable row
    value: dict[str, Any] = msgspec.json.decode(entry.header)
    return value


def _put(entry: Any, header: dict[str, Any]) -> None:  # noqa: ANN401 - a mutable row
    entry.header = msgspec.json.encode(header, order="sorted")
    entry.kind, entry.state = header["kind"], int(header["kind"].encode() not in offline.HOT)


def _edit(rows: Rows, dice: random.Random, reach: int) -> None:
    entry = rows.entries[dice.randrange(reach)]
    header = _header(entry)
    what = dice.choice(("actor", "account", "correlation", "kind", "facts", "content", "hash", "erased"))
    if what == "facts" and entry.facts:
        entry.facts = _flip(entry.facts, dice)
        header["facts_sha256"] = hashlib.sha256(entry.facts).hexdigest() if dice.random() < 0.5 else header["facts_sha256"]
    elif what == "content" and entry.seq in rows.contents:
        key, body = rows.contents[entry.seq]
        rows.contents[entry.seq] = (key, _flip(body, dice))
        header["content_sha256"] = (
            hashlib.sha256(rows.contents[entry.seq][1]).hexdigest() if dice.random() < 0.5 else header["content_sha256"]
        )
    elif what == "hash":
        header["facts_sha256"] = dice.randbytes(32).hex()
    elif what == "erased":
        header["erased"] = [*header["erased"], dice.randrange(2**40)]
    else:
        field = what if what in header else "actor"
        header[field] = "request_refused.v1" if field == "kind" else header[field] + "x"
    _put(entry, header)


def _flip(data: bytes, dice: random.Random) -> bytes:
    place = dice.randrange(len(data))
    return data[:place] + bytes([data[place] ^ (1 << dice.randrange(8))]) + data[place + 1 :]


def _delete(rows: Rows, dice: random.Random, reach: int) -> None:
    rows.remove(dice.randrange(reach))


def _insert(rows: Rows, dice: random.Random, reach: int) -> None:
    place = dice.randrange(reach)
    header = _header(rows.entries[place])
    rows.insert(place)
    _put(rows.entries[place], header | {"id": new_id("ev"), "correlation": new_id("ex")})


def _reorder(rows: Rows, dice: random.Random, reach: int) -> None:
    if reach > 1:
        rows.swap(*dice.sample(range(reach), 2))


def _truncate(rows: Rows, dice: random.Random, reach: int) -> None:
    for place in range(rows.size - 1, dice.randrange(min(reach, rows.size)) - 1, -1):
        rows.remove(place)


def _fork(rows: Rows, dice: random.Random, reach: int) -> None:
    """From some place on, another history of the same length, or shorter, or longer."""
    start = dice.randrange(reach)
    for entry in rows.entries[start:]:
        _put(entry, _header(entry) | {"id": new_id("ev")})
    if dice.random() < 0.3:
        rows.insert(start)


def _header_swap(rows: Rows, dice: random.Random, reach: int) -> None:
    one, other = rows.entries[dice.randrange(reach)], rows.entries[dice.randrange(reach)]
    first, second = _header(one), _header(other)
    _put(one, second)
    _put(other, first)


def _counter_gap(rows: Rows, dice: random.Random, reach: int) -> None:
    place = dice.randrange(reach)
    writer = _header(rows.entries[place])["writer"]
    for entry in rows.entries[place:]:
        header = _header(entry)
        if header["writer"] == writer:
            _put(entry, header | {"n": header["n"] + 1})


def _back_date(rows: Rows, dice: random.Random, reach: int) -> None:
    """One entry, or all up to a place, some time earlier."""
    place = dice.randrange(reach)
    for entry in rows.entries[0 if dice.random() < 0.5 else place : place + 1]:
        header = _header(entry)
        _put(entry, header | {"at_us": max(0, header["at_us"] - dice.randrange(1, 10 ** dice.randint(1, 12)))})


_KINDS: Final[dict[str, Callable[[Rows, random.Random, int], None]]] = {
    "edit": _edit,
    "delete": _delete,
    "insert": _insert,
    "reorder": _reorder,
    "truncate": _truncate,
    "fork": _fork,
    "header swap": _header_swap,
    "counter gap": _counter_gap,
    "back-dating": _back_date,
}
