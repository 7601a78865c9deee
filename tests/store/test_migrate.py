import sqlite3
import subprocess
import sys

import pytest

from bartizan.errors import StoreError
from bartizan.store import SqliteLog, migrate
from bartizan.store.connection import connect
from bartizan.store.schema import KEYS, LEDGER, Schema

SECOND = '''
"""Version 2."""
import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = "1"


def upgrade():
    op.add_column("entry", sa.Column("note", sa.Text))
    op.execute("UPDATE entry SET note = 'forward'")
    {more}
'''


@pytest.fixture
def old(tmp_path):
    """A ledger of version 1 with a row in it, as an older program left it."""
    path = tmp_path / "ledger.db"
    SqliteLog(path).close()
    connection = connect(path, journal="wal")
    connection.execute("INSERT INTO entry VALUES (0, 'k', 1, x'00', NULL)")
    connection.close()
    return path


@pytest.fixture
def scripts(tmp_path):
    folder = tmp_path / "migrations" / "ledger" / "versions"
    folder.mkdir(parents=True)
    first = migrate.SCRIPTS / "ledger" / "versions" / "0001_first.py"
    (folder / "0001_first.py").write_text(first.read_text())

    def second(more="pass"):
        (folder / "0002_second.py").write_text(SECOND.format(more=more))
        return tmp_path / "migrations"

    return second


def test_an_old_file_is_brought_forward_with_its_rows(old, scripts):
    migrate.upgrade(Schema(name="ledger", version=2), old, scripts=scripts())
    connection = sqlite3.connect(old)
    assert connection.execute("SELECT seq, kind, note FROM entry").fetchall() == [(0, "k", "forward")]
    assert connection.execute("PRAGMA user_version").fetchone() == (2,)
    connection.close()


def test_an_upgrade_that_fails_leaves_the_file_as_it_was(old, scripts):
    with pytest.raises(StoreError, match="upgrade"):
        migrate.upgrade(Schema(name="ledger", version=2), old, scripts=scripts("op.execute('SELECT * FROM nowhere')"))
    connection = sqlite3.connect(old)
    assert [name for _, name, *_ in connection.execute("PRAGMA table_info(entry)")] == ["seq", "kind", "state", "header", "facts"]
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    connection.close()


@pytest.mark.parametrize("schema", [LEDGER, KEYS], ids=lambda schema: schema.name)
def test_there_is_a_revision_for_every_version(schema):
    names = sorted(path.name[:4] for path in (migrate.SCRIPTS / schema.name / "versions").glob("*.py"))
    assert names == [f"{version:04}" for version in range(1, schema.version + 1)]


def test_opening_a_current_file_does_not_import_alembic(tmp_path):
    code = (
        f"import sys; from pathlib import Path; from bartizan.store import SqliteLog; SqliteLog(Path({str(tmp_path / 'l.db')!r})).close(); "
    )
    code += "sys.exit(any(name.startswith(('alembic', 'sqlalchemy')) for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
