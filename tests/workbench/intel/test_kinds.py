import hashlib
import time

import pytest

from bartizan.workbench.intel.extract.indicators import find
from bartizan.workbench.intel.extract.indicators.kinds import kinds

EXAMPLES = {
    "cve": ("CVE-2021-44228", "CVE-2021-44228"),
    "ghsa": ("GHSA-jfh8-c2jp-5v3q", "GHSA-jfh8-c2jp-5v3q"),
    "cnvd": ("CNVD-2021-12345", "CNVD-2021-12345"),
    "zdi": ("ZDI-21-1234", "ZDI-21-1234"),
    "ms-bulletin": ("MS17-010", "MS17-010"),
    "kb": ("KB4012212", "KB4012212"),
    "cwe": ("CWE-787", "CWE-787"),
    "guid": ("53F5630D-B6BF-11D0-94F2-00A0C91EFB8B", "53f5630d-b6bf-11d0-94f2-00a0c91efb8b"),
    "mac": ("00:1A-bad".replace("-bad", ":2b:3c:4d:5e"), "00:1a:2b:3c:4d:5e"),
    "ipv6": ("2001:db8:0:1::a", "2001:db8:0:1::a"),
    "cidr": ("203.0.113.0/24", "203.0.113.0/24"),
    "asn": ("AS15169", "AS15169"),
    "bitcoin": ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
    "ethereum": ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"),
    "monero": ("44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A",) * 2,
    "ripple": ("rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh",) * 2,
    "stellar": ("GAAZI4TCR3TY5OJHCTJC2A4QSY6CJWJH5IAJTGKIN2ER7LBNVKOCCWN7",) * 2,
    "iban": ("GB82 WEST 1234 5698 7654 32", "GB82WEST12345698765432"),
    "registry": (
        r"HKLM\Software\Microsoft\Windows NT\CurrentVersion\Run",
        r"HKEY_LOCAL_MACHINE\Software\Microsoft\Windows NT\CurrentVersion\Run",
    ),
    "pipe": (r"\\.\pipe\mojo_7", r"\\.\pipe\mojo_7"),
    "filepath": (r"C:\Program Files\Thing\run.dat", r"C:\Program Files\Thing\run.dat"),
    "pdb": (r"D:\work\implant\Release\x.pdb", r"D:\work\implant\Release\x.pdb"),
    "mutex": (r"Global\ShellSyncCom", r"Global\ShellSyncCom"),
    "google-analytics": ("UA-1234567-1", "UA-1234567-1"),
    "adsense": ("pub-1234567890123456", "pub-1234567890123456"),
    "ja4": ("t13d1516h2_8daaf6152771_02713d6af862",) * 2,
    "tlsh": ("T1" + "0A" * 35, "T1" + "0A" * 35),
    "ssdeep": ("3072:HPHvQByUS7Yqy7UKJm1Y3a3v:HPHqyUS7YqyIKH3aHz",) * 2,
    "ipfs": ("QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG",) * 2,
    "chrome-extension": ("aohghmighlieiainnegkcijnfilokake",) * 2,
    "user-agent": ("Mozilla/5.0 (Windows NT 6.1; WOW64)",) * 2,
    "yara-rule": ("rule Loader_One {", "Loader_One"),
    "scheduled-task": ("schtasks /create /tn Updater", "Updater"),
    "email": ("bob@evil.com", "bob@evil.com"),
    "filename": ("svchost.exe", "svchost.exe"),
    "package": ("com.mxi.videoplay", "com.mxi.videoplay"),
    "host": ("evil.com", "evil.com"),
    "ipv4": ("203.0.113.9", "203.0.113.9"),
    "url": ("ftp://evil.com/a", "ftp://evil.com/a"),
    "md5": (hashlib.md5(b"a", usedforsecurity=False).hexdigest(),) * 2,
    "sha1": (hashlib.sha1(b"a", usedforsecurity=False).hexdigest(),) * 2,
    "sha256": (hashlib.sha256(b"a").hexdigest(),) * 2,
    "sha384": (hashlib.sha384(b"a").hexdigest(),) * 2,
    "sha512": (hashlib.sha512(b"a").hexdigest(),) * 2,
}


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_kind_is_found_in_its_canonical_form(kind):
    written, value = EXAMPLES[kind]
    text = f"Seen: {written} [again]."
    (one,) = find(text)[0]
    assert (one.kind, one.value) == (kind, value)
    assert text[one.start : one.end] == one.quote


def test_there_are_at_least_thirty_kinds_and_every_pattern_compiles():
    assert len(EXAMPLES) >= 30
    assert {kind.id for kind in kinds()} - set(EXAMPLES) == {"tron", "litecoin", "dogecoin", "dash", "zcash"}


@pytest.mark.parametrize(
    "written",
    [
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb",
        "GB82 WEST 1234 5698 7654 33",
        "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTi",
        "GAAZI4TCR3TY5OJHCTJC2A4QSY6CJWJH5IAJTGKIN2ER7LBNVKOCCWN8",
    ],
)
def test_a_checksum_that_does_not_hold_makes_it_nothing(written):
    assert not find(f"Seen: {written} (again).")[0]


@pytest.mark.parametrize("size", [32, 40, 64, 128])
@pytest.mark.parametrize("cut", [0.3, 0.5, 0.8])
@pytest.mark.parametrize("end", ["\n", " \r\n", "-\n", "\n   "])
def test_a_hash_that_a_page_broke_is_put_together(size, cut, end):
    whole = hashlib.shake_128(b"x").hexdigest(size // 2)
    place = int(size * cut) + 1
    text = f"Hash {whole[:place]}{end}{whole[place:]} ends."
    (one,) = find(text)[0]
    assert one.value == whole
    assert "2 lines" in one.notes[0]


def test_two_hashes_on_two_lines_stay_two():
    first, second = (hashlib.md5(bytes([n]), usedforsecurity=False).hexdigest() for n in (1, 2))
    assert [one.value for one in find(f"{first}\n{second}\n")[0]] == [first, second]


@pytest.mark.parametrize(
    ("text", "tier"),
    [
        ("It fell to evil[.]com once.", "defanged"),
        ("The bot connects to evil-site.com daily.", "network verb"),
        ("Indicators of Compromise\n\nevil-site.com\n", "indicator section"),
        ("References\n\nhttps://some-blog.net/post\n", "reference link"),
        ("Write to press@some-blog.net please.", "vendor contact"),
        ("It asks 8.8.8.8 for names.", "warning list"),
        ("Fragment evil-site.com stands.", "plain"),
    ],
)
def test_the_tier_and_its_reason_are_visible(text, tier):
    (one,) = find(text)[0]
    assert one.tier == tier
    assert one.reason


def test_what_only_looks_like_one_is_set_aside_with_its_reason():
    found, aside = find("Version 6.1.7601.17514 of ASP.NET ran.")
    assert not found
    assert [one.tier for one in aside] == ["not an indicator"] * 2
    assert all(one.reason for one in aside)


@pytest.mark.parametrize("piece", ["a.", "http://", "a[.]b", "f\n", "C:\\a b ", "::", "a@", "HKLM\\a ", "(", "\u4e2d", "1.2.3.4/"])
def test_a_hostile_text_takes_time_in_proportion(piece):
    def cpu(size):
        text = (piece * size)[:size]
        begun = time.process_time()
        find(text)
        return time.process_time() - begun

    find(piece * 50)
    small, large = cpu(20_000), cpu(80_000)
    assert large < 12 * small + 0.2
