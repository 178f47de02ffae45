"""The search as a web page, which learns what people confirm; needs requirements-app.txt.

- `server`: the application on a socket
- `guard`: who may send requests, and how much
- `api`: the routes
- `responses`: their typed answers
- `service`: the search with the confirmed photos
- `freshness`: whether the known photos changed since the page was started
- `store`, `database`: the confirmed photos, in files and SQLite
- `exports`: tables to download
- `static/`: the page itself
"""
