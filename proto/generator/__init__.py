"""Writes code from the contracts: what the gateway and the clients need of each rpc that has a place in the HTTP API."""
