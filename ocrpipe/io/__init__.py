"""Reading images and documents, writing files whole."""
