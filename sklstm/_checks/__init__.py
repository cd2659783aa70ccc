"""Checks of what users pass, with messages that name it."""
