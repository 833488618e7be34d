"""The judge's own process: expected values and rules live here, unread code never does."""
