"""What the embedded cluster promises; the parts are tested where they are."""
