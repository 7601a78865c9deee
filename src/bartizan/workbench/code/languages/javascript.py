"""JavaScript and TypeScript into the common form; grammars from ast-grep."""

from __future__ import annotations

from typing import Any, Final

from ast_grep_py import SgRoot

from bartizan.workbench.code.languages.form import DEEPEST, Form, Import, Module

_GRAMMARS: Final = {".ts": "typescript", ".mts": "typescript", ".cts": "typescript", ".tsx": "tsx"}
_FUNCTIONS: Final = frozenset(
    {
        "function_declaration",
        "function_expression",
        "arrow_function",
        "method_definition",
        "generator_function",
        "generator_function_declaration",
    }
)
_TRUTH: Final = frozenset({"==", "===", "!=", "!==", "<", ">", "<=", ">=", "in", "instanceof"})
_THROUGH: Final = frozenset(
    {
        "parenthesized_expression",
        "await_expression",
        "as_expression",
        "satisfies_expression",
        "non_null_expression",
        "type_assertion",
        "expression_statement",
        "export_statement",
        "decorator",
        "yield_expression",
        "template_substitution",
    }
)
_SKIPPED: Final = frozenset(
    {"comment", "type_annotation", "interface_declaration", "type_alias_declaration", "type_arguments", "hash_bang_line"}
)


def module(path: str, source: str) -> Module:
    """Bring one file into the common form; what can't be parsed is counted, and left out."""
    suffix = path[path.rfind(".") :]
    root = SgRoot(source, _GRAMMARS.get(suffix, "tsx" if suffix in {".jsx", ".js", ".mjs", ".cjs"} else "javascript")).root()
    reader = _Reader()
    body = reader.block(root, 0)
    return Module(
        path=path, language="javascript", body=body, imports=tuple(reader.imports), lines=tuple(source.splitlines()), broken=reader.broken
    )


def unquoted(text: str) -> str:
    """Return what a string literal holds, escapes left as they are."""
    return text[1:-1] if len(text) > 1 and text[0] in "\"'`" else text


