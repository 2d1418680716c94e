"""`agent selfcheck`: what this machine can and cannot do."""
