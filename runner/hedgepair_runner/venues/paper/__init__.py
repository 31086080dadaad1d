"""The paper exchange: a local venue that speaks Lighter's protocol."""
