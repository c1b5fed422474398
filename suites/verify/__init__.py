"""The controls that need no upgrade, on any cluster or snapshot; read-only."""
