"""The gateway's configuration: the change log, followed into immutable snapshots."""
