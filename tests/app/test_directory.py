import stat

import pytest

from bartizan.app.directory import lock_directory, prepare
from bartizan.errors import ConfigError


def test_a_new_data_directory_is_private(tmp_path):
    data = tmp_path / "data"
    prepare(data)
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    prepare(data)


def test_a_directory_that_others_may_read_is_refused(tmp_path):
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    data.chmod(0o755)
    with pytest.raises(ConfigError) as error:
        prepare(data)
    assert "chmod 700" in error.value.hint


def test_two_ups_do_not_share_a_directory(tmp_path):
    data = tmp_path / "data"
    prepare(data)
    with lock_directory(data), pytest.raises(ConfigError, match="already runs"), lock_directory(data):
        pass
    with lock_directory(data):
        pass
