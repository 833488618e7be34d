"""Flows: the state machine that functions of a spec make together. Pure data and what follows from it."""
