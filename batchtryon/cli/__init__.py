"""The command line: parse, call the batch room, print, exit code. Nothing is decided here (``design/house.md``)."""
