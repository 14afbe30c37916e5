"""Write a Page in the formats other tools read."""
