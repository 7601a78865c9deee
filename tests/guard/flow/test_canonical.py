"""Canonical forms under fuzz: hosts against yarl and the ipaddress module, paths against the operating system's own joining."""

import ipaddress
import posixpath
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from bartizan.guard.egress import places
from bartizan.guard.flow import commands, sql
from bartizan.guard.flow.paths import problem

ADDRESS = st.integers(0, 2**32 - 1)


def spellings(number):
    octets = [number >> shift & 255 for shift in (24, 16, 8, 0)]
    yield ".".join(map(str, octets))
    yield str(number)
    yield hex(number)
    yield "0" + oct(number)[2:] if number else "0"
    yield ".".join("0" + oct(octet)[2:] if octet else "0" for octet in octets)
    yield ".".join(hex(octet) for octet in octets)
    yield f"{octets[0]}.{number & 0xFFFFFF}"
    yield f"[::ffff:{'.'.join(map(str, octets))}]"
    yield f"[::ffff:{number >> 16:x}:{number & 0xFFFF:x}]"


@given(ADDRESS)
def test_every_spelling_of_an_address_is_one_address(number):
    wanted = str(ipaddress.IPv4Address(number))
    for spelling in spellings(number):
        (place,) = {place.host for place in places(f"http://{spelling}/x")} - {""}
        assert place == wanted, spelling


LABEL = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=12).filter(lambda label: not label.isdigit())
HOST = (
    st.lists(LABEL, min_size=2, max_size=4)
    .map(".".join)
    .filter(lambda host: not host.rpartition(".")[2].startswith("0x") and not host.rpartition(".")[2][0].isdigit())
)


@given(HOST, st.sampled_from(["", ".", ":443", ":8443"]), st.sampled_from(["", "/", "/a?b=c", "#x", "?q=http://other.example"]))
def test_a_host_is_what_a_url_library_says(host, tail, rest):
    url = f"https://{host}{tail}{rest}"
    found = {place.host for place in places(url)}
    assert URL(f"https://{host}{tail.strip('.')}{rest}").host in found


@given(HOST, HOST)
def test_what_stands_before_an_at_sign_is_not_the_host(user, host):
    (place, *_) = list(places(f"https://{user}@{host}/"))
    assert place.host == host
    assert place.problem == "userinfo"


@given(HOST.filter(lambda host: host.upper().lower() == host))
def test_case_and_percent_signs_and_wide_letters_change_nothing(host):
    wide = "".join(chr(ord(letter) + 0xFEE0) if letter.isalnum() else letter for letter in host)
    percent = "".join(f"%{ord(letter):02x}" for letter in host)
    for spelling in (host.upper(), wide, percent):
        assert next(iter(places(f"https://{spelling}/"))).host == host


PART = st.sampled_from(["a", "b.txt", "..", ".", "", "c d", "...", "%2e%2e", "%252e%252e", "..%5c", "x\\..\\y", "\uff0e\uff0e"])


@given(st.lists(PART, min_size=1, max_size=6), st.booleans())
def test_no_path_that_is_let_through_leaves_its_root(parts, absolute):
    path = ("/srv/data/" if absolute else "") + "/".join(parts)
    if not problem(path, ("/srv/data",)):
        once = unquote(unquote(path)).replace("\\", "/").replace("\uff0e", ".")
        joined = posixpath.normpath(posixpath.join("/srv/data", once))
        assert joined == "/srv/data" or joined.startswith("/srv/data/")


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "a/../../x",
        "/etc/passwd",
        "~/.ssh/id_rsa",
        "a\0b",
        "\\\\host\\share",
        "//host/share",
        "C:\\x",
        "file.txt:stream",
        "a/con",
        "x /y",
        "a/..%2f..%2fb",
        "%2e%2e/x",
        ".git/hooks/pre-commit",
        "\u202ea",
    ],
)
def test_a_path_that_hides_or_leaves_is_refused(path):
    assert problem(path)
    assert problem(path, ("/srv",))


@pytest.mark.parametrize(
    "path", ["a", "notes/todo.md", "a b/c.txt", "src/rates.py", "bills/waterworks-may.txt", ".github/workflows/ci.yml", "v1.2/x"]
)
def test_an_ordinary_path_is_let_through(path):
    assert not problem(path)
    assert not problem(path, ("/srv",))


@given(st.text(max_size=200))
def test_no_text_breaks_the_readers(text):
    problem(text)
    problem(text, ("/srv",))
    list(commands.problems(text, ("ls",)))
    list(sql.problems(text))
    list(places(text, "url"))
