"""Becoming an agent of a site: by a token, a bundle, or by asking."""
