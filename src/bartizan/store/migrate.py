"""Bring an older ledger or keyring forward with Alembic; imported only when a file says that it is old."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import sqlalchemy
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError

from bartizan.errors import StoreError
from bartizan.store.schema import Schema

SCRIPTS: Final = Path(__file__).with_name("migrations")
"""One folder a database; a revision's id is the schema version it leads to: ``1``, ``2`` ... Forward only."""


def upgrade(schema: Schema, path: Path, *, scripts: Path = SCRIPTS) -> None:
    """Run every revision after the file's version, all in one transaction; raises StoreError and leaves the file as it was.

    ``PRAGMA user_version`` is the only mark of the version; Alembic's own table would be a second truth.
    """
    engine = sqlalchemy.create_engine(f"sqlite:///{path}", poolclass=sqlalchemy.pool.NullPool)
    sqlalchemy.event.listen(engine, "connect", _manual)
    try:
        directory = ScriptDirectory(str(scripts / schema.name))
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA synchronous = FULL")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            found = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
            steps = directory.iterate_revisions(str(schema.version), str(found)) if found < schema.version else ()
            with Operations.context(MigrationContext.configure(connection)):
                for step in reversed(tuple(steps)):
                    step.module.upgrade()
            connection.exec_driver_sql(f"PRAGMA user_version = {schema.version}")
            connection.exec_driver_sql("COMMIT")
    except (sqlalchemy.exc.SQLAlchemyError, CommandError) as error:
        raise StoreError(f"cannot upgrade {path} to version {schema.version}: {error}", hint="the file is as it was before") from error
    finally:
        engine.dispose()


def _manual(connection: object, _: object) -> None:
    """Let transactions be begun by us: the driver's own would commit before a change of the schema."""
    connection.isolation_level = None  # type: ignore[attr-defined]  # it is the driver's connection
