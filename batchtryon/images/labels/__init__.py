"""What a label says (``xmp``), and where each format has its place for it (``png``, ``jpeg``, ``webp``)."""
