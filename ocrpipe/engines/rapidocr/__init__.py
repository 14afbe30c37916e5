"""PP-OCR's detector and recogniser, run by RapidOCR."""
