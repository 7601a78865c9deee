"""``bartizan ledger``: verify, prove, export, hold and erase what is on record."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bartizan.cli.terminal import Data, Json, Key, Settings, data_directory, emit, safe, say, settings_file

if TYPE_CHECKING:
    from bartizan.ledger import Ledger, Witness

app = typer.Typer(no_args_is_help=True, help="Verify, prove, export, hold and erase what is on record.", pretty_exceptions_enable=False)

Reason = Annotated[str, typer.Option("--reason", help="Goes on record", prompt=True)]


@app.command()
def verify(
    path: Annotated[Path | None, typer.Argument(help="A copy of a data directory, or a bundle [default: the data directory]")] = None,
    checkpoint: Annotated[Path | None, typer.Option(help="The last cosigned checkpoint, kept elsewhere")] = None,
    log_key: Annotated[str, typer.Option(help="Verifier key of the log, kept elsewhere")] = "",
    witness_key: Annotated[list[str] | None, typer.Option(help="Verifier key of a witness, kept elsewhere; repeat it")] = None,
    headers_only: Annotated[bool, typer.Option(help="Leave out the ciphertexts")] = False,
    data: Data = None,
    json: Json = False,
) -> None:
    """Check every entry, hash, tile, signature, counter and time; exit code 1 if anything does not hold."""
    from bartizan.ledger import verify as check

    anchor = checkpoint.read_text() if checkpoint is not None else None
    report = check(path or data_directory(data), log_key=log_key, witness_keys=witness_key or [], anchor=anchor, headers_only=headers_only)
    if json:
        emit({"ok": report.ok, **report.__dict__})
    else:
        sys.stdout.write(safe(report.text()))
    if not report.ok:
        raise typer.Exit(1)


@app.command()
def prove(
    seq: Annotated[int, typer.Argument(help="Place of the entry, from 0")], data: Data = None, config: Settings = None, json: Json = False
) -> None:
    """Show an entry's header with its inclusion proof against the newest checkpoint."""
    import base64

    with _open(data, config) as ledger:
        proof = ledger.prove(seq)
    path = [base64.b64encode(node).decode() for node in proof.path]
    if json:
        emit({"seq": seq, "header": proof.header.decode(), "checkpoint": proof.checkpoint.note, "path": path})
    else:
        sys.stdout.write(safe("\n".join([f"entry {seq}", proof.header.decode(), "", *path, "", proof.checkpoint.note])))


@app.command()
def export(
    seq: Annotated[list[int], typer.Argument(help="Places of the entries to prove")],
    out: Annotated[Path, typer.Option(help="Where the bundle goes")],
    at: Annotated[int | None, typer.Option(help="Prove against the cosigned checkpoint of at most this size")] = None,
    data: Data = None,
    config: Settings = None,
) -> None:
    """Write a bundle that proves some entries to whoever has the offline verifier; nothing in it is decrypted."""
    with _open(data, config) as ledger:
        out.write_bytes(ledger.export(seq, witnesses=[_witness(ledger).vkey], at=at))
    say(f"wrote {out}; check it with: bartizan ledger verify {out}")


@app.command()
def erase(
    account: Annotated[list[str], typer.Argument(help="Accounts (pseudonyms) whose personal text is forgotten")],
    reason: Reason,
    requested_by: Annotated[str, typer.Option(help="Who asked; goes on record")] = "",
    data: Data = None,
    config: Settings = None,
    key: Key = "",
    json: Json = False,
) -> None:
    """Destroy the keys of accounts' texts. It cannot be undone; held accounts are refused. A duty of privacy officers."""
    from bartizan.cli.office import office

    with office(data, config) as desk:
        actor = desk.enter(key)
        desk.permit(actor, "content.erase")
        erased = desk.ledger.erasure.erase(account, reason=reason, requested_by=requested_by, actor=actor.id)
        desk.ledger.erasure.reclaim()
    if json:
        emit(erased)
    else:
        sys.stdout.write(f"{len(erased.keys)} keys destroyed; receipts: entries {', '.join(map(str, erased.receipts)) or 'none'}\n")


