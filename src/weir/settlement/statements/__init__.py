"""Statements and their lines: composed, stored, looked up, disputed, credited and verified."""
