"""Container images as every layer names them. Pure: the standard library only."""
