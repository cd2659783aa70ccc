"""What all transformers share whose windows have three axes."""

from sklstm._checks._arguments import check_choice


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
        if transform is not None:
            check_choice(transform, "transform", ["default", "pandas", "polars"])
            self._sklearn_output_config = {"transform": transform}
        return self
