"""The desk of people who work for an organisation: their sign-in, navigation, overview."""
