"""What gives names their values: assignment, annotations, definitions and imports."""

from __future__ import annotations

from bartizan.workbench.code.python import ir
from bartizan.workbench.code.python import statements as st
from bartizan.workbench.code.python.guards import Guards
from bartizan.workbench.code.python.ir import Expr, Node
from bartizan.workbench.code.python.state import Object, State
from bartizan.workbench.code.python.values import (
    UNKNOWN,
    ClassRef,
    FunctionRef,
    Value,
    joined_taints,
    made_of,
)


class Binding(Guards):
    """Binds names."""

    def run(self, body: tuple[st.Stmt, ...], state: State | None) -> State | None:
        """Run statements in order; None once no way goes on."""
        raise NotImplementedError

    def bind(self, target: Expr, value: Value, state: State, node: Node) -> None:
        """Assign a value to a target."""
        match target:
            case ir.Name():
                state.env[target.id] = value
            case ir.Seq():
                self._unpack(target, value, state, node)
            case ir.Attr():
                base = self.eval(target.value, state)
                self.store(base, target.attr, value, state)
                path = self.path_of(base, state)
                self._stores([f"{path}.{target.attr}=", f"*.{target.attr}="], target, (UNKNOWN, value), state)
            case ir.Sub():
                self._set_item(target, value, state)
            case ir.Star():
                self.bind(target.value, self.new(state, target, Object("list", {}, value), made_of(value.taints)), state, node)
            case _:
                pass

    def _stores(self, keys: list[str], node: Node, values: tuple[Value, ...], state: State) -> None:
        for key in keys:
            self.check_store(key, node, values, state)

    def _set_item(self, target: ir.Sub, value: Value, state: State) -> None:
        base = self.eval(target.value, state)
        index = self.eval(target.index, state)
        only = index.only()
        for ref in base.refs:
            thing = self.thing(ref, state)
            if thing is not None and thing.kind == "list" and isinstance(only, int) and only < 0 and thing.size:
                only = thing.size + only
        if index.known and not isinstance(only, bytes):
            self.store(base, only, value, state)
        else:
            self.blur(base, value.tainted(joined_taints(value.taints, made_of(index.taints))), state)
        if not base.refs and isinstance(target.value, ir.Name) and not base.callees:
            # an unknown container held in a variable now also holds this
            old = state.env.get(target.value.id)
            if old is not None and value.taints and not old.path.startswith("web."):
                state.env[target.value.id] = old.tainted(joined_taints(old.taints, made_of(value.taints)))
        name = target.value.attr if isinstance(target.value, ir.Attr) else target.value.id if isinstance(target.value, ir.Name) else ""
        keys = [f"{self.path_of(base, state)}[]=", f"*.{name}[]="]
        self._stores(keys, target, (index, value), state)

    def _unpack(self, target: ir.Seq, value: Value, state: State, node: Node) -> None:
        objects = self.objects(value, state)
        star = next((at for at, item in enumerate(target.items) if isinstance(item, ir.Star)), None)
        for at, item in enumerate(target.items):
            if len(objects) == 1 and objects[0].size is not None and (star is None or at < star):
                inner = objects[0].get(at) or UNKNOWN
                if value.taints:
                    inner = inner.tainted(joined_taints(inner.taints, made_of(value.taints)))
            else:
                inner = self.elements(value, state) if objects or value.taints else UNKNOWN
            self.bind(item, inner, state, node)

    def annotated(self, annotation: Expr, state: State) -> Value:
        """Return what an annotation says of a value."""
        if isinstance(annotation, ir.Sub):
            inner = annotation.index
            outer = self.eval(annotation.value, state).path
            if outer in {"typing.Optional", "typing.Annotated", "typing_extensions.Annotated"}:
                return self.annotated(inner.items[0] if isinstance(inner, ir.Seq) and inner.items else inner, state)
            return UNKNOWN
        if isinstance(annotation, ir.Bin) and annotation.op == "|":
            return self.annotated(annotation.left, state)
        value = self.eval(annotation, state)
        owner = next((one for one in value.callees if isinstance(one, ClassRef)), None)
        if owner is not None:
            return Value(callees=(owner,))
        return Value(path=self.tables.annotations.get(value.path, self.tables.canonical(f"{value.path}()"))) if value.path else UNKNOWN

    def _def(self, node: st.Def, state: State) -> State:
        name = f"{self.function}.{node.name}" if self.function else node.name
        closure = self.captured(state) if self.owner is None or self.function != self.owner.name else self.closure
        made = FunctionRef(node, self.module, name, self.owner, closure)
        made.heap = None if self.is_module else {**state.heap}
        for decorator in node.decorators:
            self.eval(decorator, state)
        state.env[node.name] = Value(callees=(made,))
        self.host.root(made)
        return state

    def _class(self, node: st.Class, state: State) -> State:
        name = f"{self.function}.{node.name}" if self.function else node.name
        made = ClassRef(node, self.module, name)
        bases = [self.eval(base.value if isinstance(base, ir.Sub) else base, state) for base in node.bases]
        made.bases = tuple(one for base in bases for one in base.callees if isinstance(one, ClassRef))
        made.externals = tuple(base.path for base in bases if base.path)
        child = type(self)(self.host, self.module, self.file, name, depth=self.depth, owner=made)
        child.closure = self.captured(state)
        inner = State({}, state.heap, {})
        child.run(node.body, inner)
        made.members = inner.env
        state.env[node.name] = Value(callees=(made,))
        return state

    def _import(self, node: st.Import, state: State) -> State:
        module = self.resolved(node)
        if not node.name:
            if node.alias:
                state.env[node.alias] = Value(path=module)
            else:
                first = node.module.partition(".")[0]
                state.env[first] = Value(path=self.host.resolve(self.module, first, 0))
            return state
        if node.name == "*":
            if not self.host.is_module(module):
                self.stars = (*self.stars, module)
            state.env.update(self.host.module_names(module))
            return state
        found = self.host.module_value(module, node.name) if self.host.is_module(module) else None
        whole = f"{module}.{node.name}" if module else node.name
        if found is None or self.host.is_module(whole):
            found = Value(path=self.tables.canonical(whole)) if found is None or not found.callees else found
        state.env[node.alias] = found
        return state

    def resolved(self, node: st.Import) -> str:
        """Return the absolute name of an imported module."""
        return self.host.resolve(self.module, node.module, node.level)
