"""The numbered files that bring a database to the present format. Released ones never change."""
