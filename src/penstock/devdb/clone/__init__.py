"""The whole database, masked in flight, by several workers from one snapshot."""
