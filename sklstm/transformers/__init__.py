"""From a series to rows, and transformers that look back."""
