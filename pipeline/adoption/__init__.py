"""How a repository takes drystone up and keeps it: starting, looking over, explaining, adopting, drafting."""
