"""``bartizan code model | triage | judge | sca | advisories | history | import | hook``: what lies around the scan."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bartizan.cli.terminal import Json, emit, safe, say

Target = Annotated[str, typer.Argument(metavar="PATH|GIT-URL", help="A folder, a file, a repository or its address")]
Words = Annotated[Path | None, typer.Option("--feedback", help="Judgements of analysts, as `code judge` writes them")]

advisories = typer.Typer(no_args_is_help=True, add_completion=False, help="Snapshots of advisories: sign, check.")


def mount(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(model)
    app.command()(triage)
    app.command()(judge)
    app.command()(sca)
    app.add_typer(advisories, name="advisories")
    app.command()(history)
    app.command("import")(import_)
    app.command()(check)
    app.command()(hook)


def model(
    target: Target = ".",
    out: Annotated[Path | None, typer.Option("--out", help="Write Markdown to this file [default: stdout]")] = None,
    json: Json = False,
) -> None:
    """Read a threat model off the source: ways in and their guards, borders, stores, calls to others, secrets by name."""
    from bartizan.workbench.code import threatmodel
    from bartizan.workbench.code.repo import open_source

    with open_source(target) as opened:
        made = threatmodel.build(opened.tree)
    if json:
        emit(made)
    elif out is not None:
        out.write_text(threatmodel.markdown(made), encoding="utf-8")
        say(f"{len(made.entries)} ways in, {len(made.boundaries)} borders; {out}")
    else:
        sys.stdout.write(threatmodel.markdown(made))


def triage(  # noqa: PLR0917 - typer calls it by name
    logs: Annotated[list[Path] | None, typer.Argument(metavar="SARIF...", help="Logs of other tools", exists=True, dir_okay=False)] = None,
    tree: Annotated[str, typer.Option("--tree", help="The source: scanned too, and its threat model weighs the findings")] = "",
    diff: Annotated[str, typer.Option("--diff", help="A..B, or staged: of the tree, only what this change touches")] = "",
    feedback: Words = None,
    baseline: Annotated[Path | None, typer.Option("--baseline", help="Leave out what is in this file", exists=True)] = None,
    write_baseline: Annotated[Path | None, typer.Option("--write-baseline", help="Write what is kept to this file")] = None,
    suppressions: Annotated[
        Path | None, typer.Option("--suppressions", help="A file of [[suppress]] tables, each with an end", exists=True)
    ] = None,
    priors: Annotated[
        Path | None, typer.Option("--priors", help="How often rules are right [default: the shipped table]", exists=True)
    ] = None,
    least: Annotated[float, typer.Option(min=0, max=1, help="Drop what is less likely right than this")] = 0.1,
    tests: Annotated[bool, typer.Option("--tests", help="Keep findings in tests too")] = False,
    sarif: Annotated[Path | None, typer.Option("--sarif", help="Write what is kept as SARIF")] = None,
    md: Annotated[Path | None, typer.Option("--md", help="Write Markdown")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write one HTML page")] = None,
    json: Json = False,
) -> None:
    """Merge what tools say of one tree, weigh it, drop what nobody needs to see with its reason, and put the rest in order."""
    from bartizan.cli.code_desk import Wanted, run_triage

    wanted = Wanted(
        logs=tuple(logs or ()),
        tree=tree,
        diff=diff,
        feedback=feedback,
        baseline=baseline,
        suppressions=suppressions,
        priors=priors,
        least=least,
        tests=tests,
    )
    done = run_triage(wanted)
    from bartizan.cli import code_desk

    code_desk.write(done, sarif=sarif, md=md, html=html, baseline=write_baseline)
    emit(done) if json else sys.stdout.write(code_desk.shown(done))


def judge(
    finding: Annotated[str, typer.Argument(help="Id of a finding, as a SARIF log or --json has it")],
    verdict: Annotated[str, typer.Argument(metavar="true|false", help="Whether it is right")],
    log: Annotated[Path, typer.Option("--sarif", help="The log that holds it", exists=True, dir_okay=False)],
    feedback: Annotated[Path, typer.Option("--feedback", help="Where judgements are kept")],
    by: Annotated[str, typer.Option("--by", help="Who judges")],
    reason: Annotated[str, typer.Option("--reason", help="Why")] = "",
) -> None:
    """Say whether a finding is right; the rate of its rule learns from it."""
    from bartizan.workbench.code import sarif_in
    from bartizan.workbench.code.fusion import Judgement
    from bartizan.workbench.code.fusion.judged import append, now

    if verdict not in {"true", "false"}:
        raise typer.BadParameter("true or false")
    found = [each for each in sarif_in.read(log.read_bytes(), name=str(log)).findings if each.id == finding]
    if not found:
        raise typer.BadParameter(f"{log} holds no finding {finding}")
    word = Judgement(id=finding, tool=found[0].tool, rule=found[0].rule, true=verdict == "true", by=by, at=now(), reason=reason)
    append(feedback, [word])
    say(f"{safe(found[0].rule)} in {safe(found[0].file)}:{found[0].line} is {verdict}")


def sca(  # noqa: PLR0917 - typer calls it by name
    target: Target = ".",
    snapshot: Annotated[Path, typer.Option("--advisories", help="Snapshot of advisories in OSV's form: .jsonl, .gz, .zst")] = Path(
        "osv.jsonl.gz"
    ),
    trust: Annotated[list[str] | None, typer.Option("--trust", help="Public key whose signature holds; may be repeated")] = None,
    unsafe_unsigned: Annotated[bool, typer.Option("--unsafe-unsigned", help="Take a snapshot that nobody signed")] = False,
    kev: Annotated[Path | None, typer.Option("--kev", help="CISA's catalogue of what is exploited", exists=True)] = None,
    epss: Annotated[Path | None, typer.Option("--epss", help="FIRST's table of what is likely to be", exists=True)] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Say the smallest safe upgrades; with --write, make them")] = False,
    write: Annotated[bool, typer.Option("--write", help="With --fix: change the files where one line is enough")] = False,
    bom: Annotated[Path | None, typer.Option("--cyclonedx", help="Write CycloneDX 1.6 with VEX")] = None,
    oldest: Annotated[int, typer.Option("--oldest", min=1, help="Fail when the snapshot is older than so many days")] = 30,
    json: Json = False,
) -> None:
    """Judge dependencies by a snapshot of advisories, without a network; exits with 3 when one is reached, 4 when the snapshot is old."""
    from bartizan.cli.code_desk import Dependencies, run_sca

    code = run_sca(
        Dependencies(
            target=target,
            snapshot=snapshot,
            trust=tuple(trust or ()),
            unsafe_unsigned=unsafe_unsigned,
            kev=kev,
            epss=epss,
            fix=fix,
            write=write,
            bom=bom,
            oldest=oldest,
            json=json,
        )
    )
    if code:
        raise typer.Exit(code)


@advisories.command("sign")
def sign_(
    snapshot: Annotated[Path, typer.Argument(help="The snapshot", exists=True, dir_okay=False)],
    key: Annotated[Path, typer.Option("--key", help="Ed25519 private key, PEM without a passphrase", exists=True, dir_okay=False)],
    made: Annotated[str, typer.Option("--made", help="The day on which the advisories were gathered: 2026-11-01")],
    source: Annotated[str, typer.Option("--source", help="From where")] = "",
    licence: Annotated[str, typer.Option("--licence", help="Under which terms")] = "",
) -> None:
    """Sign a snapshot: writes its manifest and signature beside it, and prints the public key for --trust."""
    import base64
    import datetime as dt

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    from bartizan.errors import ConfigError
    from bartizan.workbench.code import sca as room

    try:
        private = load_pem_private_key(key.read_bytes(), None)
        day = dt.date.fromisoformat(made)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"signing {snapshot}: {error}", hint="openssl genpkey -algorithm ed25519 makes a key") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise ConfigError(f"signing {snapshot}: {key} is no Ed25519 key", hint="openssl genpkey -algorithm ed25519 makes one")
    manifest = room.sign(snapshot, private, made=day, source=source, licence=licence)
    say(f"{manifest.rows} entries of {manifest.made}")
    sys.stdout.write(base64.b64encode(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode() + "\n")


@advisories.command("check")
def check_snapshot(
    snapshot: Annotated[Path, typer.Argument(help="The snapshot", exists=True, dir_okay=False)],
    trust: Annotated[list[str], typer.Option("--trust", help="Public key whose signature holds")],
    json: Json = False,
) -> None:
    """Check a snapshot's signature and say how old it is."""
    import datetime as dt

    from bartizan.workbench.code import sca as room

    opened = room.open_snapshot(snapshot, tuple(trust), today=dt.datetime.now(dt.UTC).date())
    age = opened.age_days(dt.datetime.now(dt.UTC).date())
    emit(opened.manifest) if json else say(f"{opened.manifest.rows} entries of {opened.manifest.made}, {age} days old; the signature holds")


