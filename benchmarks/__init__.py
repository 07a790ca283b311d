"""Measurements: the product beside a named peer, in one run, on the same data. `make bench`."""
