"""What every client and server of Kubernetes reads alike. Pure: the standard library only."""
