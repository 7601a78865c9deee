"""Small programs of ours for the bench of fixes: each with a weakness, a test of what it is for, and a test of its security.

Both tests go into one file of the pair; the security tests fail before a fix by design. The programs differ in how data is built and
where it goes, not only in names, and no codemod looks at anything but its finding.
"""

from __future__ import annotations

from typing import Final

import msgspec


class Pair(msgspec.Struct, frozen=True):
    """One program. ``works`` must pass before and after, ``safe`` only after; both are bodies of test functions that use ``app``."""

    name: str
    cwe: int
    code: str
    works: str
    safe: str


_DB: Final = "c = __import__('sqlite3').connect(':memory:')\nc.execute('CREATE TABLE t (id INTEGER, name TEXT)')\nc.execute(\"INSERT INTO t VALUES (1, 'ann')\")\nc.execute(\"INSERT INTO t VALUES (2, 'bob')\")\n"  # noqa: E501 - a program in one string
_BAD: Final = "x' OR '1'='1"


def _sql(name: str, build: str, call: str = "execute(q)") -> Pair:
    code = f"import sqlite3\n\n\ndef find(c, name):\n    q = {build}\n    return c.{call}.fetchall()\n"
    return Pair(name, 89, code, f"{_DB}assert app.find(c, 'ann') == [(1, 'ann')]", f'{_DB}assert app.find(c, "{_BAD}") == []')


def _command(name: str, body: str, works: str = "assert 'ann' in str(app.run('ann'))") -> Pair:
    return Pair(
        name,
        78,
        f"import os\nimport subprocess\n\n\ndef run(name):\n    {body}\n",
        works,
        "import os\ntry:\n    app.run('x; touch /tmp/pwned #')\nexcept (OSError, subprocess.SubprocessError):\n    pass\nassert not os.path.exists('/tmp/pwned')".replace(  # noqa: E501 - a program in one string
            "subprocess.SubprocessError", "__import__('subprocess').SubprocessError"
        ),
    )


_FILES: Final = "import pathlib\npathlib.Path('/tmp/box').mkdir(exist_ok=True)\npathlib.Path('/tmp/box/a.txt').write_text('in')\npathlib.Path('/tmp/out.txt').write_text('out')\n"  # noqa: E501 - a program in one string


def _path(name: str, body: str) -> Pair:
    code = f"import os\nfrom pathlib import Path\n\nBASE = '/tmp/box'\n\n\ndef read(name):\n    {body}\n"
    safe = f"{_FILES}import pytest\nfor n in ('../out.txt', '/tmp/out.txt'):\n    try:\n        assert app.read(n) != 'out'\n    except (ValueError, OSError):\n        pass"  # noqa: E501 - a program in one string
    return Pair(name, 22, code, f"{_FILES}assert app.read('a.txt') == 'in'", safe)


def _plain(name: str, cwe: int, imports: str, body: str, works: str, safe: str, *, args: str = "x") -> Pair:
    return Pair(name, cwe, f"{imports}\n\n\ndef f({args}):\n    {body}\n", works, safe)


_YAML_BAD: Final = (
    "import os, yaml\ntry:\n    app.f('!!python/object/apply:os.system [\"touch /tmp/yaml\"]')\nexcept yaml.YAMLError:\n    pass\n"
    "assert not os.path.exists('/tmp/yaml')"
)
_EVAL_BAD: Final = (
    "import os\ntry:\n    app.f(\"__import__('os').system('touch /tmp/evil')\")\nexcept (ValueError, SyntaxError):\n    pass\n"
    "assert not os.path.exists('/tmp/evil')"
)
_BOMB: Final = '<!DOCTYPE a [<!ENTITY e "boom">]><a>&e;</a>'
_XML_BAD: Final = f"try:\n    out = str(app.f('{_BOMB}'))\nexcept Exception:\n    out = ''\nassert 'boom' not in out"
_OLD: Final = "import inspect\nassert {!r} not in inspect.getsource(app.f)"

