"""The stages a spec passes through, one module each; they never import one another."""
