"""Text-line detectors: an image in, rotated line quads out."""

if not __name__.startswith("ocrpipe."):
    raise ImportError("import it as ocrpipe." + __name__)
