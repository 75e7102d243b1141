"""The stack on one machine: every server and process of oO under one supervisor, without containers."""
