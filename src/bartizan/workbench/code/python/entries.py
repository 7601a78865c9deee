"""Where a program is entered from outside, and what its parameters then are."""

from __future__ import annotations

from typing import Final

from bartizan.workbench.code.python import ir
from bartizan.workbench.code.python.calls import name_of
from bartizan.workbench.code.python.interpreter import Interpreter
from bartizan.workbench.code.python.state import Object, State
from bartizan.workbench.code.python.statements import Def
from bartizan.workbench.code.python.values import FunctionRef, Origin, Ref, Taint, Taints, Trail, Value

_ROUTES: Final = frozenset(
    [
        "route",
        "get",
        "post",
        "put",
        "delete",
        "patch",
        "head",
        "options",
        "websocket",
        "api_route",
        "expose",
        "view",
        "api_view",
        "errorhandler",
    ]
)
_METHODS: Final = frozenset(
    ["get", "post", "put", "delete", "patch", "head", "options", "dispatch", "prepare", "open", "on_message", "get_queryset", "form_valid"]
)
_TASKS: Final = frozenset({"task", "shared_task", "on_event", "subscriber", "subscribe", "job", "actor"})
_COMMANDS: Final = frozenset({"command", "option", "argument"})
_REQUESTS: Final = frozenset({"request", "req", "_request"})
_VIEWS: Final = (
    "flask.views",
    "django.views",
    "tornado.web",
    "rest_framework",
    "flask_restful",
    "flask_restx",
    "starlette.endpoints",
    "falcon",
    "aiohttp.web",
    "wagtail",
)
_NUMBERS: Final = frozenset({"int()", "float()", "bool()", "uuid.UUID()", "datetime.datetime()", "datetime.date()", "decimal.Decimal()"})
_INJECTED: Final = frozenset({"fastapi.Depends()", "fastapi.Security()", "fastapi.BackgroundTasks()"})


class Entry:
    """A function and the values its parameters have when it is entered."""

    def __init__(self, callee: FunctionRef, kind: str, values: dict[str, Value], routes: tuple[str, ...], answers: str) -> None:
        self.callee = callee
        self.kind = kind
        self.values = values
        self.routes = routes
        self.answers = answers


def kind_of(callee: FunctionRef, *, web: bool) -> str:  # noqa: PLR0911 - one return for each way in
    """Return by what a function is entered: ``web``, ``queue``, ``cli``, or ``param`` for a plain one.

    Args:
        callee: The function.
        web: Its file uses a framework for the web, so that a parameter called ``request`` is one.
    """
    definition = callee.definition
    if not isinstance(definition, Def):
        return "param"
    for decorator in definition.decorators:
        name = name_of(decorator)
        call = decorator if isinstance(decorator, ir.Call) else None
        dotted = call is not None and isinstance(call.func, ir.Attr)
        if name in _ROUTES and (dotted or name in {"api_view", "view", "route"}):
            return "web"
        if name in _TASKS:
            return "queue"
        if name in _COMMANDS:
            return "cli"
    if callee.owner is not None and definition.name in _METHODS and any(base.startswith(_VIEWS) for base in callee.owner.external()):
        return "web"
    names = [param.name for param in definition.params if param.name not in {"self", "cls"}]
    if not web:
        return "web" if names[:2] == ["event", "context"] else "param"
    if names[:2] == ["event", "context"]:
        return "web"
    return "web" if names[:1] and names[0] in _REQUESTS and definition.params[0].name != "self" and callee.owner is None else "param"


def entry_of(callee: FunctionRef, frame: Interpreter, self_value: Value | None) -> Entry:
    """Return what a function's parameters are when it is entered."""
    web = frame.host.uses_web(callee.module)
    kind = kind_of(callee, web=web)
    values: dict[str, Value] = {}
    converters = _converters(callee)
    for at, param in enumerate(callee.definition.params):
        if not param.name:
            continue
        if at == 0 and param.name in {"self", "cls"} and callee.owner is not None:
            values[param.name] = self_value if self_value is not None and param.name == "self" else Value(callees=(callee.owner,))
            continue
        values[param.name] = _parameter(param, kind, callee, frame, converters, web=web)
    routes = _routes(callee)
    fixed = routes if routes and not any("<" in one or "{" in one for one in routes) else ()
    return Entry(callee, kind, values, fixed, _answers(callee, frame) if kind == "web" else "")