def history(
    target: Target = ".",
    most: Annotated[int, typer.Option("--most", min=1, max=10_000, help="Commits to look through, newest first")] = 50,
    revision: Annotated[str, typer.Option("--revision", help="Where to begin")] = "HEAD",
    secrets: Annotated[bool, typer.Option("--secrets", help="Look for credentials only")] = False,
    json: Json = False,
) -> None:
    """Say which commit brought each finding and which took it away; what is gone from the tip is in old commits still."""
    from bartizan.cli.code_desk import history_text
    from bartizan.workbench.code import whole
    from bartizan.workbench.code.history import walk
    from bartizan.workbench.code.repo import open_git

    with open_git(target) as git:
        past = walk(git, revision=revision, most=most, parts=("secrets",) if secrets else whole.PARTS, tell=say)
    emit(past) if json else sys.stdout.write(history_text(past))


def import_(
    log: Annotated[Path, typer.Argument(metavar="SARIF", help="A log of another tool; - for stdin")],
    json: Json = False,
) -> None:
    """Read a SARIF log as bartizan would, and say what it holds and what was left out."""
    from bartizan.workbench.code import sarif_in

    data = sys.stdin.buffer.read(300 << 20) if str(log) == "-" else log.read_bytes()
    scan = sarif_in.read(data, name=str(log))
    if json:
        emit(scan)
        return
    for one in scan.findings:
        sys.stdout.write(safe(f"{one.file}:{one.line}  {one.severity}  CWE-{one.cwe}  {one.tool}  {one.rule}") + "\n")
    say(f"{len(scan.findings)} findings by {safe(scan.tool)}; {len(scan.notes)} left out")


