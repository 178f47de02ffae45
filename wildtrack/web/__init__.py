"""The search behind a web page, and what people confirm there: needs requirements-app.txt."""
