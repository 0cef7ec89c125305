"""What runs in the peers' own environments: it imports their packages, and nothing of linefit."""