class _Reader:
    def __init__(self) -> None:
        self.imports: list[Import] = []
        self.broken = 0

    def block(self, node: Any, depth: int) -> Form:  # noqa: ANN401 - ast-grep has no types
        return Form("block", [form for kid in node.children() if kid.is_named() and (form := self.form(kid, depth + 1))], at=_at(node))

    def form(self, node: Any, depth: int) -> Form | None:  # noqa: ANN401
        """Bring one node into the form; None for what has no meaning here."""
        kind = node.kind()
        if kind in _SKIPPED:
            return None
        if kind == "ERROR":
            self.broken += node.range().end.line - node.range().start.line + 1
        if depth > DEEPEST:
            return Form("many", [], at=_at(node))
        if kind in _FUNCTIONS:
            return self._function(node, depth)
        if kind in _THROUGH:
            return self._all(node, depth)
        method = getattr(self, f"_{kind}", None)
        return method(node, depth) if method else self._other(node, depth)

    def _need(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        return (self.form(node, depth + 1) if node is not None else None) or Form("many", [], at=_at(node) if node is not None else (0, 0))

    def _named(self, node: Any, depth: int) -> list[Form]:  # noqa: ANN401
        return [form for kid in node.children() if kid.is_named() and (form := self.form(kid, depth + 1))]

    def _all(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        kids = self._named(node, depth)
        return kids[-1] if len(kids) == 1 else Form("many", kids, at=_at(node))

    def _other(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        op = "block" if "statement" in node.kind() or node.kind() in {"program", "ERROR", "class_body", "switch_body"} else "many"
        return Form(op, self._named(node, depth), at=_at(node))

    def _identifier(self, node: Any, _: int) -> Form:  # noqa: ANN401
        return Form("name", name=node.text(), at=_at(node))

    _shorthand_property_identifier = _shorthand_property_identifier_pattern = _this = _super = _undefined = _identifier
    _property_identifier = _identifier

    def _string(self, node: Any, _: int) -> Form:  # noqa: ANN401
        return Form("const", name=unquoted(node.text()), at=_at(node), type="text")

    def _number(self, node: Any, _: int) -> Form:  # noqa: ANN401
        return Form("const", name=node.text(), at=_at(node), type="number")

    _true = _false = _null = _number

    def _regex(self, node: Any, _: int) -> Form:  # noqa: ANN401
        pattern = node.field("pattern")
        return Form("regex", name=pattern.text() if pattern else "", at=_at(node))

    def _template_string(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        parts: list[Form] = []
        for kid in node.children():
            if kid.kind() in {"string_fragment", "escape_sequence"}:
                parts.append(Form("const", name=kid.text(), at=_at(kid), type="text"))
            elif kid.kind() == "template_substitution":
                parts.append(self._need(kid, depth))
        return Form("join", parts, at=_at(node))

    def _member_expression(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        name = node.field("property").text()
        return Form("member", [self._need(node.field("object"), depth)], name, at=_at(node.field("property")))

    def _subscript_expression(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        key = self._need(node.field("index"), depth)
        at = self._need(node.field("object"), depth)
        return Form("member", [at], key.name, at=_at(node)) if key.op == "const" else Form("index", [at, key], at=_at(node))

    def _call_expression(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        callee, given = node.field("function"), node.field("arguments")
        if given is None or given.kind() == "template_string":
            return Form("call", [self._need(callee, depth), self._need(given, depth)], at=_at(node))
        return Form("call", [self._need(callee, depth), *self._named(given, depth)], at=_at(callee))

    def _new_expression(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        given = node.field("arguments")
        return Form(
            "call", [self._need(node.field("constructor"), depth), *(self._named(given, depth) if given else [])], "new", at=_at(node)
        )

    def _binary_expression(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        sign = node.field("operator").text()
        kids = [self._need(node.field("left"), depth), self._need(node.field("right"), depth)]
        op = "join" if sign == "+" else "truth" if sign in _TRUTH else "many" if sign in {"||", "&&", "??"} else "number"
        return Form(op, kids, sign, at=_at(node))

    def _unary_expression(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        sign = node.field("operator").text()
        op = "truth" if sign in {"!", "typeof", "delete", "void"} else "number"
        return Form(op, [self._need(node.field("argument"), depth)], sign, at=_at(node))

    def _update_expression(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        return Form("number", self._named(node, depth), at=_at(node))

    def _ternary_expression(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        return Form("cond", [self._need(node.field(each), depth) for each in ("condition", "consequence", "alternative")], at=_at(node))

    def _assignment_expression(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        return Form("assign", [self._need(node.field("left"), depth), self._need(node.field("right"), depth)], "=", at=_at(node))

    def _augmented_assignment_expression(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        sign = node.field("operator").text()
        return Form("assign", [self._need(node.field("left"), depth), self._need(node.field("right"), depth)], sign, at=_at(node))

    def _object(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        keys: list[str | None] = []
        kids: list[Form] = []
        for kid in node.children():
            if not kid.is_named() or kid.kind() == "comment":
                continue
            key, value = self._pair_of(kid, depth)
            keys.append(key)
            kids.append(value)
        return Form("object", kids, keys=tuple(keys), at=_at(node))

    def _pair_of(self, node: Any, depth: int) -> tuple[str | None, Form]:  # noqa: ANN401
        if node.kind() in {"pair", "pair_pattern"}:
            return unquoted(node.field("key").text()), self._need(node.field("value"), depth)
        if node.kind() == "method_definition":
            return node.field("name").text(), self._need(node, depth)
        if node.kind().startswith("shorthand"):
            return node.text(), self._need(node, depth)
        if node.kind() == "object_assignment_pattern":
            return node.field("left").text(), self._default(node, depth)
        return None, self._all(node, depth)

    def _object_pattern(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        form = self._object(node, depth)
        return Form("objpat", form.kids, keys=form.keys, at=_at(node))

    def _array(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        return Form("array", self._named(node, depth), at=_at(node))

    def _array_pattern(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        return Form("arrpat", self._named(node, depth), at=_at(node))

    def _rest_pattern(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        return Form("rest", self._named(node, depth), at=_at(node))

    def _default(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        return Form("default", [self._need(node.field("left"), depth), self._need(node.field("right"), depth)], at=_at(node))

    _assignment_pattern = _default

    def _function(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        given, single = node.field("parameters"), node.field("parameter")
        nodes = [kid for kid in given.children() if kid.is_named() and kid.kind() != "comment"] if given else [single] if single else []
        parameters = [self._parameter(kid, depth) for kid in nodes]
        body = node.field("body")
        inner = self._need(body, depth) if body is not None else Form("block", [], at=_at(node))
        if body is not None and body.kind() != "statement_block":
            inner = Form("give", [inner], at=_at(body))
        name = node.field("name")
        form = Form("func", [inner], name.text() if name else "", keys=tuple(parameters), at=_at(node))
        if node.kind().endswith("declaration"):
            return Form("let", [Form("name", name=form.name, at=_at(node)), form], at=_at(node))
        return form

    def _parameter(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        if node.kind() in {"required_parameter", "optional_parameter"}:
            kind = node.field("type")
            form = self._need(node.field("pattern"), depth)
            form.type = " ".join(
                [*(kid.text()[:60] for kid in node.children() if kid.kind() == "decorator"), kind.text()[1:].strip()[:60] if kind else ""]
            ).strip()
            return form
        return self._need(node, depth)

    def _variable_declarator(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        value = node.field("value")
        self._requires(node.field("name"), value)
        return Form("let", [self._need(node.field("name"), depth), self._need(value, depth) if value else None], at=_at(node))

    def _requires(self, name: Any, value: Any) -> None:  # noqa: ANN401
        if (
            value is not None
            and name.kind() == "identifier"
            and value.kind() == "call_expression"
            and value.field("function").text() == "require"
        ):
            self.imports.append(Import(local=name.text(), module=unquoted(value.field("arguments").text()[1:-1].strip())))

    def _lexical_declaration(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        return Form("block", self._named(node, depth), at=_at(node))

    _variable_declaration = _lexical_declaration

    def _import_statement(self, node: Any, _: int) -> Form | None:  # noqa: ANN401
        source = node.field("source")
        if source is None:
            return None
        name = unquoted(source.text())
        for kid in node.find_all(kind="import_specifier"):
            alias = kid.field("alias")
            self.imports.append(Import(local=(alias or kid.field("name")).text(), module=name, member=kid.field("name").text()))
        for clause in node.find_all(kind="import_clause"):
            for kid in clause.children():
                if kid.kind() == "identifier":
                    self.imports.append(Import(local=kid.text(), module=name, member="default"))
                elif kid.kind() == "namespace_import":
                    self.imports.append(Import(local=kid.text().split()[-1], module=name))
        return None

    def _if_statement(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        otherwise = node.field("alternative")
        kids = [self._need(node.field("condition"), depth), self._need(node.field("consequence"), depth)]
        return Form("if", [*kids, self._need(otherwise, depth) if otherwise is not None else None], at=_at(node))

    def _try_statement(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        return Form("try", [self._need(node.field("body"), depth), *self._others(node, depth)], at=_at(node))

    def _others(self, node: Any, depth: int) -> list[Form]:  # noqa: ANN401
        fields = [node.field(each) for each in ("handler", "finalizer")]
        return [self._need(each.field("body"), depth) for each in fields if each is not None]

    def _switch_statement(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        cases = [Form("block", self._named(kid, depth)) for kid in node.field("body").children() if kid.is_named()]
        return Form("block", [self._need(node.field("value"), depth), Form("choice", cases)], at=_at(node))

    def _for_in_statement(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        kids = [self._need(node.field(each), depth) for each in ("left", "right", "body")]
        return Form("loop", kids, at=_at(node))

    def _for_statement(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        return Form("loop", [None, None, Form("block", self._named(node, depth))], at=_at(node))

    _while_statement = _do_statement = _for_statement

    def _return_statement(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        return Form("give", self._named(node, depth), at=_at(node))

    def _throw_statement(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        return Form("stop", self._named(node, depth), at=_at(node))

    _break_statement = _continue_statement = _throw_statement

    def _class_declaration(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        name, body = node.field("name"), node.field("body")
        keys: list[str] = []
        kids: list[Form] = []
        for kid in body.children() if body else []:
            named = kid.field("name") or kid.field("property")
            value = kid if kid.kind() == "method_definition" else kid.field("value")
            if named is not None and value is not None:
                keys.append(named.text())
                kids.append(self._need(value, depth))
        return Form("class", kids, name.text() if name else "", keys=tuple(keys), at=_at(node))

    _class = _abstract_class_declaration = _class_declaration


def _at(node: Any) -> tuple[int, int]:  # noqa: ANN401
    start = node.range().start
    return start.line + 1, start.column + 1
