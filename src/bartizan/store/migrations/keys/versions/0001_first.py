"""Version 1 is what ``keys.sql`` created first; there is nothing older to bring forward."""

revision = "1"
down_revision = None


def upgrade() -> None:
    """Nothing: a file of version 1 is this already."""
