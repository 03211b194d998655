"""What makes the pages of the site: executed cells, the API reference, the catalogue, tables."""
