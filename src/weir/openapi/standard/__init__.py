"""The standard of capabilities: a closed list of rules, and what breaks between two versions."""
