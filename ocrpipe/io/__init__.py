"""Reading images and documents, writing files atomically."""
