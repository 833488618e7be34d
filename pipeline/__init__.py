"""drystone: interface specs in, verified Python functions out."""

__version__ = "0.1.0"
