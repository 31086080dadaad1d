"""The venue's hash, curve and signature, in whole numbers (protocol §5.7)."""
