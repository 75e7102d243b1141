"""Model cards: what is known of a model, a policy or the generator, and what people say of it."""
