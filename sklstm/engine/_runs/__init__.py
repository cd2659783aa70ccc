"""Training runs: epochs, callbacks and plans of steps."""
