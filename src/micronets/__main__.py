"""`python -m micronets`."""

from micronets.cli import main

main()
