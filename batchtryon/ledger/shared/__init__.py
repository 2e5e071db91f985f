"""A ledger that several processes share, on PostgreSQL: its locks, its clock, its workers, and what they remember."""
