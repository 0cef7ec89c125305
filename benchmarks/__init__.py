"""linefit and its peers side by side: the same work, in the same run, on the same machine. `make bench` runs them."""
