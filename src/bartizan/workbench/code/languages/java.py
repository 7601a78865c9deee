"""Java into the common form; the grammar is ast-grep's."""

from __future__ import annotations

from typing import Any, Final

from ast_grep_py import SgRoot

from bartizan.workbench.code.languages.form import DEEPEST, Form, Import, Module

_SKIPPED: Final = frozenset({"line_comment", "block_comment", "import_declaration", "package_declaration", "annotation_type_declaration"})
_CLASSES: Final = frozenset({"class_declaration", "interface_declaration", "enum_declaration", "record_declaration"})
_TRUTH: Final = frozenset({"==", "!=", "<", ">", "<=", ">=", "&&", "||"})
_ANNOTATED: Final = (
    "@RequestParam",
    "@PathVariable",
    "@RequestBody",
    "@RequestHeader",
    "@CookieValue",
    "@ModelAttribute",
    "@QueryParam",
    "@PathParam",
    "@FormParam",
    "@HeaderParam",
    "@CookieParam",
    "@MatrixVariable",
    "@RequestPart",
)


def module(path: str, source: str) -> Module:
    """Bring one file into the common form."""
    root = SgRoot(source, "java").root()
    reader = _Reader()
    body = reader.block(root, 0)
    names = sorted({form.name for form in body.walk() if form.op == "name" and form.name[:1].isupper()})
    imports = tuple(Import(local=name, module=name) for name in names)
    return Module(path=path, language="java", body=body, imports=imports, lines=tuple(source.splitlines()), broken=reader.broken)


def simple(name: str) -> str:
    """Return a type's name without package and parameters."""
    return name.partition("<")[0].rpartition(".")[2].strip()


