"""What happens to a page, stage by stage; each takes and returns plain values."""
