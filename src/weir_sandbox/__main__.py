"""The entry point of `python -m weir_sandbox`."""

from weir_sandbox.cli import main

main()
