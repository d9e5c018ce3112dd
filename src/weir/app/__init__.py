"""The only place where objects are wired: time, keys, engines and folders enter here.

`preparation` prepares a database and a home once, before any role starts. `core` gives a role the
objects that all roles share. `gateway`, `control` and `worker` each run one role from start to end,
and load only the modules that the role needs.
"""
