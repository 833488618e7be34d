"""Pictures of specs: what is drawn, how it is laid out, and as what it is written. Knows no project and no disk."""
