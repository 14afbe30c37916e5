"""The weights that ship with ocrpipe, their cards, and the loader that checks them."""

if not __name__.startswith("ocrpipe."):
    raise ImportError("import it as ocrpipe." + __name__)
