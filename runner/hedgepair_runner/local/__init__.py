"""A pair on one machine: embedded Redis, the demo, the live table, the summary."""
