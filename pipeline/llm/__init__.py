"""Models behind one port; one adapter a module."""
