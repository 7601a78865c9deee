"""From tree-sitter's nodes to expressions of our tree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from bartizan.workbench.code.python import ir
from bartizan.workbench.code.python.ir import Expr
from bartizan.workbench.code.python.literals import number, text

_CONSTANTS: Final = {"true": True, "false": False, "none": None}


class Expressions:
    """Builds expressions of one source; what is nested deeper than ``deepest`` becomes opaque, with an error."""

    deepest: Final = 120

    def __init__(self, source: bytes) -> None:
        self._source = source
        self.depth = 0
        self.functions = 0
        self.errors: list[tuple[int, str]] = []

    def text(self, node: Any) -> str:
        """Return the source of a node."""
        return self._source[node.start_byte : node.end_byte].decode("utf-8", "replace") if node is not None else ""

    def parts(self, node: Any) -> list[Any]:
        """Return the children that matter."""
        return [child for child in node.named_children if child.type not in {"comment", "line_continuation"}]

    def field(self, node: Any, name: str) -> Expr:
        """Build the expression in a field; opaque if it is missing."""
        child = node.child_by_field_name(name)
        return self.expr(child) if child is not None else ir.Opaque(node.start_byte, node.end_byte)

    def names(self, node: Any) -> list[str]:
        """Return all identifiers below a node."""
        found: list[str] = []
        stack = [node]
        while stack and len(found) < 200:
            one = stack.pop()
            if one.type == "identifier":
                found.append(self.text(one))
            stack.extend(one.named_children)
        return found

    def call_of(self, name: str, node: Any, args: tuple[Expr, ...]) -> Expr:
        """Build a call of a builtin for a statement of Python 2."""
        return ir.Call(node.start_byte, node.end_byte, ir.Name(node.start_byte, node.start_byte + len(name), name), args, ())

    def expr(self, node: Any) -> Expr:
        """Build an expression; total over whatever the grammar gives."""
        kind = node.type
        start, end = node.start_byte, node.end_byte
        if kind in {"identifier", "keyword_identifier"}:
            return ir.Name(start, end, self.text(node))
        build = _EXPRESSIONS.get(kind)
        if kind in _CONSTANTS:
            return ir.Const(start, end, _CONSTANTS[kind])
        self.depth += 1
        if self.depth > self.deepest:
            self.errors.append((node.start_point[0] + 1, "too-deep"))
            made: Expr = ir.Opaque(start, end)
        elif build is not None:
            made = build(self, node)
        else:
            made = ir.Opaque(start, end, tuple(self.expr(part) for part in self.parts(node)))
        self.depth -= 1
        return made

    def _integer(self, node: Any) -> Expr:
        value = number(self.text(node))
        return ir.Opaque(node.start_byte, node.end_byte) if value is None else ir.Const(node.start_byte, node.end_byte, value)

    def _attribute(self, node: Any) -> Expr:
        # long chains lean to the left: build them without recursion
        chain = [node]
        inner = node.child_by_field_name("object")
        while inner is not None and inner.type == "attribute" and len(chain) < 500:
            chain.append(inner)
            inner = inner.child_by_field_name("object")
        made = self.expr(inner) if inner is not None else ir.Opaque(node.start_byte, node.end_byte)
        for part in reversed(chain):
            made = ir.Attr(part.start_byte, part.end_byte, made, self.text(part.child_by_field_name("attribute")))
        return made

    def _call(self, node: Any) -> Expr:
        args: list[Expr] = []
        keywords: list[ir.Keyword] = []
        given = node.child_by_field_name("arguments")
        if given is not None and given.type == "generator_expression":
            args.append(self.expr(given))
        elif given is not None:
            for part in self.parts(given):
                if part.type == "keyword_argument":
                    keywords.append(ir.Keyword(self.text(part.child_by_field_name("name")), self.field(part, "value")))
                elif part.type == "dictionary_splat":
                    keywords.append(ir.Keyword(None, self.expr(self.parts(part)[0])))
                else:
                    args.append(self.expr(part))
        return ir.Call(node.start_byte, node.end_byte, self.field(node, "function"), tuple(args), tuple(keywords))

    def _subscript(self, node: Any) -> Expr:
        indices = [self.expr(part) for part in node.children_by_field_name("subscript")]
        index = indices[0] if len(indices) == 1 else ir.Seq(node.start_byte, node.end_byte, "tuple", tuple(indices))
        return ir.Sub(node.start_byte, node.end_byte, self.field(node, "value"), index)

    def _slice(self, node: Any) -> Expr:
        parts: list[Expr | None] = [None, None, None]
        at = 0
        for child in node.children:
            if child.type == ":":
                at += 1
            elif child.is_named and at < 3:
                parts[at] = self.expr(child)
        return ir.Slice(node.start_byte, node.end_byte, tuple(parts))

    def _binary(self, node: Any) -> Expr:
        # a + b + c + ... may be thousands long and leans to the left
        chain = [node]
        left = node.child_by_field_name("left")
        while left is not None and left.type == "binary_operator" and len(chain) < 5000:
            chain.append(left)
            left = left.child_by_field_name("left")
        made = self.expr(left) if left is not None else ir.Opaque(node.start_byte, node.end_byte)
        skipped = max(0, len(chain) - self.deepest)
        if skipped:
            self.errors.append((node.start_point[0] + 1, "too-deep"))
        for part in list(reversed(chain))[: self.deepest]:
            operator = part.child_by_field_name("operator")
            made = ir.Bin(part.start_byte, part.end_byte, operator.type if operator else "+", made, self.field(part, "right"))
        return made

    def _boolean(self, node: Any) -> Expr:
        op = node.child_by_field_name("operator")
        name = "or" if op is not None and op.type == "or" else "and"
        return ir.Bool(node.start_byte, node.end_byte, name, self.field(node, "left"), self.field(node, "right"))  # type: ignore[arg-type] # one of the two

    def _not(self, node: Any) -> Expr:
        return ir.Unary(node.start_byte, node.end_byte, "not", self.field(node, "argument"))

    def _unary(self, node: Any) -> Expr:
        operand = self.field(node, "argument")
        op = node.child_by_field_name("operator")
        name = op.type if op is not None else "-"
        if name == "-" and isinstance(operand, ir.Const) and isinstance(operand.value, int | float):
            return ir.Const(node.start_byte, node.end_byte, -operand.value)
        return ir.Unary(node.start_byte, node.end_byte, name, operand)

    def _compare(self, node: Any) -> Expr:
        items: list[Expr] = []
        ops: list[str] = []
        op = ""
        for child in node.children:
            if child.is_named and child.type not in {"comment", "not in", "is not"}:
                if items:
                    ops.append(op)
                items.append(self.expr(child))
                op = ""
            elif child.type != "comment":
                op = f"{op} {child.type}".strip()
        return ir.Compare(node.start_byte, node.end_byte, tuple(items), tuple(ops))

    def _conditional(self, node: Any) -> Expr:
        parts = self.parts(node)
        if len(parts) != 3:
            return ir.Opaque(node.start_byte, node.end_byte, tuple(map(self.expr, parts)))
        body, test, orelse = map(self.expr, parts)
        return ir.IfExp(node.start_byte, node.end_byte, test, body, orelse)

    def _lambda(self, node: Any) -> Expr:
        given = node.child_by_field_name("parameters")
        params = self.params(given) if given is not None else ()
        return ir.Lambda(node.start_byte, node.end_byte, params, self.field(node, "body"))

    def params(self, node: Any) -> tuple[ir.Param, ...]:
        """Build the parameters of a function or lambda."""
        return tuple(made for part in self.parts(node) if (made := self._param(part)) is not None)

    def _param(self, node: Any) -> ir.Param | None:  # noqa: PLR0911 - one return for each kind of parameter
        kind = node.type
        if kind == "identifier":
            return ir.Param(self.text(node))
        if kind == "list_splat_pattern":
            return ir.Param(self.text(node).lstrip("* "), "*")
        if kind == "dictionary_splat_pattern":
            return ir.Param(self.text(node).lstrip("* "), "**")
        annotation = node.child_by_field_name("type")
        made = self.expr(annotation) if annotation is not None else None
        if kind == "typed_parameter":
            inner = self._param(self.parts(node)[0])
            return ir.Param(inner.name, inner.kind, made) if inner is not None else None
        if kind in {"default_parameter", "typed_default_parameter"}:
            return ir.Param(self.text(node.child_by_field_name("name")), "", made, self.field(node, "value"))
        if kind == "keyword_separator":
            return ir.Param("", "*")
        return None

    def _comprehension(self, node: Any) -> Expr:
        body = node.child_by_field_name("body")
        generators: list[ir.Generator] = []
        for part in self.parts(node):
            if part.type == "for_in_clause":
                generators.append(ir.Generator(self.field(part, "left"), self.field(part, "right"), ()))
            elif part.type == "if_clause" and generators:
                last = generators[-1]
                generators[-1] = ir.Generator(last.target, last.iter, (*last.tests, self.expr(self.parts(part)[0])))
        kind = node.type.partition("_")[0]
        if body is not None and body.type == "pair":
            element, value = self.field(body, "key"), self.field(body, "value")
            return ir.Comp(node.start_byte, node.end_byte, "dict", element, value, tuple(generators))
        return ir.Comp(node.start_byte, node.end_byte, kind, self.field(node, "body"), None, tuple(generators))

    def _sequence(self, node: Any) -> Expr:
        kind = _SEQUENCES[node.type]
        return ir.Seq(node.start_byte, node.end_byte, kind, tuple(map(self.expr, self.parts(node))))

    def _dictionary(self, node: Any) -> Expr:
        keys: list[Expr | None] = []
        values: list[Expr] = []
        for part in self.parts(node):
            if part.type == "pair":
                keys.append(self.field(part, "key"))
                values.append(self.field(part, "value"))
            elif part.type == "dictionary_splat":
                keys.append(None)
                values.append(self.expr(self.parts(part)[0]))
        return ir.Dict(node.start_byte, node.end_byte, tuple(keys), tuple(values))

    def _parenthesized(self, node: Any) -> Expr:
        parts = self.parts(node)
        return self.expr(parts[0]) if parts else ir.Opaque(node.start_byte, node.end_byte)

    def _star(self, node: Any) -> Expr:
        return ir.Star(node.start_byte, node.end_byte, self._parenthesized(node))

    def _await(self, node: Any) -> Expr:
        return ir.Await(node.start_byte, node.end_byte, self._parenthesized(node))

    def _yield(self, node: Any) -> Expr:
        parts = self.parts(node)
        return ir.Yield(node.start_byte, node.end_byte, self.expr(parts[0]) if parts else None)

    def _walrus(self, node: Any) -> Expr:
        return ir.Walrus(node.start_byte, node.end_byte, self.text(node.child_by_field_name("name")), self.field(node, "value"))

    def _string(self, node: Any) -> Expr:
        return _folded(node, self._string_parts(node))

    def _string_parts(self, node: Any) -> list[Expr]:
        prefix = ""
        parts: list[Expr] = []
        for child in node.children:
            if child.type == "string_start":
                prefix = self.text(child).rstrip("'\"").lower()
            elif child.type == "string_content":
                value = text(self.text(child), prefix)
                if isinstance(value, str) and ("f" in prefix or "t" in prefix):
                    value = value.replace("{{", "{").replace("}}", "}")
                parts.append(_literal(child.start_byte, child.end_byte, value))
            elif child.type == "interpolation":
                parts.extend(self._interpolation(child))
        return parts or [_literal(node.start_byte, node.end_byte, b"" if "b" in prefix else "")]

    def _interpolation(self, node: Any) -> list[Expr]:
        value = self.field(node, "expression")
        conversion = node.child_by_field_name("type_conversion")
        if conversion is not None and self.text(conversion) == "!r":
            value = ir.Call(node.start_byte, node.end_byte, ir.Name(node.start_byte, node.end_byte, "repr"), (value,), ())
        return [value]

    def _concatenated(self, node: Any) -> Expr:
        return _folded(node, [one for part in self.parts(node) if part.type == "string" for one in self._string_parts(part)])


def _literal(start: int, end: int, value: str | bytes) -> Expr:
    return ir.Bytes(start, end, value) if isinstance(value, bytes) else ir.Const(start, end, value)


def _folded(node: Any, parts: list[Expr]) -> Expr:
    texts = [part.value for part in parts if isinstance(part, ir.Const) and isinstance(part.value, str)]
    if len(texts) == len(parts):
        return ir.Const(node.start_byte, node.end_byte, "".join(texts))
    octets = [part.value for part in parts if isinstance(part, ir.Bytes)]
    if len(octets) == len(parts):
        return ir.Bytes(node.start_byte, node.end_byte, b"".join(octets))
    return ir.FString(node.start_byte, node.end_byte, tuple(parts))


_SEQUENCES: Final = {
    "tuple": "tuple",
    "list": "list",
    "set": "set",
    "expression_list": "tuple",
    "pattern_list": "tuple",
    "tuple_pattern": "tuple",
    "list_pattern": "list",
}
_EXPRESSIONS: Final[dict[str, Callable[[Expressions, Any], Expr]]] = {
    "integer": Expressions._integer,
    "float": Expressions._integer,
    "attribute": Expressions._attribute,
    "call": Expressions._call,
    "subscript": Expressions._subscript,
    "slice": Expressions._slice,
    "binary_operator": Expressions._binary,
    "boolean_operator": Expressions._boolean,
    "not_operator": Expressions._not,
    "unary_operator": Expressions._unary,
    "comparison_operator": Expressions._compare,
    "conditional_expression": Expressions._conditional,
    "lambda": Expressions._lambda,
    "list_comprehension": Expressions._comprehension,
    "set_comprehension": Expressions._comprehension,
    "dictionary_comprehension": Expressions._comprehension,
    "generator_expression": Expressions._comprehension,
    **dict.fromkeys(_SEQUENCES, Expressions._sequence),
    "dictionary": Expressions._dictionary,
    "parenthesized_expression": Expressions._parenthesized,
    "type": Expressions._parenthesized,
    "list_splat": Expressions._star,
    "list_splat_pattern": Expressions._star,
    "await": Expressions._await,
    "yield": Expressions._yield,
    "named_expression": Expressions._walrus,
    "string": Expressions._string,
    "concatenated_string": Expressions._concatenated,
}
