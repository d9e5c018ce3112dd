"""Closing a period: the job and its steps, re-openings, the monthly schedule, what-if runs."""
