"""Download: the address of a dataset in, its unpacked folder out.

- `fetch`: gets the archive from the cache or the network, and checks its SHA-256
- `archives`: unpacks it, everything or nothing, and nothing outside its folder
"""
