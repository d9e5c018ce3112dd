"""The desk of people who work for an organisation: who they are, navigation, overview."""
