"""Grants: codes and refresh tokens at rest, their ends, and consents lodged beforehand."""