@app.command()
def hold(
    account: Annotated[list[str], typer.Argument(help="Accounts (pseudonyms), or * for all")],
    reason: Reason,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
    json: Json = False,
) -> None:
    """Ask to forbid that anything of some accounts is erased; in force once others have approved it (bartizan case approve)."""
    from bartizan.cli.office import office
    from bartizan.monitor import holds
    from bartizan.policy import Resource

    with office(data, config) as desk:
        actor = desk.enter(key)
        desk.permit(actor, "hold.place", Resource(type="Hold", id="new", attributes={"proposer": actor.person}))
        needed = holds.needed(desk.directory.profile)
        approval = holds.ask_to_place(desk.desk, desk.directory.profile, account, reason, actor=actor)
    say(f"waits for {needed} other person(s): bartizan case approve {approval}")
    if json:
        emit({"approval": approval, "needed": needed})
    else:
        sys.stdout.write(f"{approval}\n")


@app.command()
def release(
    hold: Annotated[str, typer.Argument(help="Id of the hold")],
    reason: Reason,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
    json: Json = False,
) -> None:
    """Ask to end a hold, a duty of privacy officers; it ends once others have approved it (bartizan case approve)."""
    from bartizan.cli.office import office
    from bartizan.monitor import holds
    from bartizan.policy import Resource

    with office(data, config) as desk:
        actor = desk.enter(key)
        desk.permit(actor, "hold.release", Resource(type="Hold", id=hold, attributes={"proposer": actor.person}))
        needed = holds.needed(desk.directory.profile)
        approval = holds.ask_to_release(desk.ledger, desk.desk, desk.directory.profile, hold, reason, actor=actor)
    say(f"waits for {needed} other person(s): bartizan case approve {approval}")
    if json:
        emit({"approval": approval, "needed": needed})
    else:
        sys.stdout.write(f"{approval}\n")


@app.command()
def holds(data: Data = None, config: Settings = None, json: Json = False) -> None:
    """List the holds in force."""
    with _open(data, config) as ledger:
        found = ledger.erasure.holds()
    if json:
        emit(found)
    else:
        sys.stdout.write("".join(f"{name} {safe(', '.join(subjects))}\n" for name, subjects in found.items()))


@app.command()
def witness(data: Data = None, config: Settings = None, json: Json = False) -> None:
    """Have the local witness cosign the newest checkpoint; print it, to be kept elsewhere with both verifier keys."""
    from bartizan.ledger import LIMITS

    with _open(data, config) as ledger:
        local = _witness(ledger)
        checkpoint = ledger.cosign(local)
    say(f"note: {LIMITS}")
    if json:
        emit({"checkpoint": checkpoint.note, "log_key": ledger.signer.vkey, "witness_key": local.vkey, "limits": LIMITS})
    else:
        say(f"log key: {ledger.signer.vkey}\nwitness key: {local.vkey}")
        sys.stdout.write(checkpoint.note)


@app.command()
def retention(
    apply: Annotated[bool, typer.Option("--apply", help="Destroy what is due now, and reclaim its space")] = False,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
    json: Json = False,
) -> None:
    """Show how long each class is kept; with --apply, run the schedule, which `bartizan up` also does every hour."""
    import msgspec

    from bartizan.config import RetentionSettings, load

    chosen = settings_file(config)
    settings = load(chosen).retention if chosen else RetentionSettings()
    result: dict[str, object] = {"content_days": settings.content_days, "facts_days": settings.facts_days}
    if apply:
        from bartizan.cli.office import office

        with office(data, config) as desk:
            desk.permit(desk.enter(key), "retention.apply")
            result["erased"] = msgspec.to_builtins(desk.ledger.erasure.apply_retention(time.time(), settings))
    if json:
        emit(result)
        return
    for name, days in settings.content_days.items():
        sys.stdout.write(f"{name:<11} text {days:>5} days, facts {settings.facts_days.get(name, 0):>5} days\n")
    if apply:
        sys.stdout.write(f"{result['erased']}\n")


@contextlib.contextmanager
def _open(data: Path | None, config: Path | None) -> Iterator[Ledger]:
    from bartizan.config import LedgerSettings, load
    from bartizan.errors import StoreError
    from bartizan.ledger import Ledger

    directory = data_directory(data)
    if not (directory / "ledger.db").exists():
        raise StoreError(f"there is no ledger in {directory}", hint="name the data directory with --data, or make one with bartizan up")
    chosen = settings_file(config)
    ledger = Ledger.open(directory, role="cli", settings=load(chosen).ledger if chosen else LedgerSettings())
    try:
        yield ledger
    finally:
        ledger.close()


def _witness(ledger: Ledger) -> Witness:
    from bartizan.ledger import Witness

    return Witness(ledger.data / "secrets" / "witness")
