"""What the chart's own Jobs run: making its secrets, guarding its removal, trying a paper pair."""
