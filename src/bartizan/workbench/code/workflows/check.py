"""Check workflow files: strangers' code with rights, text of strangers in scripts, actions that can change, rights beyond need.

Sources: GitHub's "Security hardening for GitHub Actions" and "Keeping your GitHub Actions and workflows secure" (pull_request_target).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import re2

from bartizan.workbench.code.finding import Finding, Note, Severity, Step, fingerprint
from bartizan.workbench.code.repo import Tree

_stranger: Final = re2.compile(
    r"\$\{\{[^}]*?\b(github\.head_ref|github\.event\.(?:issue|pull_request|comment|review|review_comment|discussion|release|workflow_run)[\w.]*\."
    r"(?:title|body|ref|label|default_branch|email|name|message|head_branch|page_name|login)|github\.event\.(?:head_commit|commits)[\w.*\[\]]*"
    r"|github\.event\.pages[\w.*\[\]]*|github\.event\.inputs\.\w+|inputs\.\w+)[^}]*\}\}"
)
_pinned: Final = re2.compile(r"@[0-9a-f]{40}$|@sha256:[0-9a-f]{64}$")
_head: Final = re2.compile(
    r"github\.event\.pull_request\.head|github\.head_ref|refs/pull/|workflow_run\.head_(?:sha|branch)|gh pr checkout"
)
_piped: Final = re2.compile(r"(?:curl|wget)[^|\n;]{1,300}\|\s*(?:sudo\s+)?(?:ba|z|da)?sh\b")
_LARGEST: Final = 512 << 10
_DEEPEST: Final = 60


class _Lined:
    """A mapping or list of YAML with the line of each key; what is not text, mapping or list is left out."""

    __slots__ = ("at", "value")

    def __init__(self, value: Any, at: int) -> None:  # noqa: ANN401 - what YAML holds
        self.value = value
        self.at = at

    def get(self, key: str) -> _Lined | None:
        return self.value.get(key) if isinstance(self.value, dict) else None

    def text(self) -> str:
        return self.value if isinstance(self.value, str) else ""

    def items(self) -> Iterator[tuple[str, _Lined]]:
        yield from self.value.items() if isinstance(self.value, dict) else ()

    def each(self) -> Iterator[_Lined]:
        yield from self.value if isinstance(self.value, list) else ()


def scan(tree: Tree, notes: list[Note], *, only: frozenset[str] | None = None) -> tuple[Finding, ...]:
    """Return what is wrong in the workflows of a tree."""
    found: list[Finding] = []
    for file in tree.ending(".yml", ".yaml"):
        name = file.path.rpartition("/")[2]
        if not (file.path.startswith(".github/workflows/") or name in {"action.yml", "action.yaml"}) or (
            only is not None and file.path not in only
        ):
            continue
        if file.size > _LARGEST:
            notes.append(Note(code="too-large", file=file.path, message="a workflow that is not read"))
            continue
        text = tree.read(file.path).decode("utf-8", "replace")
        if (root := _load(text)) is None:
            notes.append(Note(code="syntax-error", file=file.path, message="no YAML that can be read"))
            continue
        found += _Check(file.path, text).run(root)
    return tuple(found)


def _load(text: str) -> _Lined | None:
    import yaml  # noqa: PLC0415 - only where there is a workflow

    if _nested(text) > _DEEPEST:  # PyYAML takes quadratic time over open brackets
        return None
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        return _lined(node, 0) if node is not None else None
    except (yaml.YAMLError, RecursionError, ValueError):
        return None


def _nested(text: str) -> int:
    """Return how many brackets stand open at once, at most; quoted ones count too, for nobody quotes that many."""
    depth = most = 0
    for character in text:
        if character in "[{":
            depth += 1
            most = max(most, depth)
        elif character in "]}":
            depth = max(0, depth - 1)
    return most


def _lined(node: Any, depth: int) -> _Lined:  # noqa: ANN401 - PyYAML has no types
    at = node.start_mark.line + 1
    if depth > 30:
        return _Lined("", at)
    if isinstance(node.value, str):
        return _Lined(node.value, at)
    if node.id == "sequence":
        return _Lined([_lined(each, depth + 1) for each in node.value[:2000]], at)
    return _Lined({key.value: _lined(value, depth + 1) for key, value in node.value[:2000] if isinstance(key.value, str)}, at)


class _Check:
    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.lines = text.splitlines()
        self.found: list[Finding] = []

    def run(self, root: _Lined) -> list[Finding]:
        """Check one file."""
        when = root.get("on") or root.get("true") or _Lined("", 1)  # YAML 1.1 reads a bare `on` as true
        events = {when.text()} | {key for key, _ in when.items()} | {each.text() for each in when.each()}
        rights = root.get("permissions")
        jobs = root.get("jobs") or _Lined({}, 1)
        for _, job in jobs.items():  # noqa: PERF102 - not a dict
            self._job(job, events, rights)
        for step in (root.get("runs") or _Lined({}, 1)).get("steps").each() if root.get("runs") and root.get("runs").get("steps") else ():  # type: ignore[union-attr]  # asked before
            self._step(step, events)
        self._rights(rights, jobs)
        return self.found

    def _job(self, job: _Lined, events: set[str], rights: _Lined | None) -> None:
        steps = list((job.get("steps") or _Lined([], 1)).each())
        for step in steps:
            self._step(step, events)
        uses = job.get("uses")
        if uses is not None:
            self._uses(uses)
        if events & {"pull_request_target", "workflow_run", "issue_comment"}:
            self._pwn(steps, events, rights)
        for holder in (job.get("container"), *(value for _, value in (job.get("services") or _Lined({}, 1)).items())):
            secret = holder.get("credentials").get("password") if holder is not None and holder.get("credentials") else None  # type: ignore[union-attr]  # asked before
            if secret is not None and secret.text() and "${{" not in secret.text():
                self._add("hard-coded-credential", 798, secret.at, "a registry's password stands in the workflow", "high", 0.8)

    def _pwn(self, steps: list[_Lined], events: set[str], rights: _Lined | None) -> None:
        for number, step in enumerate(steps):
            uses = (step.get("uses") or _Lined("", 1)).text()
            given = step.get("with") or _Lined({}, 1)
            ref = (given.get("ref") or _Lined("", 1)).text() + (given.get("repository") or _Lined("", 1)).text()
            run = (step.get("run") or _Lined("", 1)).text()
            if not ((uses.startswith("actions/checkout") and _head.search(ref)) or "gh pr checkout" in run):
                continue
            runs = any(
                later.get("run") is not None or (later.get("uses") or _Lined("", 1)).text().startswith("./")
                for later in steps[number + 1 :]
            )
            event = next(iter(sorted(events & {"pull_request_target", "workflow_run", "issue_comment"})))
            severity: Severity = "critical" if runs else "medium"
            p = 0.85 if runs and rights is None else 0.75 if runs else 0.4
            self._add(
                "dangerous-checkout",
                829,
                step.at,
                f"code of a stranger is checked out under {event}, with the repository's rights",
                severity,
                p,
                (94,),
            )

    def _step(self, step: _Lined, events: set[str]) -> None:
        given = step.get("with") or _Lined({}, 1)
        run = step.get("run")
        if run is not None:
            self._script(run, events)
            if _piped.search(run.text()):
                self._add("piped-script", 494, run.at, "a script is fetched and run without a check", "low", 0.5)
        script = given.get("script")
        if script is not None and "github-script" in (step.get("uses") or _Lined("", 1)).text():
            self._script(script, events)
        if (uses := step.get("uses")) is not None:
            self._uses(uses)
        for key, value in (step.get("env") or _Lined({}, 1)).items():
            if key == "ACTIONS_ALLOW_UNSECURE_COMMANDS" and value.text() == "true":
                self._add("unsecure-commands", 78, value.at, "output of a program can set variables", "high", 0.8)

    def _script(self, script: _Lined, events: set[str]) -> None:
        for number, line in enumerate(script.text().splitlines()):
            if (match := _stranger.search(line)) is None:
                continue
            name = match.group(1)
            own = name.startswith(("inputs.", "github.event.inputs"))
            if own and not events & {"workflow_call", "workflow_dispatch", ""}:
                continue
            at = (
                script.at
                + number
                + (1 if script.at <= len(self.lines) and self.lines[script.at - 1].rstrip().endswith(("|", ">", "|-", ">-", "|+")) else 0)
            )
            severity: Severity = "low" if own else "high"
            self._add(
                "script-injection", 78, at, f"{name} is put into a script as it is; pass it in env", severity, 0.35 if own else 0.85, (94,)
            )

    def _uses(self, uses: _Lined) -> None:
        name = uses.text()
        if not name or name.startswith(("./", "../")) or _pinned.search(name):
            return
        first = name.startswith(("actions/", "github/"))
        self._add(
            "unpinned-action",
            829,
            uses.at,
            f"{name[:80]} can change under its tag; pin the commit",
            "low" if first else "medium",
            0.35 if first else 0.6,
            (1357,),
        )

    def _rights(self, rights: _Lined | None, jobs: _Lined) -> None:
        for each in (rights, *(job.get("permissions") for _, job in jobs.items())):
            if each is not None and each.text() == "write-all":
                self._add("broad-rights", 250, each.at, "every right is given", "medium", 0.75, (732, 269))
        if rights is None and jobs.value and not all(job.get("permissions") is not None for _, job in jobs.items()):
            self._add("default-rights", 250, jobs.at, "no rights are stated, so the repository's defaults hold", "low", 0.3, (732, 269))

    def _add(self, rule: str, cwe: int, line: int, message: str, severity: Severity, p: float, cwes: tuple[int, ...] = ()) -> None:
        text = self.lines[line - 1].strip()[:200] if 0 < line <= len(self.lines) else ""
        rule = f"workflow/{rule}"
        self.found.append(
            Finding(
                id=fingerprint(rule, self.path, "", text, line),
                rule=rule,
                cwe=cwe,
                cwes=cwes,
                file=self.path,
                line=line,
                severity=severity,
                p=p,
                message=message,
                flow=(Step(file=self.path, line=line, text=text, why=message),),
                sink_kind="workflow",
            )
        )
