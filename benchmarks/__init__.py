"""Measured figures, reported with the machine's noise; never part of `make test`."""
