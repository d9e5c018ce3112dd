"""The members' endpoints: as they are registered, and their upkeep."""
