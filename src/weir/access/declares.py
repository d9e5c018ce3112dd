"""Declarations of access: none yet."""

from __future__ import annotations
