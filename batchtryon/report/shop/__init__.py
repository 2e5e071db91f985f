"""Rendered pictures back into the shop: the export they came from, with the pictures added, to be imported there.

The shop's own cells are carried through as they came; only what stands beside them is ours.
"""
