"""The venues that a runner can trade on."""
