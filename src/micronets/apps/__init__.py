"""Complete firmware projects around a network that listens: microphone, network, detector and output.

`projects.project_files` returns the files of a project. The C lies in `csrc`: `app`, `axes` and `camera` have the
applications, which know no hardware; each other folder has one way to get samples or frames and to show a line.
"""