def check(
    target: Target = ".",
    diff: Annotated[str, typer.Option("--diff", help="A..B, A...B, or staged")] = "staged",
    pr: Annotated[str, typer.Option("--pr", help="A patch file, or two revisions, in place of --diff")] = "",
    severity: Annotated[str, typer.Option("--severity", help="From which severity a finding stops the change")] = "high",
    least: Annotated[float, typer.Option("--least", min=0, max=1, help="From which probability on")] = 0.5,
    sarif: Annotated[Path | None, typer.Option("--sarif", help="Write what the change brings as SARIF")] = None,
    json: Json = False,
) -> None:
    """Say what a change brings that was not there before; exits with 3 when something of it is likely and grave."""
    from bartizan.cli.code_desk import run_check

    if severity not in {"low", "medium", "high", "critical"}:
        raise typer.BadParameter("low, medium, high or critical", param_hint="--severity")
    if run_check(target, "" if pr else diff, pr, severity=severity, least=least, sarif=sarif, json=json):
        raise typer.Exit(3)


def hook(
    target: Annotated[Path, typer.Argument(help="The repository")] = Path(),
    install: Annotated[bool, typer.Option("--install", help="Write it as the repository's pre-commit hook")] = False,
    ci: Annotated[bool, typer.Option("--ci", help="Print a workflow for pull requests instead")] = False,
) -> None:
    """Print a pre-commit hook, or install it, or print a workflow: both fail on a new finding that is likely and grave."""
    from bartizan.cli.code_desk import hook_text, install_hook, workflow_text

    if install:
        say(f"written: {install_hook(target)}")
    else:
        sys.stdout.write(workflow_text() if ci else hook_text())
