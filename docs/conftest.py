"""Which pages the everyday run leaves out."""

# Its packages have an environment of their own, where tests/clients runs it.
collect_ignore = ["user_guide/production/other_forecasters.rst"]
