"""`python -m weir` is the command `weir`."""

from weir.cli.main import main

main()
