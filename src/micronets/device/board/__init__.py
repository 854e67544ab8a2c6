"""A board on a serial line: its firmware and the session with it."""
