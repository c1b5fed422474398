"""Policies, by example and by property."""
