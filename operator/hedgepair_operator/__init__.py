"""The HedgePair operator will live here; so far the runners are started by hand (README)."""
