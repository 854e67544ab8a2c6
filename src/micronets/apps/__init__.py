"""Complete firmware projects around a network that listens: a microphone, the network, its detector, and an output.

`projects.project_files` returns the files of one. Its C lies in `csrc`: `app` knows no hardware, the other folders each
know one way to get samples and to show a line.
"""
