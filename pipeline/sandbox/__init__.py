"""Where unread code runs, behind one port; one adapter a module."""
