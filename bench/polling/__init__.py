"""Rules for asking after jobs, side by side in a small world."""
