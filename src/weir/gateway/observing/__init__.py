"""Operators' view of single calls and the process: counts, faults, stalls, traces and spans."""
