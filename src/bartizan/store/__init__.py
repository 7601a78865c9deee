"""The databases: the only room that imports a driver.

Stand-in of the console branch until the ledger branch lands here; keep that one.
"""

__all__: list[str] = []
