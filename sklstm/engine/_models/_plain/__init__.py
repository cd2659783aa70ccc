"""Networks of the engine's own layers in a few ops, without a Keras model around them."""
