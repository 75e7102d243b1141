"""JetStream delivery: what is published is acknowledged, what is delivered leaves by exactly one named door."""
