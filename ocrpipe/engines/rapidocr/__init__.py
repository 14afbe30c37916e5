"""PP-OCR's detector and recogniser, by RapidOCR."""
