"""Which rows came before: the one idea that every look-back step shares."""
