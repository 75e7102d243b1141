"""`make demo`: the whole loop on real data, told as a short story with numbers."""
