"""Complete firmware projects around a network that listens: microphone, network, detector and output.

`projects.project_files` returns the files of a project. The C lies in `csrc`: `app`, `axes` and `camera` have the
applications, which do not depend on hardware; every other folder is one way to get samples or frames and to print a
line.
"""
