"""Kubernetes' messages in protobuf: their fields by number, for who reads and who serves them."""
