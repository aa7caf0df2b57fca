# Written by client/generate_sync.py from aio/__init__.py: edit that file and run `make gen`.
"""The blocking client; a client may be shared by threads."""
