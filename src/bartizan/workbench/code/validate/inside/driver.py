"""Inside the sandbox: loads one file of the tree, calls one function with inputs, and says what was seen.

Arguments: the plan as JSON at /job/plan.json. Writes one line of JSON behind the plan's own mark, so that what the code prints is not
taken for it. Standard library only, Python 3.8 or later.
"""

import base64
import importlib.util
import inspect
import io
import json
import os
import sys
import threading

sys.path.insert(0, "/job")
import standins

SEEN = {"reached": False, "opened": [], "asked": [], "statements": []}


def watch(plan):
    """Note when the sink's lines run, and which files are opened."""
    path, first, last = os.path.join("/tree", plan["file"]), plan["line"], plan["end_line"]

    def trace(frame, event, _):
        if frame.f_code.co_filename != path:
            return None
        if event == "line" and first <= frame.f_lineno <= last:
            SEEN["reached"] = True
        return trace

    def audit(event, args):
        if (
            event in {"open", "os.remove", "os.listdir", "os.scandir", "shutil.rmtree", "os.rmdir"}
            and args
            and isinstance(args[0], (str, bytes))
        ):
            name = os.fsdecode(args[0])
            if "canary" in name and len(SEEN["opened"]) < 50:
                SEEN["opened"].append(os.path.realpath(name))

    sys.addaudithook(audit)
    return trace


def serve(plan):
    """Answer on loopback, and note who asked."""
    import http.server

    class Canary(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            SEEN["asked"].append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"canary " + plan["canary"].encode())

        do_POST = do_PUT = do_HEAD = do_DELETE = do_GET

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 8080), Canary)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def record_sql():
    """Note the statements that reach sqlite3, and give every connection the same memory."""
    import sqlite3

    real = sqlite3.connect

    class Cursor(sqlite3.Cursor):
        def execute(self, sql, *args):
            SEEN["statements"].append(str(sql))
            return super().execute(sql, *args)

        def executescript(self, sql):
            SEEN["statements"].append(str(sql))
            return super().executescript(sql)

    class Connection(sqlite3.Connection):
        def cursor(self, factory=Cursor):
            return super().cursor(factory)

        def execute(self, sql, *args):
            return self.cursor().execute(sql, *args)

        def executescript(self, sql):
            return self.cursor().executescript(sql)

    sqlite3.connect = lambda *_, **__: real(":memory:", factory=Connection)


def load(plan):
    """Import the file under its dotted name, so that its relative imports work."""
    sys.path[:0] = ["/tree", os.path.dirname(os.path.join("/tree", plan["file"]))]
    os.chdir("/tmp")
    name = plan["file"][:-3].replace("/", ".")
    spec = importlib.util.spec_from_file_location(name, os.path.join("/tree", plan["file"]))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def target(module, dotted):
    """Return the function, of an instance without its constructor where it is a method."""
    owner, found = None, module
    for name in dotted.split("."):
        if name == "<locals>":
            return None
        owner, found = found, getattr(found, name)
    if inspect.isclass(owner) and not isinstance(inspect.getattr_static(owner, dotted.split(".")[-1]), (staticmethod, classmethod)):
        instance = owner.__new__(owner)
        for name in ("request", "args", "form"):
            if not hasattr(instance, name):
                setattr(instance, name, standins.Current.now)
        return getattr(instance, dotted.split(".")[-1])
    return found


def argument(name, value):
    """Return what a parameter gets: the input, or a double for what is no data."""
    lowered = name.lower()
    if lowered in {"request", "req"}:
        return standins.Current.now
    if any(word in lowered for word in ("conn", "cursor", "db", "session", "engine", "client", "logger", "response")) or lowered in {
        "cur",
        "c",
    }:
        return standins.Anything(name, standins.STATEMENTS)
    return value


def call(function, value):
    """Call with the input for every parameter that has no default or looks like data."""
    given = {}
    positional = []
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.kind is parameter.POSITIONAL_ONLY:
            positional.append(argument(name, value))
        elif parameter.default is parameter.empty or parameter.default is None or isinstance(parameter.default, str):
            given[name] = argument(name, value)
    result = function(*positional, **given)
    if inspect.iscoroutine(result):
        import asyncio

        result = asyncio.run(result)
    return result


def shown(result, depth=0):
    """Write a result as text, as far as a reader of the answer would see it."""
    if isinstance(result, bytes):
        return result.decode("utf-8", "replace")
    if isinstance(result, (list, tuple)) and depth < 3:
        return " ".join(shown(each, depth + 1) for each in list(result)[:50])
    if hasattr(result, "itertext"):
        return " ".join(result.itertext())
    if hasattr(result, "getroot"):
        return " ".join(result.getroot().itertext())
    if hasattr(result, "toxml"):
        return result.toxml()
    return str(result)


def main():
    with open("/job/plan.json") as file:
        plan = json.load(file)
    value = base64.b64decode(plan["input"])
    if plan["type"] == "str":
        value = value.decode("utf-8")
    for path, text in plan["files"].items():
        with open(path, "w") as file:
            file.write(text)
    finder = standins.install(value if isinstance(value, str) else value.decode("latin-1"))
    standins.Current.now = standins.Request(value)
    outcome = {"loaded": False, "called": False, "error": "", "result": ""}
    said = sys.stdout
    sys.stdout = caught = io.StringIO()
    sys.stdin = io.StringIO(value if isinstance(value, str) else value.decode("latin-1"))
    try:
        if plan["kind"] == "ssrf":
            serve(plan)
        record_sql()
        trace = watch(plan)
        if not plan["function"]:
            sys.settrace(trace)
        module = load(plan)
        outcome["loaded"] = True
        sys.settrace(trace)
        threading.settrace(trace)
        function = target(module, plan["function"]) if plan["function"] else None
        if function is not None:
            outcome["result"] = shown(call(function, value))[:20000]
        outcome["called"] = True
    except BaseException as error:
        outcome["error"] = type(error).__name__ + ": " + str(error)[:200]
    finally:
        sys.settrace(None)
        sys.stdout = said
    outcome["printed"] = caught.getvalue()[:20000]
    SEEN["statements"] += [
        str(each[1][0]) for each in standins.STATEMENTS if each[0].rpartition(".")[2].startswith(("execute", "raw", "fetch")) and each[1]
    ]
    outcome.update(SEEN, touched=os.path.exists("/tmp/canary-touched"), doubles=finder.used[:20])
    sys.stdout.write("\n" + plan["mark"] + json.dumps(outcome) + "\n")
    sys.stdout.flush()
    os._exit(0)


main()
