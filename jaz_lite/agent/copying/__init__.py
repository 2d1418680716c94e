"""File copies: what an agent reads for others and takes in from them."""
