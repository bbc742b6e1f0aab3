"""Programs that run a package in its own environment. Nothing here imports XCloud.

A request is a line of JSON on standard input, ``{"photo": path}`` with the package's options; the answer a line on
standard output, ``{"ms": 95.1, "faces": [{"box": [x1, y1, x2, y2], …}, …]}`` with what the package says of each face.
"""
