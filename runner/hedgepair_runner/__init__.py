"""The HedgePair runners: maker, hedger, the paper exchange and the command line."""
