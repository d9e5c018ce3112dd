"""Limits of the model institutions, each with its unit."""

from __future__ import annotations

from typing import Final

BODY_BYTES: Final = 64 * 1024
"""The longest request body."""

HEADERS_BYTES: Final = 64 * 1024
"""Request line and headers together; the identity header may list many accounts."""

IDENTITY_BYTES: Final = 32 * 1024
"""The identity header, before it is verified."""

IDENTITY_LIFE_S: Final = 60
"""The longest life of an identity, from its making to its end."""

CLOCKS_APART_S: Final = 10
"""By how much the gateway's clock may differ from the institution's."""

KEYS_AGAIN_S: Final = 10
"""The platform's keys are asked for at most this often, however many unknown ones are named."""

KEYS_BYTES: Final = 256 * 1024
"""The longest list of the platform's keys that is read."""

KEYS_TIMEOUT_S: Final = 5
"""How long the platform may take to answer with its keys."""

IDENTITY_ACCOUNTS: Final = 1_000
"""Accounts, policies or portfolios one identity may list."""

PAGE_ROWS: Final = 500
"""The longest page of transactions or orders."""

PAGE_ROWS_DEFAULT: Final = 50
"""A page when the caller names no length."""

DIRECTORY_ROWS: Final = 1_000
"""The longest page the platform can ask of the directory or the answer log."""

LOG_LINES_A_SECOND: Final = 20
"""Lines of an institution's own log; further ones are counted."""

LOG_LINE_CHARACTERS: Final = 8_000
"""The longest line of that log, a trace of an exception in it."""

UNWRITTEN_ANSWERS: Final = 20_000
"""Answers held in memory for the log; beyond it, requests are refused until they are written."""

ANSWER_LOG_DELAY_S: Final = 0.1
"""How long answers gather before they are written together."""

STATEMENT_MS: Final = 10_000
"""PostgreSQL ends a statement of ours after this, so no payment is decided later than this."""

CONNECTION_WAIT_S: Final = 5.0
"""How long a request waits for a database connection."""

KEEP_ALIVE_S: Final = 600
"""An idle connection from the gateway is kept this long; gateways should give up earlier."""

SHUTDOWN_S: Final = 5
"""Open requests get this long to finish after SIGTERM."""
