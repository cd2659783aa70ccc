"""What all transformers share whose windows have three axes."""


class KeepsWindows:
    """Accepts a container for columns, but returns windows of three axes as they are.

    scikit-learn hides ``set_output`` from transformers without column names, which would stop
    ``Pipeline.set_output`` for all other steps as well. Stands left of ``TransformerMixin``.
    """

    def set_output(self, *, transform=None):
        """Choose the container of flat windows; windows of three axes have none.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"} or None, default=None
            As in every scikit-learn transformer.

        Returns
        -------
        self : estimator
            The transformer itself.

        Raises
        ------
        ValueError
            If there is no such container.
        """
        known = [None, "default", "pandas", "polars"]
        if transform not in known:
            raise ValueError(f"transform={transform!r} is not valid: expected one of {known!r}.")
        if transform is not None:
            self._sklearn_output_config = {"transform": transform}
        return self
