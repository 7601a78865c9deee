import secrets
import string

from bartizan.workbench.code.repo import File, Limits, Tree
from bartizan.workbench.code.secrets import scan


def of(**files):
    contents = {name.replace("_DOT_", "."): text.encode() for name, text in files.items()}
    return Tree({p: File(path=p, size=len(d)) for p, d in contents.items()}, (), lambda f: contents[f.path], name="t")


def random(alphabet, count):
    return "".join(secrets.SystemRandom().choice(alphabet) for _ in range(count))


BASE32 = string.ascii_uppercase + "234567"


def test_a_known_format_is_found_anywhere_and_never_shown():
    token = "AKIA" + random(BASE32, 16)
    found = scan(of(main_DOT_c=f'\nchar *key = "{token}";\n'), [])
    assert [(f.line, f.rule, f.cwe) for f in found] == [(2, "secret/aws-access-key", 798)]
    assert token not in repr(found)


def test_random_text_under_a_telling_name_counts_in_settings_only():
    value = random(string.ascii_letters + string.digits, 28) + "9zQ"
    assert [f.rule for f in scan(of(a_DOT_env=f"DB_PASSWORD={value}\n"), [])] == ["secret/named"]
    assert scan(of(a_DOT_md=f"DB_PASSWORD={value}\n"), []) == ()


def test_placeholders_and_references_are_none():
    text = "PASSWORD=changeme123\nAPI_KEY=${API_KEY}\nTOKEN=your-token-goes-here\nSECRET=my.settings.key\nkey: AKIAXXXXXXXXXXXXXXXX\n"
    assert scan(of(a_DOT_env=text), []) == ()


def test_a_credential_of_a_test_is_doubted():
    token = "AKIA" + random(BASE32, 16)
    tree = of(**{"tests/a_DOT_py": f"k = '{token}'\n"})
    assert scan(tree, [])[0].p < 0.5


def test_what_is_too_large_is_told():
    notes = []
    data = b"x" * (Limits().file_bytes)
    scan(Tree({"a.txt": File(path="a.txt", size=len(data))}, (), lambda f: data, name="t"), notes)
    assert notes[0].code == "too-large"
