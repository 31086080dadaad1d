"""The client of Lighter's protocol, for mainnet, testnet and the paper exchange alike."""
