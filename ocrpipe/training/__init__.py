"""How the built-in models learn: imported by nothing that reads."""
