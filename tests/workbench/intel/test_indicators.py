import pytest

from bartizan.workbench.intel.extract import extract


def found(text):
    return [(one.kind, one.value) for one in extract(text).indicators]


STYLES = {
    "plain": "evil-site.com",
    "brackets": "evil-site[.]com",
    "parentheses": "evil-site(.)com",
    "braces": "evil-site{.}com",
    "angles": "evil-site<.>com",
    "spaced": "evil-site [.] com",
    "dot in brackets": "evil-site[dot]com",
    "dot in parentheses": "evil-site(dot)com",
    "open bracket": "evil-site[.com",
    "closing bracket": "evil-site.]com",
    "backslash": "evil-site\\.com",
}


@pytest.mark.parametrize("written", STYLES.values(), ids=STYLES)
def test_a_host_is_refanged_from_every_style(written):
    text = f"It beacons to {written}, then sleeps."
    (one,) = extract(text).indicators
    assert (one.kind, one.value) == ("host", "evil-site.com")
    assert text[one.start : one.end] == one.quote == written


@pytest.mark.parametrize("scheme", ["http", "hxxp", "hXXp", "h**p", "hxxp[:]", "meow"])
def test_a_scheme_is_refanged_from_every_style(scheme):
    assert found(f"from {scheme}{'' if scheme.endswith(']') else ':'}//a.example[.]com/x.php?q=1.") == [
        ("url", "http://a.example.com/x.php?q=1")
    ]


@pytest.mark.parametrize("written", ["bob@evil[.]com", "bob[@]evil.com", "bob[at]evil[dot]com", "bob (at) evil (dot) com"])
def test_an_address_for_mail_is_refanged(written):
    assert found(f"sent by {written} today") == [("email", "bob@evil.com")]


@pytest.mark.parametrize(
    "text",
    [
        "version 1.2.3.4",
        "Chrome/67.0.3396.99",
        "10.0.19041.1",
        "payload.zip",
        "ASP.NET",
        "System.Net",
        "e.g.powershell",
        "os.path.join",
        "the actor.The group",
    ],
)
def test_a_look_alike_is_no_network_address(text):
    assert not {"host", "ipv4", "url"} & {kind for kind, _ in found(f"It used {text} for this.")}


@pytest.mark.parametrize(
    ("piece", "what"),
    [
        ("hxxp://a[.]", "addresses with a scheme"),
        ("1.2.3.4 ", "hosts and file names"),
        ("TA505 ", "known names"),
        ("T1059 ", "ids of techniques"),
    ],
)
def test_a_megabyte_of_one_thing_is_cut_and_says_so(piece, what):
    found = extract((piece * 200_000)[:1_000_000] + "\n\nAPT28 used PowerShell to download and execute the payload from 203.0.113.9 today.")
    assert what in {one.value for one in found.set_aside if one.kind == "limit"}
    assert all("stopped after" in one.reason for one in found.set_aside if one.kind == "limit")


def test_a_list_of_many_hosts_is_read_whole():
    hosts = [f"host-{number}.example.net" for number in range(30_000)]
    found = extract("\n".join(hosts))
    assert {one.value for one in found.indicators if one.kind == "host"} == set(hosts)
    assert not [one for one in found.set_aside if one.kind == "limit"]
