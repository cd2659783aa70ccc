"""What this package shares with scikit-learn beyond its public interface."""
