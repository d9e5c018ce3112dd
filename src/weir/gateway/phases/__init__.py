"""The phases of a call, one file each; `pipeline.py` shows their order in one table.

A phase takes the call, adds to it the facts it found, and returns None to pass. It raises a
`Refusal` to refuse. When it must wait it returns an awaitable, and is run again once that is done.
"""
