"""How a ledger moves between SQLite and PostgreSQL, and what it came from is fenced."""
