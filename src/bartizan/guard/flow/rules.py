"""Flow rules: whether a call follows from what people asked for, or from what somebody else planted in what was read.

Nothing here asks whether a text looks malicious before it asks where a value comes from. The text's tone (``Unit.strength``) only
tells a value that was stated from one that came with an order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from bartizan.config import FlowSettings
from bartizan.guard.egress import Place, is_allowed, places
from bartizan.guard.flow import commands, sql
from bartizan.guard.flow.paths import problem as path_problem
from bartizan.guard.flow.profile import Profile, Role
from bartizan.guard.flow.reading import plain, scalars
from bartizan.guard.flow.view import Seen, View

Kind = Literal["tool", "taint", "egress"]
_ADDRESSED: Final[frozenset[Role]] = frozenset({"recipient", "account", "credential", "privilege"})
_HARD: Final = frozenset({"piped-into-interpreter", "unreadable"})
_LOUD: Final = frozenset({"network", "interpreter", "destroys", "expansion", "reveals", "wrapper", "redirection", "assignment", "unlisted"})
_SHORTEST: Final = 3


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a call: which kind of control says so, by which rule, about which argument."""

    kind: Kind
    rule: str
    argument: str = ""


def judge(profile: Profile, arguments: Mapping[str, Any], view: View, policy: FlowSettings) -> list[Finding]:
    """Return what is wrong with a call, the plainest first; nothing for a call that may go."""
    if profile.name in policy.denied:
        return [Finding(kind="tool", rule="denied")]
    found = list(_shape(profile, arguments, view, policy))
    if profile.name in policy.free:
        return found
    found += _egress(profile, arguments, view, policy)
    if view.tainted and not profile.reads_only:
        if not _only_looks(profile, arguments, policy):
            found += _mismatch(profile, view)
        for name, value in _flat(arguments):
            found += _argument(profile, name, value, view)
    return found


def _only_looks(profile: Profile, arguments: Mapping[str, Any], policy: FlowSettings) -> bool:
    """Say whether this call of a tool that could do more only reads: a plain query, a listed program, a request without a body."""
    for name, value in arguments.items():
        match profile.role(name):
            case "sql":
                return not any(sql.problems(str(value)))
            case "command" if policy.programs:
                return not any(commands.problems(str(value), policy.programs))
            case "other" if name.lower() == "method":
                return str(value).upper() in {"GET", "HEAD"} and not arguments.get("body")
            case _:
                pass
    return False


