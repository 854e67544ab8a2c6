"""`python -m micronets.cli`."""

from micronets.cli import main

main()
