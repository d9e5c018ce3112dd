"""This group exists only where the published documents do; elsewhere it is not collected."""

from __future__ import annotations

from published_folder import published_documents

collect_ignore = [] if published_documents() else ["test_published_documents.py"]
