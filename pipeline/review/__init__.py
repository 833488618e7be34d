"""What people read of a change: the contract diff in words, the difference in behaviour, and the forms of a report."""
