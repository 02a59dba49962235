"""What there is to see: roads, things and people, and the air between."""