def _routes(callee: FunctionRef) -> tuple[str, ...]:
    """Return the literal paths of a handler; none if one of them is not literal."""
    definition = callee.definition
    found: list[str] = []
    for decorator in definition.decorators if isinstance(definition, Def) else ():
        if isinstance(decorator, ir.Call) and name_of(decorator) in _ROUTES:
            first = decorator.args[0] if decorator.args else None
            if not isinstance(first, ir.Const) or not isinstance(first.value, str):
                return ()
            found.append(first.value)
    return tuple(found)


def _answers(callee: FunctionRef, frame: Interpreter) -> str:
    """Return ``html`` where a text that the handler returns becomes a page."""
    definition = callee.definition
    for decorator in definition.decorators if isinstance(definition, Def) else ():
        if isinstance(decorator, ir.Call) and name_of(decorator) in _ROUTES:
            base = decorator.func.value if isinstance(decorator.func, ir.Attr) else decorator.func
            path = frame.eval(base, State()).path
            named = any(keyword.name == "response_class" for keyword in decorator.keywords)
            if path.startswith(("fastapi.", "sanic.", "aiohttp.", "litestar.")) or (
                name_of(decorator) != "route" and not path and not named
            ):
                return ""
            return "html"
    views = callee.owner.external() if callee.owner is not None else ()
    return "html" if any(base.startswith("flask.views") for base in views) else ""


def _parameter(  # noqa: PLR0911 - one return for each kind of parameter
    param: ir.Param, kind: str, callee: FunctionRef, frame: Interpreter, converters: dict[str, str], *, web: bool
) -> Value:
    typed = frame.annotated(param.annotation, State()) if param.annotation is not None else Value()
    if (
        web
        and param.name in _REQUESTS
        and not typed.callees
        and (not typed.path or "equest" in typed.path or typed.path.startswith("web."))
    ):
        return Value(path="web.request")
    if typed.path.startswith("web.") or typed.path in _INJECTED:
        return Value(path=typed.path)
    if typed.path in _NUMBERS or converters.get(param.name) in {"int", "float", "uuid"}:
        return Value(path=typed.path)
    if kind == "web" and isinstance(param.default, ir.Call) and name_of(param.default) in {"depends", "security"}:
        return Value(path=typed.path)
    if kind == "web" and param.name == "context":
        return Value()
    origin = Origin(kind, frame.file, callee.definition.s, param.name)
    noun = "parameter" if kind == "param" else frame.tables.source_noun(kind)
    taints: Taints = {origin: Taint(Trail(None, frame.file, callee.definition.s, f"source: {noun} {param.name} of {callee.name}()"))}
    if kind == "param" and typed.callees:
        return Value(taints)
    return Value(taints, path=typed.path)


def _converters(callee: FunctionRef) -> dict[str, str]:
    """Return the converters that a route's text names: ``<int:id>``, ``{id:int}``."""
    found: dict[str, str] = {}
    definition = callee.definition
    for decorator in definition.decorators if isinstance(definition, Def) else ():
        if not isinstance(decorator, ir.Call) or not decorator.args or not isinstance(decorator.args[0], ir.Const):
            continue
        route = str(decorator.args[0].value)
        for piece in route.replace("{", "<").replace("}", ">").split("<")[1:]:
            inner = piece.partition(">")[0]
            first, colon, second = inner.partition(":")
            if colon:
                found[second], found[first] = first.partition("(")[0], second
    return found


def blank_self(callee: FunctionRef, fields: dict[str, Value], frame: Interpreter) -> tuple[Value, dict[Ref, Object]]:
    """Return an instance for a method to be entered with, and the heap that holds it."""
    owner = callee.owner
    external = next((base for base in owner.external() if base != "object"), "") if owner is not None else ""
    path = frame.tables.canonical(f"{external}()") if external else ""
    ref = Ref("self", owner.definition.s if owner is not None else 0)
    return Value(refs=(ref,)), {ref: Object("object", dict(fields.items()), None, None, owner, path)}
