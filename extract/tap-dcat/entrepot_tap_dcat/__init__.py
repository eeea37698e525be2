"""Singer tap for catalogues of open data: DCAT in any of its syntaxes, and nothing lost."""
