"""Databases that are migrated: their tables stand in SQL files, each with its retention class; projections state their own."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

import msgspec

from bartizan.errors import StoreError
from bartizan.store.connection import reporting


class Schema(msgspec.Struct, frozen=True, kw_only=True):
    """One database: ``<name>.sql`` creates it as of ``version``, which ``PRAGMA user_version`` holds."""

    name: str
    version: int

    @property
    def sql(self) -> str:
        """The statements that create it."""
        return Path(__file__).with_name(f"{self.name}.sql").read_text(encoding="utf-8")

    @property
    def retention(self) -> dict[str, str]:
        """Every table's retention class, read off the line before it; empty where it states none."""
        classes, before = {}, ""
        for line in self.sql.splitlines():
            if line.startswith("CREATE TABLE "):
                classes[line.split()[2]] = before.removeprefix("-- retention: ") if before.startswith("-- retention: ") else ""
            before = line
        return classes


LEDGER: Final = Schema(name="ledger", version=1)
KEYS: Final = Schema(name="keys", version=1)


def prepare(connection: sqlite3.Connection, schema: Schema, path: Path) -> None:
    """Create the schema in an empty file, or bring an older one forward; refuses a newer one."""
    found = _version(connection, path)
    if found == 0:
        found = _create(connection, schema, path)
    if found > schema.version:
        raise StoreError(f"{path} has schema version {found}, newer than this program's {schema.version}", hint="upgrade bartizan")
    if found < schema.version:
        from bartizan.store.migrate import upgrade  # noqa: PLC0415 - Alembic is slow to import and needed once in a version's life

        upgrade(schema, path)


def _version(connection: sqlite3.Connection, path: Path) -> int:
    with reporting("read the version of", path):
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _create(connection: sqlite3.Connection, schema: Schema, path: Path) -> int:
    """Create everything in one transaction, unless another process has just done so; return the version that is there."""
    with reporting("create", path):
        connection.execute("BEGIN IMMEDIATE")
        found = _version(connection, path)
        if found == 0:
            for statement in schema.sql.split(";\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {schema.version}")
            found = schema.version
        connection.execute("COMMIT")
    return found
