"""From tree-sitter's nodes to statements of our tree; expressions are in ``build_expr``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from bartizan.workbench.code.python import statements as st
from bartizan.workbench.code.python.build_expr import Expressions
from bartizan.workbench.code.python.ir import Attr, Expr, Name, Param, Seq

_JUMPS: Final = {"break_statement": "break", "continue_statement": "continue"}


class Builder(Expressions):
    """Builds one module; counts functions, and notes what is nested too deeply."""

    def module(self, root: Any) -> tuple[st.Stmt, ...]:
        """Build all statements of a file."""
        return self._block(root)

    def _block(self, node: Any) -> tuple[st.Stmt, ...]:
        if node is None:
            return ()
        out: list[st.Stmt] = []
        self.depth += 1
        if self.depth > self.deepest:
            self.errors.append((node.start_point[0] + 1, "too-deep"))
        else:
            for child in node.named_children:
                self._statement(child, out)
        self.depth -= 1
        return tuple(out)

    def _statement(self, node: Any, out: list[st.Stmt]) -> None:
        build = _STATEMENTS.get(node.type)
        if build is not None:
            build(self, node, out)
        elif node.type in _JUMPS:
            out.append(st.Jump(node.start_byte, node.end_byte, _JUMPS[node.type]))
        elif node.type == "ERROR":
            for child in node.named_children:
                if child.type in _STATEMENTS:
                    self._statement(child, out)

    def _expression_statement(self, node: Any, out: list[st.Stmt]) -> None:
        parts = self.parts(node)
        if len(parts) > 1:
            out.append(st.Do(node.start_byte, node.end_byte, Seq(node.start_byte, node.end_byte, "tuple", tuple(map(self.expr, parts)))))
            return
        for part in parts:
            if part.type == "assignment":
                self._assignment(part, out)
            elif part.type == "augmented_assignment":
                op = part.child_by_field_name("operator").type.rstrip("=")
                target, value = self.field(part, "left"), self.field(part, "right")
                out.append(st.Aug(part.start_byte, part.end_byte, target, op, value))
            else:
                out.append(st.Do(part.start_byte, part.end_byte, self.expr(part)))

    def _assignment(self, node: Any, out: list[st.Stmt]) -> None:
        targets: list[tuple[Expr, Expr | None]] = []
        while True:
            kind = node.child_by_field_name("type")
            targets.append((self.field(node, "left"), self.expr(kind) if kind is not None else None))
            right = node.child_by_field_name("right")
            if right is None or right.type != "assignment":
                break
            node = right
        value = self.expr(right) if right is not None else None
        out.extend(st.Assign(node.start_byte, node.end_byte, target, value, kind) for target, kind in reversed(targets))

    def _return(self, node: Any, out: list[st.Stmt]) -> None:
        parts = self.parts(node)
        out.append(st.Return(node.start_byte, node.end_byte, self.expr(parts[0]) if parts else None))

    def _raise(self, node: Any, out: list[st.Stmt]) -> None:
        parts = self.parts(node)
        out.append(st.Raise(node.start_byte, node.end_byte, self.expr(parts[0]) if parts else None))

    def _assert(self, node: Any, out: list[st.Stmt]) -> None:
        out.append(st.Assert(node.start_byte, node.end_byte, self.expr(self.parts(node)[0])))

    def _delete(self, node: Any, out: list[st.Stmt]) -> None:
        out.extend(st.Delete(node.start_byte, node.end_byte, self.expr(part)) for part in self.parts(node))

    def _print(self, node: Any, out: list[st.Stmt]) -> None:
        args = tuple(self.expr(part) for part in self.parts(node) if part.type != "chevron")
        out.append(st.Do(node.start_byte, node.end_byte, self.call_of("print", node, args)))

    def _exec(self, node: Any, out: list[st.Stmt]) -> None:
        out.append(st.Do(node.start_byte, node.end_byte, self.call_of("exec", node, tuple(map(self.expr, self.parts(node))))))

    def _if(self, node: Any, out: list[st.Stmt]) -> None:
        orelse: tuple[st.Stmt, ...] = ()
        for branch in reversed(node.children_by_field_name("alternative")):
            if branch.type == "else_clause":
                orelse = self._block(branch.child_by_field_name("body"))
            else:
                body = self._block(branch.child_by_field_name("consequence"))
                orelse = (st.If(branch.start_byte, branch.end_byte, self.field(branch, "condition"), body, orelse),)
        out.append(
            st.If(
                node.start_byte,
                node.end_byte,
                self.field(node, "condition"),
                self._block(node.child_by_field_name("consequence")),
                orelse,
            )
        )

    def _else(self, node: Any) -> tuple[st.Stmt, ...]:
        branch = node.child_by_field_name("alternative")
        return self._block(branch.child_by_field_name("body")) if branch is not None else ()

    def _while(self, node: Any, out: list[st.Stmt]) -> None:
        body = self._block(node.child_by_field_name("body"))
        out.append(st.While(node.start_byte, node.end_byte, self.field(node, "condition"), body, self._else(node)))

    def _for(self, node: Any, out: list[st.Stmt]) -> None:
        body = self._block(node.child_by_field_name("body"))
        target, over = self.field(node, "left"), self.field(node, "right")
        out.append(st.For(node.start_byte, node.end_byte, target, over, body, self._else(node)))

    def _with(self, node: Any, out: list[st.Stmt]) -> None:
        items = []
        clause = next((child for child in node.named_children if child.type == "with_clause"), node)
        for item in (child for child in clause.named_children if child.type == "with_item"):
            value = item.child_by_field_name("value")
            if value.type == "as_pattern":
                alias = value.child_by_field_name("alias")
                items.append(st.Item(self.expr(self.parts(value)[0]), self.expr(self.parts(alias)[0]) if alias is not None else None))
            else:
                items.append(st.Item(self.expr(value), None))
        out.append(st.With(node.start_byte, node.end_byte, tuple(items), self._block(node.child_by_field_name("body"))))

    def _try(self, node: Any, out: list[st.Stmt]) -> None:
        handlers: list[st.Handler] = []
        orelse: tuple[st.Stmt, ...] = ()
        final: tuple[st.Stmt, ...] = ()
        for child in node.named_children:
            if child.type in {"except_clause", "except_group_clause"}:
                handlers.append(self._handler(child))
            elif child.type == "else_clause":
                orelse = self._block(child.child_by_field_name("body"))
            elif child.type == "finally_clause":
                final = self._block(self._last_block(child))
        body = self._block(node.child_by_field_name("body"))
        out.append(st.Try(node.start_byte, node.end_byte, body, tuple(handlers), orelse, final))

    def _handler(self, node: Any) -> st.Handler:
        kind: Expr | None = None
        name = ""
        for child in self.parts(node):
            if child.type == "block":
                continue
            if child.type == "as_pattern":
                inner = self.parts(child)
                kind = self.expr(inner[0])
                name = self.text(inner[-1])
            elif kind is None:
                kind = self.expr(child)
            else:  # Python 2: except A, name
                name = self.text(child)
        return st.Handler(kind, name, self._block(self._last_block(node)))

    @staticmethod
    def _last_block(node: Any) -> Any:
        return next((child for child in reversed(node.named_children) if child.type == "block"), None)

    def _match(self, node: Any, out: list[st.Stmt]) -> None:
        body = node.child_by_field_name("body")
        subjects = node.children_by_field_name("subject")
        subject = self.expr(subjects[0])
        cases = [self._case(child) for child in body.named_children if child.type == "case_clause"] if body is not None else []
        out.append(st.Match(node.start_byte, node.end_byte, subject, tuple(cases)))

    def _case(self, node: Any) -> st.Case:
        literals: list[Expr] = []
        binds: list[str] = []
        plain, wildcard = True, False
        patterns = [child for child in node.named_children if child.type == "case_pattern"]
        for pattern in patterns:
            only, catch_all = self._pattern(pattern, literals, binds)
            plain, wildcard = plain and only, wildcard or catch_all
        guard = node.child_by_field_name("guard")
        test = self.expr(self.parts(guard)[0]) if guard is not None else None
        plain = plain and len(patterns) == 1
        body = self._block(node.child_by_field_name("consequence"))
        return st.Case(tuple(literals) if plain else (), tuple(binds), wildcard and len(patterns) == 1, test, body)

    def _pattern(self, node: Any, literals: list[Expr], binds: list[str]) -> tuple[bool, bool]:
        """Return whether the pattern only compares with literals, and whether it takes everything."""
        inner = self.parts(node)
        if not inner:
            return False, self.text(node) == "_"
        only = inner[0]
        if len(inner) == 1 and only.type == "union_pattern":
            results = [self._pattern_part(part, literals, binds) for part in self.parts(only)]
            return all(plain for plain, _ in results), any(catch_all for _, catch_all in results)
        return self._pattern_part(only, literals, binds)

    def _pattern_part(self, node: Any, literals: list[Expr], binds: list[str]) -> tuple[bool, bool]:
        if node.type == "case_pattern":
            return self._pattern(node, literals, binds)
        if node.type == "dotted_name":
            names = self.text(node).split(".")
            if len(names) == 1:
                binds.append(names[0])
                return False, True
            value: Expr = Name(node.start_byte, node.end_byte, names[0])
            for name in names[1:]:
                value = Attr(node.start_byte, node.end_byte, value, name)
            literals.append(value)
            return True, False
        if node.type in {"string", "integer", "float", "true", "false", "none", "concatenated_string"}:
            literals.append(self.expr(node))
            return True, False
        binds.extend(self.names(node))
        return False, False

    def _function(self, node: Any, out: list[st.Stmt], decorators: tuple[Expr, ...] = ()) -> None:
        self.functions += 1
        returns = node.child_by_field_name("return_type")
        parameters = node.child_by_field_name("parameters")
        params: tuple[Param, ...] = self.params(parameters) if parameters is not None else ()
        out.append(
            st.Def(
                node.start_byte,
                node.end_byte,
                self.text(node.child_by_field_name("name")),
                params,
                self._block(node.child_by_field_name("body")),
                decorators,
                self.expr(returns) if returns is not None else None,
                bool(node.children) and node.children[0].type == "async",
            )
        )

    def _class(self, node: Any, out: list[st.Stmt], decorators: tuple[Expr, ...] = ()) -> None:
        supers = node.child_by_field_name("superclasses")
        bases = tuple(self.expr(part) for part in self.parts(supers) if part.type != "keyword_argument") if supers is not None else ()
        body = self._block(node.child_by_field_name("body"))
        out.append(st.Class(node.start_byte, node.end_byte, self.text(node.child_by_field_name("name")), bases, body, decorators))

    def _decorated(self, node: Any, out: list[st.Stmt]) -> None:
        decorators = tuple(
            self.expr(self.parts(child)[0]) for child in node.named_children if child.type == "decorator" and self.parts(child)
        )
        definition = node.child_by_field_name("definition")
        if definition is None:
            return
        if definition.type == "class_definition":
            self._class(definition, out, decorators)
        else:
            self._function(definition, out, decorators)

    def _import(self, node: Any, out: list[st.Stmt]) -> None:
        for part in node.children_by_field_name("name"):
            name, alias = self._aliased(part)
            out.append(st.Import(node.start_byte, node.end_byte, name, "", alias, 0))

    def _import_from(self, node: Any, out: list[st.Stmt]) -> None:
        origin = node.child_by_field_name("module_name")
        module = "__future__" if origin is None else self.text(origin)
        level = len(module) - len(module.lstrip("."))
        names = [self._aliased(part) for part in node.children_by_field_name("name")]
        if any(child.type == "wildcard_import" for child in node.named_children):
            names = [("*", "")]
        module = module.lstrip(".").replace(" ", "")
        out.extend(st.Import(node.start_byte, node.end_byte, module, name, alias or name, level) for name, alias in names)

    def _aliased(self, node: Any) -> tuple[str, str]:
        if node.type == "aliased_import":
            return self.text(node.child_by_field_name("name")), self.text(node.child_by_field_name("alias"))
        return self.text(node), ""

    def _scope(self, node: Any, out: list[st.Stmt]) -> None:
        out.append(st.Scope(node.start_byte, node.end_byte, tuple(self.text(part) for part in self.parts(node))))


_STATEMENTS: Final[dict[str, Callable[[Builder, Any, list[st.Stmt]], None]]] = {
    "expression_statement": Builder._expression_statement,
    "return_statement": Builder._return,
    "raise_statement": Builder._raise,
    "assert_statement": Builder._assert,
    "delete_statement": Builder._delete,
    "print_statement": Builder._print,
    "exec_statement": Builder._exec,
    "if_statement": Builder._if,
    "while_statement": Builder._while,
    "for_statement": Builder._for,
    "with_statement": Builder._with,
    "try_statement": Builder._try,
    "match_statement": Builder._match,
    "function_definition": Builder._function,
    "class_definition": Builder._class,
    "decorated_definition": Builder._decorated,
    "import_statement": Builder._import,
    "import_from_statement": Builder._import_from,
    "future_import_statement": Builder._import_from,
    "global_statement": Builder._scope,
    "nonlocal_statement": Builder._scope,
}
