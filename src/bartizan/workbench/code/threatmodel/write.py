"""The model as Markdown; what the source says is shown as code, so that nothing of it acts as markup."""

from __future__ import annotations

from collections.abc import Iterable

from bartizan.workbench.code.threatmodel.model import Entry, Model, Place


def code(text: str) -> str:
    """Return text of others as Markdown code: one line, no backticks, no pipes, no markup."""
    plain = "".join(character if character.isprintable() else " " for character in text).replace("`", "'").replace("|", "¦").strip()
    return f"`{plain}`" if plain else ""


def markdown(model: Model) -> str:
    """Return the model for people."""
    web = [entry for entry in model.entries if entry.kind == "web"]
    open_ = [entry for entry in web if not entry.guard]
    lines = [
        f"# Threat model of {code(model.name)}",
        "",
        _summary(model, len(open_), len(web)),
        "",
        "## Ways in",
        "",
        *_table(("kind", "method", "path", "function", "guard", "where"), (_row(entry) for entry in model.entries)),
        "",
        "## Borders",
        "",
    ]
    for boundary in model.boundaries:
        lines += [f"### {boundary.name}", "", f"Outside: {boundary.outside}. Inside: {boundary.inside}.", ""]
        lines += [f"- {threat}" for threat in boundary.threats] + [""]
    for title, places in (("Stores", model.stores), ("Calls to others", model.calls), ("Secrets by name", model.secrets)):
        lines += [f"## {title}", "", *_table(("what", "where"), (_place(place) for place in places)), ""]
    return "\n".join(lines)


def _summary(model: Model, unguarded: int, web: int) -> str:
    return (
        f"Read off {model.files} source files. Ways in: {len(model.entries)}; web entries without a guard that was seen: "
        f"{unguarded} of {web}; kinds of store: {len(model.stores)}, of calls to others: {len(model.calls)}. "
        "A guard in a router or a proxy is not seen here."
    )


def _row(entry: Entry) -> tuple[str, ...]:
    return (
        entry.kind,
        code(entry.method),
        code(entry.path),
        code(entry.function),
        code(entry.guard) or "none seen",
        code(f"{entry.file}:{entry.line}"),
    )


def _place(place: Place) -> tuple[str, ...]:
    more = f" and {len(place.places) - 3} more" if len(place.places) > 3 else ""
    return (code(place.name), ", ".join(code(at) for at in place.places[:3]) + more)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    body = [f"| {' | '.join(row)} |" for row in rows]
    return [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *body] if body else ["None seen."]
