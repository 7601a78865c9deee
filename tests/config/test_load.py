from pathlib import Path

import pytest

from bartizan.config import Secret, Settings, load, parse
from bartizan.errors import ConfigError
from bartizan.event import Tier


def test_an_empty_file_is_the_defaults():
    assert parse(b"") == Settings() == load(None)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("[gateway]\nport = 1\nprot = 2\n", 3, "unknown setting `prot`"),
        ("[gatway]\nport = 1\n", 1, "unknown setting `gatway`"),
        ('\n[gateway]\nport = "x"\n', 3, "Expected `int`"),
        ('[upstreams.a]\nkind = "openai"\nurl = "http://h"\nkey = "sk-123"\n', 4, "a secret stands in the settings"),
        ('[upstreams.a]\nkind = "openai"\nurl = "h"\n', 3, "no http or https"),
        ("[gateway]\nport = = 1\n", 2, "Invalid value"),
        ('[[guard.rules]]\nid = "a"\nphrase = "x"\n[[guard.rules]]\nid = "b"\nphase = "x"\n', 6, "unknown setting `phase`"),
        ('[upstreams.a]\nkind = "openai"\nurl = "http://h"\n[upstreams.b]\nkind = "openai"\nurl = 3\n', 6, "Expected `str`"),
        ("[limits.vip]\nconcurrent = 1\n", 1, "Invalid enum value"),
        ("[gateway]\nport = 5\n[console]\nport = 5\n", 4, "share a port"),
    ],
)
def test_every_complaint_has_its_line(text, line, said):
    with pytest.raises(ConfigError) as error:
        parse(text.encode())
    assert error.value.line == line
    assert said in str(error.value)
    assert str(error.value).startswith(f"bartizan.toml:{line}: ")


def test_settings_that_are_not_utf8_name_the_line():
    with pytest.raises(ConfigError) as error:
        parse(b"[gateway]\nport = 1 # \xff\n")
    assert error.value.line == 2


def test_a_secret_never_shows_itself(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("BARTIZAN_TEST_SECRET", "s3cret")
    secret = Secret("env:BARTIZAN_TEST_SECRET")
    assert secret.reveal() == "s3cret"
    assert "s3cret" not in repr(secret)
    file = tmp_path / "key"
    file.write_text("from-file\n")
    assert Secret(f"file:{file}").reveal() == "from-file"
    with pytest.raises(ConfigError):
        Secret("env:BARTIZAN_TEST_NOT_SET").reveal()


def test_limits_of_one_tier_are_read_as_that_tier():
    assert parse(b"[limits.trusted]\nconcurrent = 3\n").limits[Tier.TRUSTED].concurrent == 3
