"""Keras models: built, held, pooled and told apart."""
