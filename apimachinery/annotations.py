"""Annotations that the programs of Kubernetes itself write."""

from __future__ import annotations

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""What `kubectl apply` sent last, as JSON: the whole object, secrets included."""
