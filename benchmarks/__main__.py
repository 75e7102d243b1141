"""`make bench`: /score beside a bare ASGI echo, measured in one run on a stack of its own."""
