"""What depends on the operating system, behind interfaces that are the same on all of them."""
