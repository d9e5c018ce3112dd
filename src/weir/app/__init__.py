"""The only place where objects are wired: time, keys, engines and folders enter here.

`preparation` readies a database and a home once, before any role starts; `core` gives a role the
objects all of them share; `gateway`, `control` and `worker` are one role's whole life each, and
take in what their role needs and no more.
"""
