"""The search as a web page, which learns what people confirm; needs requirements-app.txt.

- `guard`: who may send requests, and how much; the application on a socket
- `api`: the routes
- `responses`: their typed answers
- `service`: the search with the confirmed photos
- `store`, `database`: the confirmed photos, in files and SQLite
- `exports`: tables to download
- `static/`: the page itself
"""
