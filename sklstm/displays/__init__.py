"""Pictures in the manner of scikit-learn's displays."""
