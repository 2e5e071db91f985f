"""A manifest over a shop's export: what it may say, what it refers to, and the rows that come of it."""
