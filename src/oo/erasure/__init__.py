"""The erasure of one person: a tombstone that consumers obey, each place where the person is, and the proof."""