PAIRS: Final[tuple[Pair, ...]] = (
    _sql("sql-f-string", "f\"SELECT * FROM t WHERE name = '{name}'\""),
    _sql("sql-percent", "\"SELECT * FROM t WHERE name = '%s'\" % name"),
    _sql("sql-percent-tuple", "\"SELECT * FROM t WHERE name = '%s' AND id < %d\" % (name, 9)"),
    _sql("sql-format", "\"SELECT * FROM t WHERE name = '{}'\".format(name)"),
    _sql("sql-format-named", "\"SELECT * FROM t WHERE name = '{n}'\".format(n=name)"),
    _sql("sql-plus", '"SELECT * FROM t WHERE name = \'" + name + "\'"'),
    _sql("sql-plus-order", '"SELECT * FROM t WHERE name = \'" + name + "\' ORDER BY id"'),
    _sql("sql-mapping", "\"SELECT * FROM t WHERE name = '%(n)s'\" % {'n': name}"),
    _sql("sql-like", "f\"SELECT * FROM t WHERE name LIKE '{name}%'\""),
    Pair(
        "sql-number",
        89,
        "import sqlite3\n\n\ndef find(c, number):\n    return c.execute('SELECT * FROM t WHERE id = ' + number).fetchall()\n",
        f"{_DB}assert app.find(c, '1') == [(1, 'ann')]",
        f"{_DB}assert app.find(c, '1 OR 1=1') == []",
    ),
    _command("command-f-string", "return subprocess.check_output(f'echo {name}', shell=True)"),
    _command("command-plus", "return subprocess.run('echo ' + name, shell=True, capture_output=True).stdout"),
    _command("command-format", "return subprocess.check_output('echo {}'.format(name), shell=True)"),
    _command("command-percent", "return subprocess.check_output('echo -n %s' % name, shell=True)"),
    _command("command-popen", "return os.popen('echo ' + name).read()"),
    _command("command-system", "return os.system('test ann = ' + name)", "assert app.run('ann') == 0"),
    _command("command-variable", "line = f'echo hello {name}'\n    return subprocess.check_output(line, shell=True, text=True)"),
    _path("path-join", "with open(os.path.join(BASE, name)) as f:\n        return f.read()"),
    _path("path-variable", "path = os.path.join(BASE, name)\n    with open(path) as f:\n        return f.read()"),
    _path("path-plus", "with open(BASE + '/' + name) as f:\n        return f.read()"),
    _path("path-f-string", "with open(f'{BASE}/{name}') as f:\n        return f.read()"),
    _path("path-pathlib", "return (Path(BASE) / name).read_text()"),
    _path("path-literal", "with open('/tmp/box/' + name) as f:\n        return f.read()"),
    _plain("yaml-loader", 502, "import yaml", "return yaml.load(x, Loader=yaml.Loader)", "assert app.f('a: [1]') == {'a': [1]}", _YAML_BAD),
    _plain("yaml-unsafe", 502, "import yaml", "return yaml.unsafe_load(x)", "assert app.f('a: 1') == {'a': 1}", _YAML_BAD),
    _plain(
        "yaml-from", 502, "from yaml import load, UnsafeLoader", "return load(x, UnsafeLoader)", "assert app.f('- 1') == [1]", _YAML_BAD
    ),
    _plain("eval-name", 95, "import os", "return eval(x)", "assert app.f('[1, 2]') == [1, 2]", _EVAL_BAD),
    _plain("eval-input", 95, "import sys", "value = eval(x)\n    return value", "assert app.f('{\"a\": 1}') == {'a': 1}", _EVAL_BAD),
    _plain(
        "xml-etree", 611, "import xml.etree.ElementTree as ET", "return ET.fromstring(x).text", "assert app.f('<a>b</a>') == 'b'", _XML_BAD
    ),
    _plain(
        "xml-minidom",
        611,
        "import xml.dom.minidom",
        "return xml.dom.minidom.parseString(x).toxml()",
        "assert '<a' in app.f('<a/>')",
        _XML_BAD,
    ),
    _plain(
        "xml-lxml",
        611,
        "from lxml import etree",
        "return etree.fromstring(x, etree.XMLParser(resolve_entities=True)).text",
        "assert app.f('<a>b</a>') == 'b'",
        _XML_BAD,
    ),
    _plain(
        "hash-md5",
        327,
        "import hashlib",
        "return hashlib.md5(x.encode()).hexdigest()",
        "assert app.f('a') == app.f('a') != app.f('b')",
        "assert len(app.f('a')) == 64",
    ),
    _plain(
        "hash-sha1",
        327,
        "import hashlib",
        "h = hashlib.sha1()\n    h.update(x)\n    return h.digest()",
        "assert app.f(b'a') != app.f(b'b')",
        "assert len(app.f(b'a')) == 32",
    ),
    _plain(
        "hash-new",
        327,
        "import hashlib",
        "return hashlib.new('md5', x).hexdigest()",
        "assert app.f(b'a') == app.f(b'a')",
        "assert len(app.f(b'a')) == 64",
    ),
    _plain(
        "random-token",
        330,
        "import random",
        "token = ''.join(random.choice('abc') for _ in range(x))\n    return token",
        "assert len(app.f(9)) == 9",
        "import random\nrandom.seed(1)\na = app.f(40)\nrandom.seed(1)\nassert a != app.f(40)",
    ),
    _plain(
        "random-code",
        330,
        "import random",
        "password = str(random.randint(0, x))\n    return password",
        "assert 0 <= int(app.f(9)) <= 9",
        "import random\nrandom.seed(1)\na = app.f(10**30)\nrandom.seed(1)\nassert a != app.f(10**30)",
    ),
    _plain(
        "tls-context",
        295,
        "import ssl",
        "c = ssl.create_default_context()\n    c.check_hostname = False\n    c.verify_mode = ssl.CERT_NONE\n    return c",
        "assert app.f(1)",
        "import ssl\nassert app.f(1).verify_mode == ssl.CERT_REQUIRED and app.f(1).check_hostname",
    ),
    _plain(
        "tls-unverified",
        295,
        "import ssl",
        "return ssl._create_unverified_context()",
        "assert app.f(1)",
        "import ssl\nassert app.f(1).verify_mode == ssl.CERT_REQUIRED",
    ),
    _plain(
        "mode-chmod",
        732,
        "import os",
        "os.chmod(x, 0o777)",
        "open('/tmp/m', 'w').close()\napp.f('/tmp/m')",
        "import os\nopen('/tmp/m', 'w').close()\napp.f('/tmp/m')\nassert os.stat('/tmp/m').st_mode & 0o077 == 0",
    ),
    _plain(
        "archive-tar",
        22,
        "import tarfile",
        "with tarfile.open(x) as t:\n        t.extractall('/tmp/tar')",
        "import tarfile\nopen('/tmp/in.txt', 'w').close()\nt = tarfile.open('/tmp/g.tar', 'w')\nt.add('/tmp/in.txt', 'in.txt')\nt.close()\napp.f('/tmp/g.tar')\nassert open('/tmp/tar/in.txt')",  # noqa: E501 - a program in one string
        "import os, tarfile\nopen('/tmp/in.txt', 'w').close()\nt = tarfile.open('/tmp/b.tar', 'w')\nt.add('/tmp/in.txt', '../evil.txt')\nt.close()\ntry:\n    app.f('/tmp/b.tar')\nexcept tarfile.TarError:\n    pass\nassert not os.path.exists('/tmp/evil.txt')",  # noqa: E501 - a program in one string
    ),
    _plain(
        "temporary-name",
        377,
        "import tempfile",
        "return tempfile.mktemp(suffix=x)",
        "assert app.f('.x').endswith('.x')",
        "import os\nassert os.path.exists(app.f('.x'))",
    ),
    _plain(
        "log-line",
        117,
        "import logging\n\nlog = logging.getLogger('x')",
        "log.warning('user ' + x)",
        "app.f('ann')",
        "import logging\nseen = []\nh = logging.Handler()\nh.emit = lambda r: seen.append(r.getMessage())\napp.log.addHandler(h)\napp.f('a\\nb')\nassert '\\n' not in seen[0]",  # noqa: E501 - a program in one string
    ),
    _plain(
        "template-string",
        1336,
        "from jinja2 import Template",
        "return Template('Hello ' + x).render()",
        "assert app.f('ann') == 'Hello ann'",
        "assert '49' not in app.f('{{7*7}}')",
    ),
    _plain(
        "xpath-name",
        643,
        'from lxml import etree\n\nT = etree.fromstring(\'<r><u n="ann">1</u><u n="bob">2</u></r>\')',
        "return [e.text for e in T.xpath(\"//u[@n='%s']\" % x)]",
        "assert app.f('ann') == ['1']",
        "assert app.f(\"' or '1'='1\") == []",
    ),
    _plain(
        "redos-nested",
        1333,
        "import re",
        "return bool(re.match(r'^(a+)+$', x))",
        "assert app.f('aaa') and not app.f('ab')",
        "assert app.f('a' * 40 + '!') is False",
    ),
    _plain(
        "secret-literal",
        798,
        "import os",
        "password = 's3cr3t-Pa55w0rd!'\n    return x == password",
        "import os\nos.environ['PASSWORD'] = 's3cr3t-Pa55w0rd!'\nassert app.f('s3cr3t-Pa55w0rd!')",
        _OLD.format("s3cr3t-Pa55w0rd!"),
    ),
)