class _Reader:
    def __init__(self) -> None:
        self.broken = 0

    def block(self, node: Any, depth: int) -> Form:  # noqa: ANN401 - ast-grep has no types
        return Form("block", self._named(node, depth), at=_at(node))

    def form(self, node: Any, depth: int) -> Form | None:  # noqa: ANN401
        """Bring one node into the form; None for what has no meaning here."""
        kind = node.kind()
        if kind in _SKIPPED:
            return None
        if kind == "ERROR":
            self.broken += node.range().end.line - node.range().start.line + 1
        if depth > DEEPEST:
            return Form("many", [], at=_at(node))
        if kind in _CLASSES:
            return self._class(node, depth)
        method = getattr(self, f"_{kind}", None)
        if method:
            return method(node, depth)  # type: ignore[no-any-return]  # chosen by name
        op = (
            "block"
            if "statement" in kind or kind in {"block", "program", "class_body", "catch_clause", "finally_clause", "switch_block"}
            else "many"
        )
        return Form(op, self._named(node, depth), at=_at(node))

    def _named(self, node: Any, depth: int) -> list[Form]:  # noqa: ANN401
        return [form for kid in node.children() if kid.is_named() and (form := self.form(kid, depth + 1))]

    def _need(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        return (self.form(node, depth + 1) if node is not None else None) or Form("many", [])

    def _identifier(self, node: Any, _: int) -> Form:  # noqa: ANN401
        return Form("name", name=node.text(), at=_at(node))

    _this = _super = _identifier

    def _type_identifier(self, node: Any, _: int) -> Form:  # noqa: ANN401
        return Form("name", name=simple(node.text()), at=_at(node))

    _scoped_type_identifier = _generic_type = _type_identifier

    def _string_literal(self, node: Any, _: int) -> Form:  # noqa: ANN401
        return Form("const", name=node.text().strip('"'), at=_at(node), type="text")

    _character_literal = _string_literal

    def _decimal_integer_literal(self, node: Any, _: int) -> Form:  # noqa: ANN401
        return Form("const", name=node.text(), at=_at(node), type="number")

    _true = _false = _null_literal = _hex_integer_literal = _decimal_floating_point_literal = _decimal_integer_literal

    def _class(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        keys: list[str] = []
        kids: list[Form] = []
        body = node.field("body")
        name = node.field("name").text() if node.field("name") else ""
        for kid in body.children() if body is not None else []:
            kind = kid.kind()
            if kind in {"method_declaration", "constructor_declaration"}:
                keys.append("constructor" if kind == "constructor_declaration" else kid.field("name").text())
                kids.append(self._method(kid, depth))
            elif kind == "field_declaration":
                for each in kid.field_children("declarator"):
                    keys.append(each.field("name").text())
                    kids.append(self._need(each.field("value"), depth) if each.field("value") else Form("many", []))
            elif kind in _CLASSES:
                keys.append(kid.field("name").text())
                kids.append(self._class(kid, depth))
        return Form("class", kids, name, keys=tuple(keys), at=_at(node))

    def _method(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        parameters = [
            self._parameter(kid) for kid in node.field("parameters").children() if kid.kind() in {"formal_parameter", "spread_parameter"}
        ]
        body = node.field("body")
        inner = self._need(body, depth) if body is not None else Form("block", [])
        return Form("func", [inner], node.field("name").text(), keys=tuple(parameters), at=_at(node))

    @staticmethod
    def _parameter(node: Any) -> Form:  # noqa: ANN401
        name, kind = node.field("name"), node.field("type")
        text = node.text()
        role = "web " if any(mark in text for mark in _ANNOTATED) else ""
        return Form("name", name=name.text() if name else "_", at=_at(node), type=role + (simple(kind.text()) if kind else ""))

    def _lambda_expression(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        given, body = node.field("parameters"), node.field("body")
        names = [
            kid
            for kid in ([given] if given.kind() == "identifier" else given.children())
            if kid.kind() in {"identifier", "formal_parameter"}
        ]
        keys = [self._parameter(kid) if kid.kind() == "formal_parameter" else Form("name", name=kid.text(), at=_at(kid)) for kid in names]
        inner = self._need(body, depth)
        return Form("func", [inner if body.kind() == "block" else Form("give", [inner])], keys=tuple(keys), at=_at(node))

    def _local_variable_declaration(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        kind = simple(node.field("type").text())
        return Form("block", [self._declared(each, kind, depth) for each in node.field_children("declarator")], at=_at(node))

    def _declared(self, node: Any, kind: str, depth: int) -> Form:  # noqa: ANN401
        value = node.field("value")
        kind = "" if kind in {"String", "var", "Object", "int"} else kind
        return Form("let", [self._need(node.field("name"), depth), self._need(value, depth) if value else None], at=_at(node), type=kind)

    def _resource(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        if node.field("name") is None:
            return Form("many", self._named(node, depth))
        return self._declared(node, simple(node.field("type").text()), depth)

    def _enhanced_for_statement(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        return Form("loop", [self._need(node.field(each), depth) for each in ("name", "value", "body")], at=_at(node))

    def _for_statement(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        return Form("loop", [None, None, Form("block", self._named(node, depth))], at=_at(node))

    _while_statement = _do_statement = _for_statement

    def _if_statement(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        otherwise = node.field("alternative")
        kids = [self._need(node.field("condition"), depth), self._need(node.field("consequence"), depth)]
        return Form("if", [*kids, self._need(otherwise, depth) if otherwise is not None else None], at=_at(node))

    def _parenthesized_expression(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        kids = self._named(node, depth)
        return kids[0] if len(kids) == 1 else Form("many", kids)

    def _try_statement(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        kinds = {kid.kind(): kid for kid in node.children()}
        first = [
            self._need(each, depth)
            for kid in node.children()
            if kid.kind() == "resource_specification"
            for each in kid.children()
            if each.is_named()
        ]
        body = Form("block", [*first, self._need(node.field("body"), depth)])
        handlers = [self._need(kid.field("body"), depth) for kid in node.children() if kid.kind() == "catch_clause"]
        last = kinds.get("finally_clause")
        return Form("try", [body, *handlers, *([Form("block", self._named(last, depth))] if last is not None else [])], at=_at(node))

    _try_with_resources_statement = _try_statement

    def _switch_expression(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        cases = [Form("block", self._named(kid, depth)) for kid in node.field("body").children() if kid.is_named()]
        return Form("block", [self._need(node.field("condition"), depth), Form("choice", cases)], at=_at(node))

    _switch_statement = _switch_expression

    def _return_statement(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        return Form("give", self._named(node, depth), at=_at(node))

    def _throw_statement(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        return Form("stop", self._named(node, depth), at=_at(node))

    def _break_statement(self, node: Any, _: int) -> Form:  # noqa: ANN401
        return Form("many", [], at=_at(node))  # a break of a switch must not end what follows it

    def _cast_expression(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        return self._need(node.field("value"), depth)

    def _ternary_expression(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        return Form("cond", [self._need(node.field(each), depth) for each in ("condition", "consequence", "alternative")], at=_at(node))

    def _assignment_expression(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        sign = node.field("operator").text()
        return Form("assign", [self._need(node.field("left"), depth), self._need(node.field("right"), depth)], sign, at=_at(node))

    def _binary_expression(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        sign = node.field("operator").text()
        kids = [self._need(node.field("left"), depth), self._need(node.field("right"), depth)]
        if sign in {"&&", "||"}:
            return Form("many", kids, sign, at=_at(node))
        return Form("join" if sign == "+" else "truth" if sign in _TRUTH else "number", kids, sign, at=_at(node))

    def _unary_expression(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        return Form("truth", [self._need(node.field("operand"), depth)], "!" if node.text().startswith("!") else "-", at=_at(node))

    def _instanceof_expression(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        return Form("truth", self._named(node, depth), at=_at(node))

    def _field_access(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        if (
            node.text().replace(".", "").replace("_", "").isalnum()
            and node.field("field").text()[:1].isupper()
            and node.text()[:1].islower()
        ):
            return Form("name", name=node.field("field").text(), at=_at(node))  # a class by its full name
        return Form("member", [self._need(node.field("object"), depth)], node.field("field").text(), at=_at(node))

    def _array_access(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        return Form("index", [self._need(node.field("array"), depth), self._need(node.field("index"), depth)], at=_at(node))

    def _array_creation_expression(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        value = node.field("value")
        return self._need(value, depth) if value is not None else Form("array", [])

    def _array_initializer(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        return Form("array", self._named(node, depth), at=_at(node))

    def _method_invocation(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        holder, name = node.field("object"), node.field("name").text()
        callee = (
            Form("member", [self._need(holder, depth)], name, at=_at(node.field("name")))
            if holder
            else Form("name", name=name, at=_at(node))
        )
        return Form("call", [callee, *self._named(node.field("arguments"), depth)], at=_at(node.field("name")))

    def _object_creation_expression(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        callee = Form("name", name=simple(node.field("type").text()), at=_at(node))
        return Form("call", [callee, *self._named(node.field("arguments"), depth)], "new", at=_at(node))


def _at(node: Any) -> tuple[int, int]:  # noqa: ANN401
    start = node.range().start
    return start.line + 1, start.column + 1
