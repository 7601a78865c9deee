"""Go into the common form; the grammar is ast-grep's."""

from __future__ import annotations

from typing import Any, Final

from ast_grep_py import SgRoot

from bartizan.workbench.code.languages.form import DEEPEST, Form, Import, Module

_SKIPPED: Final = frozenset({"comment", "package_clause", "import_declaration", "type_declaration"})
_TRUTH: Final = frozenset({"==", "!=", "<", ">", "<=", ">="})
_BLOCKS: Final = frozenset(
    {"statement_list", "block", "source_file", "communication_case", "var_spec_list", "const_declaration", "var_declaration"}
)


def module(path: str, source: str) -> Module:
    """Bring one file into the common form."""
    root = SgRoot(source, "go").root()
    imports: list[Import] = []
    for spec in root.find_all(kind="import_spec"):
        path_, alias = spec.field("path"), spec.field("name")
        name = path_.text().strip('"`') if path_ else ""
        local = alias.text() if alias else name.rpartition("/")[2]
        imports.append(Import(local=local, module=name))
    reader = _Reader()
    body = reader.block(root, 0)
    return Module(path=path, language="go", body=body, imports=tuple(imports), lines=tuple(source.splitlines()), broken=reader.broken)


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
        method = getattr(self, f"_{kind}", None)
        if method:
            return method(node, depth)  # type: ignore[no-any-return]  # chosen by name
        return Form(
            "block" if kind in _BLOCKS or "statement" in kind or kind.endswith("_case") else "many", self._named(node, depth), at=_at(node)
        )

    def _named(self, node: Any, depth: int) -> list[Form]:  # noqa: ANN401
        return [form for kid in node.children() if kid.is_named() and (form := self.form(kid, depth + 1))]

    def _need(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        return (self.form(node, depth + 1) if node is not None else None) or Form("many", [])

    def _identifier(self, node: Any, _: int) -> Form:  # noqa: ANN401
        return Form("name", name=node.text(), at=_at(node))

    _package_identifier = _field_identifier = _type_identifier = _qualified_type = _identifier

    def _interpreted_string_literal(self, node: Any, _: int) -> Form:  # noqa: ANN401
        return Form("const", name=node.text()[1:-1], at=_at(node), type="text")

    _raw_string_literal = _rune_literal = _interpreted_string_literal

    def _int_literal(self, node: Any, _: int) -> Form:  # noqa: ANN401
        return Form("const", name=node.text(), at=_at(node), type="number")

    _nil = _true = _false = _float_literal = _int_literal

    def _parenthesized_expression(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        kids = self._named(node, depth)
        return kids[0] if len(kids) == 1 else Form("many", kids)

    _literal_element = _parenthesized_expression

    def _expression_list(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        kids = self._named(node, depth)
        return kids[0] if len(kids) == 1 else Form("array", kids, at=_at(node))

    def _selector_expression(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        field = node.field("field")
        return Form("member", [self._need(node.field("operand"), depth)], field.text(), at=_at(field))

    def _index_expression(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        holder, key = self._need(node.field("operand"), depth), self._need(node.field("index"), depth)
        return Form("member", [holder], key.name, at=_at(node)) if key.op == "const" else Form("index", [holder, key], at=_at(node))

    def _slice_expression(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        return self._need(node.field("operand"), depth)

    _type_assertion_expression = _slice_expression

    def _unary_expression(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        sign = node.field("operator").text()
        value = self._need(node.field("operand"), depth)
        return Form("truth", [value], "!", at=_at(node)) if sign == "!" else value

    def _binary_expression(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        sign = node.field("operator").text()
        kids = [self._need(node.field("left"), depth), self._need(node.field("right"), depth)]
        if sign in {"&&", "||"}:
            return Form("many", kids, sign, at=_at(node))
        return Form("join" if sign == "+" else "truth" if sign in _TRUTH else "number", kids, sign, at=_at(node))

    def _call_expression(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        callee = node.field("function")
        return Form("call", [self._need(callee, depth), *self._named(node.field("arguments"), depth)], at=_at(callee))

    def _type_conversion_expression(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        return self._need(node.field("operand"), depth)

    def _composite_literal(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        return self._need(node.field("body"), depth)

    def _literal_value(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        keys: list[str | None] = []
        kids: list[Form] = []
        for kid in node.children():
            if kid.kind() == "keyed_element":
                pair = [each for each in kid.children() if each.is_named()]
                keys.append(pair[0].text().strip('"'))
                kids.append(self._need(pair[-1], depth))
            elif kid.is_named() and kid.kind() != "comment":
                keys.append(str(len(keys)))
                kids.append(self._need(kid, depth))
        return Form("object", kids, keys=tuple(keys), at=_at(node))

    def _function(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        keys: list[Form] = []
        for kid in node.field("parameters").children():
            if kid.kind() in {"parameter_declaration", "variadic_parameter_declaration"}:
                kind = kid.field("type").text().replace("*", "").rpartition(".")[2] if kid.field("type") else ""
                names = [each for each in kid.children() if each.kind() == "identifier"]
                owner = kid.field("type").text() if kid.field("type") else ""
                kind = owner.replace("*", "").strip() if "Context" in owner or "Request" in owner else kind
                keys += [Form("name", name=name.text(), at=_at(name), type=kind.replace(".", " ")) for name in names] or [
                    Form("name", name="_", type=kind)
                ]
        body, name = node.field("body"), node.field("name")
        return Form("func", [self._need(body, depth)], name.text() if name else "", keys=tuple(keys), at=_at(node))

    _func_literal = _function

    def _function_declaration(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        form = self._function(node, depth)
        return Form("let", [Form("name", name=form.name, at=_at(node)), form], at=_at(node))

    def _method_declaration(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        return self._function(node, depth)

    def _short_var_declaration(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        return self._given(node.field("left"), node.field("right"), depth, node)

    def _given(self, left: Any, right: Any, depth: int, node: Any) -> Form:  # noqa: ANN401
        target, value = self._need(left, depth), self._need(right, depth)
        if target.op == "array" and value.op == "array" and len(target.kids) == len(value.kids):
            return Form("block", [Form("let", [one, other], at=_at(node)) for one, other in zip(target.kids, value.kids, strict=True)])
        if target.op == "array":  # several results of one call: the first is the data, the last the error
            target = target.kids[0]
        return Form("let", [target, value], at=_at(node))

    def _var_spec(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        value, kind = node.field("value"), node.field("type")
        form = Form("let", [self._need(node.field("name"), depth), self._need(value, depth) if value else None], at=_at(node))
        if kind and not value:
            form.type = kind.text().replace("*", "").rpartition(".")[2]
        return form

    _const_spec = _var_spec

    def _assignment_statement(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        target, value = self._need(node.field("left"), depth), self._need(node.field("right"), depth)
        if target.op == "array":
            target = target.kids[0]
        return Form("assign", [target, value], node.field("operator").text(), at=_at(node))

    def _if_statement(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        first, otherwise = node.field("initializer"), node.field("alternative")
        test = [self._need(node.field("condition"), depth), self._need(node.field("consequence"), depth)]
        form = Form("if", [*test, self._need(otherwise, depth) if otherwise is not None else None], at=_at(node))
        return Form("block", [self._need(first, depth), form]) if first is not None else form

    def _expression_switch_statement(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        cases = [Form("block", self._named(kid, depth)) for kid in node.children() if kid.kind().endswith("_case")]
        first = [self._need(node.field(each), depth) for each in ("initializer", "value") if node.field(each) is not None]
        return Form("block", [*first, Form("choice", cases)], at=_at(node))

    _type_switch_statement = _select_statement = _expression_switch_statement

    def _for_statement(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        ranged = next((kid for kid in node.children() if kid.kind() == "range_clause"), None)
        body = self._need(node.field("body"), depth)
        if ranged is None:
            return Form("loop", [None, None, Form("block", self._named(node, depth))], at=_at(node))
        left = ranged.field("left")
        return Form("loop", [self._need(left, depth) if left else None, self._need(ranged.field("right"), depth), body], at=_at(node))

    def _return_statement(self, node: Any, depth: int) -> Form:  # noqa: ANN401
        kids = self._named(node, depth)
        kids = list(kids[0].kids[:1]) if kids and kids[0].op == "array" else kids
        return Form("give", kids, at=_at(node))


def _at(node: Any) -> tuple[int, int]:  # noqa: ANN401
    start = node.range().start
    return start.line + 1, start.column + 1
