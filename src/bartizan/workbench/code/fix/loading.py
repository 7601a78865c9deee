"""CWE-502 and CWE-95: loaders that build any object become loaders of plain data."""

from __future__ import annotations

import libcst as cst

from bartizan.workbench.code.fix.calls import argument, calls_of, drop, has_star, is_name, keyword, positional, replace, set_keyword
from bartizan.workbench.code.fix.codemod import Codemod, Declined, Edit, Patch, Site
from bartizan.workbench.code.fix.parts import literal
from bartizan.workbench.code.fix.source import Source

_YAML = {
    "yaml.load": "safe_load",
    "yaml.load_all": "safe_load_all",
    "yaml.full_load": "safe_load",
    "yaml.full_load_all": "safe_load_all",
    "yaml.unsafe_load": "safe_load",
    "yaml.unsafe_load_all": "safe_load_all",
}
_PICKLES = ("pickle", "cPickle", "_pickle", "dill", "cloudpickle")
_LOADS = {f"{module}.{name}": name for module in _PICKLES for name in ("load", "loads")}
_DUMPS = {f"{module}.{name}": name for module in _PICKLES for name in ("dump", "dumps")}


def _yaml(source: Source, site: Site) -> Patch | Declined | None:
    for call in calls_of(source, site, _YAML):
        if has_star(call):
            return Declined(reason="the arguments can't be seen")
        loader = argument(call, 1, "Loader")
        edits = [] if loader is None else [drop(source, call, loader)]
        plain = isinstance(call.func, cst.Name)
        safe = _YAML[source.name(call.func)]
        named = source.code(call.func.value) if isinstance(call.func, cst.Attribute) else "yaml"
        edits.append(replace(source, call.func, f"{named}.{safe}"))
        return Patch(edits=tuple(edits), imports=("import yaml",) if plain else (), note="only plain data is loaded, no objects")
    return _ruamel(source, site)


def _ruamel(source: Source, site: Site) -> Patch | None:
    for call in calls_of(source, site, {"ruamel.yaml.YAML"}):
        kind = argument(call, 0, "typ")
        if kind is not None and literal(kind.value) in {"unsafe", "base"}:
            return Patch(edits=(replace(source, kind.value, '"safe"'),), note="only plain data is loaded, no objects")
    return None


def _pickle(source: Source, site: Site) -> Patch | Declined | None:
    found = calls_of(source, site, _LOADS)
    if not found:
        return None
    everything = [node for node in source.nodes if isinstance(node, cst.Call)]
    writes = [call for call in everything if source.name(call.func) in _DUMPS]
    reads = [call for call in everything if source.name(call.func) in _LOADS]
    if not writes:
        return Declined(reason="what is unpickled is written elsewhere; another format would not read it")
    shapes = [positional(call, 0) for call in writes]
    if any(shape is None or not _is_plain(source, shape.value) for shape in shapes) or any(has_star(call) for call in writes + reads):
        return Declined(reason="what is pickled may be more than JSON can hold")
    edits = [edit for call in writes + reads for edit in _as_json(source, call)]
    return Patch(
        edits=tuple(edits),
        imports=("import json",),
        note="JSON is read and written in place of pickles; stored pickles are not read any more",
    )


def _as_json(source: Source, call: cst.Call) -> list[Edit]:
    name = _LOADS.get(source.name(call.func)) or _DUMPS[source.name(call.func)]
    edits = [replace(source, call.func, f"json.{name}")]
    for index, arg in enumerate(call.args):
        if (arg.keyword is not None and arg.keyword.value in {"protocol", "fix_imports", "encoding", "errors"}) or (
            name == "dumps" and index == 1
        ):
            edits.append(drop(source, call, arg))
    if name == "dumps":
        end = source.span(call)[1]
        edits.append(Edit(end, end, ".encode()"))
    return edits


def _is_plain(source: Source, node: cst.BaseExpression) -> bool:  # noqa: PLR0911 - one line a kind
    """Say whether JSON gives a value back as it was: dicts with string keys, lists, strings, numbers, booleans, None."""
    match node:
        case cst.Dict(elements=elements):
            return all(
                isinstance(each, cst.DictElement) and literal(each.key) is not None and _is_plain(source, each.value) for each in elements
            )
        case cst.List(elements=elements):
            return all(_is_plain(source, each.value) for each in elements)
        case cst.SimpleString() | cst.ConcatenatedString() | cst.Integer() | cst.Float() | cst.FormattedString():
            return True
        case cst.Name(value=value) if value in {"True", "False", "None"}:
            return True
        case cst.Name():
            assign = source.assigned(node)
            return assign is not None and assign.value is not None and len(source.uses(node)) == 1 and _is_plain(source, assign.value)
        case cst.Call(func=cst.Name(value="str" | "int" | "float" | "bool")):
            return True
        case _:
            return False


def _models(source: Source, site: Site) -> Patch | None:
    for call in calls_of(source, site, {"torch.load", "numpy.load", "pandas.read_pickle"}):
        match source.name(call.func):
            case "torch.load":
                return Patch(edits=(set_keyword(source, call, "weights_only", "True"),), note="only tensors are loaded, no objects")
            case "numpy.load":
                allowed = keyword(call, "allow_pickle")
                if allowed is not None and is_name(allowed.value, "True"):
                    return Patch(edits=(replace(source, allowed.value, "False"),), note="only arrays are loaded, no objects")
    return None


def _evaluated(source: Source, site: Site) -> Patch | Declined | None:
    for call in calls_of(source, site, {"eval", "builtins.eval"}):
        if len(call.args) != 1 or call.args[0].star or call.args[0].keyword:
            return Declined(reason="eval has names to look up, so it is asked for more than literals")
        value = call.args[0].value
        if not isinstance(value, (cst.Name, cst.Attribute, cst.Subscript, cst.Call)):
            return Declined(reason="the expression is built here, so it is asked for more than literals")
        parent = source.parent(call)
        if isinstance(parent, cst.Call) and parent.func is call:
            return Declined(reason="what eval gives is called")
        return Patch(
            edits=(replace(source, call.func, "ast.literal_eval"),),
            imports=("import ast",),
            note="only literals are read: numbers, strings, lists, dicts; anything else is refused with ValueError",
        )
    return None


LOADING = (
    Codemod(id="yaml-safe-load", cwes=(502, 20, 94), doc="YAML is loaded as plain data, never as objects.", rewrite=_yaml),
    Codemod(
        id="pickle-to-json",
        cwes=(502,),
        doc="Pickles that a file writes and reads itself become JSON, where JSON can hold them.",
        rewrite=_pickle,
    ),
    Codemod(id="weights-only", cwes=(502,), doc="torch.load and numpy.load read tensors and arrays only.", rewrite=_models),
    Codemod(id="literal-eval", cwes=(94, 95, 20), doc="eval of data becomes ast.literal_eval.", rewrite=_evaluated),
)
