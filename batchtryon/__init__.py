"""Render a whole catalog with the TryItOn virtual try-on API."""
