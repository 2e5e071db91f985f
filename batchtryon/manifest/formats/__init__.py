"""How each format's bytes become columns and records: one module a format, none knows what a column means to us."""
