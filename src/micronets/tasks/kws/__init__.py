"""Keyword spotting, and audio of the user's own."""
