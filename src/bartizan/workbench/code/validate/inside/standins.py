"""Inside the sandbox: doubles for what a file imports and the sandbox lacks, and for a web request whose every field is the input.

Standard library only, Python 3.8 or later; runs beside strangers' code and trusts none of it.
"""

import builtins
import importlib.abc
import importlib.machinery
import sys


class Anything:
    """Takes any call, attribute and item, and is iterated as empty; what a missing library gives."""

    def __init__(self, name="", record=None):
        self.__dict__["_name"] = name
        self.__dict__["_record"] = record if record is not None else []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything(self._name + "." + name, self._record)

    def __setattr__(self, name, value):
        self.__dict__[name] = value

    def __call__(self, *args, **kwargs):
        if len(args) == 1 and not kwargs and callable(args[0]) and not isinstance(args[0], Anything):
            return args[0]
        self._record.append((self._name, args, kwargs))
        return Anything(self._name + "()", self._record)

    def __getitem__(self, key):
        return Anything(self._name + "[]", self._record)

    def __setitem__(self, key, value):
        self._record.append((self._name + "[]=", (key, value), {}))

    def __iter__(self):
        return iter(())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False

    def __mro_entries__(self, bases):
        return (object,)

    def __bool__(self):
        return True

    def __str__(self):
        return self._name


class Fields:
    """A request's query, form, cookies or headers: every key has the input."""

    def __init__(self, value):
        self.value = value

    def get(self, key=None, default=None, type=None, **_):
        return type(self.value) if type else self.value

    def getlist(self, key=None, *_):
        return [self.value]

    def __getitem__(self, key):
        return self.value

    def __contains__(self, key):
        return True

    def items(self):
        return [("q", self.value)]

    def keys(self):
        return ["q"]

    def values(self):
        return [self.value]

    def to_dict(self, *_, **__):
        return {"q": self.value}

    pop = get


class Upload:
    """An uploaded file whose name and text are the input."""

    def __init__(self, value):
        self.filename = self.name = value if isinstance(value, str) else "upload"
        self._data = value if isinstance(value, bytes) else str(value).encode()

    def read(self, *_):
        return self._data

    def save(self, target, *_, **__):
        with open(target, "wb") as out:
            out.write(self._data)

    @property
    def stream(self):
        return self


class Request:
    """A web request of Flask, Django or Starlette, as far as code reads one."""

    def __init__(self, value):
        fields = Fields(value)
        self.args = self.form = self.values = self.cookies = self.headers = self.GET = self.POST = self.COOKIES = self.META = fields
        self.query_params = self.path_params = self.params = self.view_args = self.match_info = self.json = fields
        self.files = self.FILES = Fields(Upload(value))
        self.data = self.body = self._bytes = value if isinstance(value, bytes) else str(value).encode()
        self.method, self.path, self.remote_addr, self.user, self.session = "POST", "/", "127.0.0.1", Anything("user"), {}
        self.url = self.full_path = self.query_string = value
        self.text = value

    def get_data(self, *_, **kwargs):
        return self._bytes.decode() if kwargs.get("as_text") else self._bytes

    def get_json(self, *_, **__):
        return self.json

    def get_host(self):
        return "site.invalid"

    def is_secure(self):
        return True


class Current:
    """``flask.request``: stands for the request of the moment."""

    now = None

    def __getattr__(self, name):
        return getattr(Current.now, name)


class Answer:
    """A response: text, status and headers."""

    def __init__(self, text="", status=200, headers=None, **_):
        self.text, self.status, self.headers = text, status, dict(headers or {})
        self.data = text

    def set_cookie(self, *_, **__):
        pass

    def __setitem__(self, key, value):
        self.headers[key] = value

    def __str__(self):
        return str(self.text) + "\n" + "\n".join("%s: %s" % each for each in self.headers.items())


class Refused(Exception):
    """What ``abort`` raises."""


def abort(code=400, *_, **__):
    raise Refused(code)


def redirect(to, *_, **__):
    return Answer("", 302, {"Location": to})


def render_template_string(source, **given):
    import jinja2

    return jinja2.Environment(autoescape=True).from_string(source).render(**given)


class App(Anything):
    """An application whose decorators give functions back as they are."""

    def __init__(self, *_, **__):
        Anything.__init__(self, "app")
        self.__dict__["config"] = {"SECRET_KEY": "k"}

    def __getattr__(self, name):
        if name in {"route", "get", "post", "put", "delete", "patch", "errorhandler", "before_request", "after_request", "websocket"}:
            return lambda *_, **__: lambda function: function
        return Anything.__getattr__(self, name)


def send_file(path, *_, **__):
    with open(path, "rb") as found:
        return Answer(found.read().decode("utf-8", "replace"))


def _django_response(text="", *_, **__):
    return Answer(text)


KNOWN = {
    "flask": {
        "Flask": App,
        "Blueprint": App,
        "request": Current(),
        "abort": abort,
        "redirect": redirect,
        "make_response": Answer,
        "Response": Answer,
        "jsonify": lambda *args, **kwargs: Answer(repr(args or kwargs)),
        "render_template_string": render_template_string,
        "send_file": send_file,
        "session": {},
        "g": Anything("g"),
    },
    "django.http": {
        "HttpResponse": _django_response,
        "HttpResponseRedirect": redirect,
        "JsonResponse": _django_response,
        "HttpResponseBadRequest": _django_response,
        "FileResponse": Answer,
    },
    "django.shortcuts": {"redirect": redirect},
    "fastapi": {"FastAPI": App, "APIRouter": App, "HTTPException": Refused},
    "django.core.exceptions": {"SuspiciousOperation": Refused},
    "werkzeug.utils": {
        "secure_filename": lambda name: "".join(c for c in name.replace("/", "_") if c.isalnum() or c in "._-").lstrip("._")
    },
}
STATEMENTS = []
"""What reaches ``execute`` of drivers that are missing."""


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives a double for every module that is nowhere else; ``used`` are those it gave."""

    def __init__(self):
        self.used = []

    def find_spec(self, name, path=None, target=None):
        frame = sys._getframe(1)
        while frame is not None and "importlib" in frame.f_code.co_filename:
            frame = frame.f_back
        if frame is None or not frame.f_code.co_filename.startswith("/tree"):
            return None  # libraries try imports that they can do without
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        self.used.append(spec.name)
        module = type(sys)(spec.name)
        module.__path__ = []
        for key, value in KNOWN.get(spec.name, {}).items():
            setattr(module, key, value)

        def missing(attribute):
            if attribute.startswith("__"):
                raise AttributeError(attribute)
            if attribute.endswith(("Error", "Exception")):
                return type(attribute, (Exception,), {})
            return Anything(spec.name + "." + attribute, STATEMENTS)

        module.__getattr__ = missing
        return module

    def exec_module(self, module):
        pass


def install(value):
    """Give doubles from now on, and the input wherever a program asks a person."""
    finder = Finder()
    sys.meta_path.append(finder)
    builtins.input = lambda *_: Current.now.url
    sys.argv = ["program", value, value, value]
    Current.now = Request(value)
    return finder
