"""Tables of the Python engine, as TOML."""