def _flat(arguments: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield every string and number with the name of the argument that it stands under, the nearest one for nested objects."""
    stack: list[tuple[str, Any]] = list(arguments.items())
    while stack:
        name, value = stack.pop(0)
        match value:
            case dict():
                stack = [*value.items(), *stack]
            case list():
                stack = [*((name, member) for member in value), *stack]
            case bool() | None:
                pass
            case _:
                yield str(name), value


def _shape(profile: Profile, arguments: Mapping[str, Any], view: View, policy: FlowSettings) -> Iterator[Finding]:
    """Judge paths, commands and SQL by what they are; what a person wrote out in full is that person's doing."""
    for name, value in _flat(arguments):
        role = profile.role(name)
        if not isinstance(value, str) or not value.strip():
            continue
        typed = view.in_task(plain(value))
        if role == "path" and (why := path_problem(value, policy.roots)) and not (typed and why in {"home", "sensitive", "drive"}):
            yield Finding(kind="tool", rule=f"path-{why}", argument=name)
        if role == "command":
            for why in commands.problems(value, policy.programs):
                if why in _HARD or (why in _LOUD and not typed and (why != "unlisted" or view.tainted)):
                    yield Finding(kind="tool", rule=f"command-{why}", argument=name)
        if role == "sql":
            for why in sql.problems(value):
                if why == "reaches-out" or (why in {"several", "writes"} and view.tainted and not typed and not _asked_to_write(view)):
                    yield Finding(kind="tool", rule=f"sql-{why}", argument=name)


_ROWS: Final = frozenset({"tabl", "row", "databas", "column", "record", "sql", "schema", "entry", "query"})


def _asked_to_write(view: View) -> bool:
    return view.asks_for(("create", "update", "delete"), _ROWS)


def _egress(profile: Profile, arguments: Mapping[str, Any], view: View, policy: FlowSettings) -> Iterator[Finding]:
    """Judge every place that an argument names, in whatever spelling, and secrets on their way out."""
    if profile.reads_only and not profile.outward:
        return
    told: set[str] = set()
    for name, value in _flat(arguments):
        role = profile.role(name)
        for place in places(str(value), name if role in {"url", "host"} else ""):
            rule = "" if place.scheme == "mailto" else _place(place, str(value), profile, view, policy)
            if rule and rule not in told:
                told.add(rule)
                yield Finding(kind="egress", rule=rule, argument=name)
    text = plain("\n".join(str(value) for _, value in _flat(arguments)))
    if profile.outward and any(secret in text and not view.in_task(secret) for secret in view.secrets()):
        yield Finding(kind="egress", rule="secret-out")


def _place(place: Place, value: str, profile: Profile, view: View, policy: FlowSettings) -> str:
    """Return what is wrong with a place that a value names; nothing for one that is listed, or that the task names."""
    if place.problem:
        return place.problem
    if is_allowed(place, policy.hosts) or view.in_task(place.host) or not place.host:
        return ""
    if not view.tainted or (not view.task and not view.planted):
        return ""
    return _stated_place([view.seen(word) for word in _addresses(value, place.host)], profile)


def _stated_place(stated: Sequence[Seen], profile: Profile) -> str:
    if not stated or any(seen.nowhere for seen in stated):
        return "host-from-nowhere"
    if any(seen.planted and not seen.chosen for seen in stated):
        return "host-planted"
    if profile.reads_only or profile.groups & {"run", "share"}:
        return "" if any(seen.chosen or seen.pointed for seen in stated) else "host-not-asked-for"
    return "host-with-order" if all(seen.asked and not seen.said and not seen.leaf for seen in stated) else ""


def _addresses(value: str, host: str) -> list[str]:
    """Return the words of a text that hold a host: whole addresses, for what follows a host may carry data out."""
    found = [word.strip("()<>[]{}\"'`,;!") for word in value.split() if host in plain(word)]
    return [word[word.find("http") :] if "http" in word else word for word in found]


def _mismatch(profile: Profile, view: View) -> Iterator[Finding]:
    """Something from outside was read, and the call does what nobody asked for."""
    changing = profile.groups - {"read"}
    if not view.task or _names_it(profile, view):
        return
    if not profile.asked_by and not profile.own.isdisjoint(view.stems):
        return
    if view.asks_for(changing, profile.things) and (not profile.asked_by or not profile.asked_by.isdisjoint(view.stems)):
        return
    if view.delegates and not view.planted:
        return
    yield Finding(kind="tool", rule="not-asked-for")


def _names_it(profile: Profile, view: View) -> bool:
    return view.in_task(plain(profile.name))


def _argument(profile: Profile, name: str, value: Any, view: View) -> Iterator[Finding]:  # noqa: ANN401 - a string or number
    """Judge one value of a call that changes something, by where it comes from."""
    role = profile.role(name)
    text = str(value).strip()
    if len(text) < _SHORTEST and role not in {"recipient", "id", "account"}:
        return
    if role in {"text", "other", "command"} and len(text) > 120:
        if view.echoes(text):
            yield Finding(kind="taint", rule="echo-of-an-order", argument=name)
        return
    if "remember" in profile.groups and view.echoes(text, run=4, strength=1):
        yield Finding(kind="taint", rule="echo-of-an-order", argument=name)
        return
    for atom in _atoms(text, role):
        if rule := _flaw(profile, role, view.seen(atom, name), view):
            yield Finding(kind="taint", rule=rule, argument=name)
            return
    if role == "text":
        yield from _inside(name, text, view)


def _atoms(text: str, role: Role) -> Sequence[str]:
    if role in _ADDRESSED and ("," in text or ";" in text):
        return [part for part in (each.strip() for each in text.replace(";", ",").split(",")) if part]
    return [text]


def _flaw(profile: Profile, role: Role, seen: Seen, view: View) -> str:
    """Return what is wrong with a value that is seen so; an empty string if nothing is."""
    if seen.task:
        return ""
    aims = role == "id" or role in _ADDRESSED
    if aims and (profile.destructive or "update" in profile.groups) and (seen.leaf or seen.own) and view.task:
        # Among many, the one that the task means: an act that can't be undone must not hit its neighbour.
        return "" if seen.best and not ((seen.asked or seen.planted) and seen.tied) else "another-one"
    if seen.chosen or seen.own:
        return ""
    if seen.planted:
        return "planted"
    if not view.task:
        return ""  # An MCP client need not say what its user wants; then only what was planted can be told.
    return _addressed(profile, role, seen, view) if aims else _stated(profile, role, seen, view)


def _addressed(profile: Profile, role: Role, seen: Seen, view: View) -> str:
    if role == "id" and not (profile.destructive or profile.outward or "update" in profile.groups):
        return ""
    if seen.nowhere:
        return "" if role == "id" else "from-nowhere"
    if seen.leaf:
        return "unrelated" if view.planted or profile.destructive or "pay" in profile.groups else ""
    if role == "id" and seen.pointed and not seen.rivals:
        return ""
    if not seen.pointed or (seen.asked and not seen.said):
        return "came-with-an-order" if seen.asked else "not-pointed-at"
    return "one-of-several" if seen.rivals else ""


def _stated(profile: Profile, role: Role, seen: Seen, view: View) -> str:
    """Judge a value that is no address: one that came only with an order, or against what tables say, is not the user's."""
    if role == "text" or view.delegates or seen.leaf:
        return ""
    if seen.asked and not seen.said:
        return "" if role == "amount" and seen.pointed and "pay" in profile.groups else "came-with-an-order"
    return "not-in-the-table" if seen.said and seen.rivals and role == "other" else ""


def _inside(name: str, text: str, view: View) -> Iterator[Finding]:
    """Look for addresses, accounts and numbers inside a short text."""
    if not view.planted:
        return
    if view.echoes(text):
        yield Finding(kind="taint", rule="echo-of-an-order", argument=name)
        return
    for word in scalars(text.split()):
        bare = word.strip("()<>[]{}\"'`,;!?.")
        if len(bare) >= 5 and any(character.isdigit() or character in "@/" for character in bare):
            seen = view.seen(bare)
            if seen.planted and not (seen.task or seen.chosen or seen.said or seen.leaf):
                yield Finding(kind="taint", rule="planted", argument=name)
                return
