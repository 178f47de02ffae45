"""The search behind a web page, and what people confirm there: needs requirements-app.txt.

- `server`: the application on a socket
- `guard`: who may ask, how much they may send
- `api`: requests in, typed answers out
- `responses`: what they say
- `service`: the search, and what people confirmed
- `store`, `database`: what people said, in SQLite
- `exports`: tables that may leave the house
- `static/`: the page itself
"""
