"""Line recognisers: upright line crops in, text with per-character positions out."""

if not __name__.startswith("ocrpipe."):
    raise ImportError("import it as ocrpipe." + __name__)
