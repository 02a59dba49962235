"""What a teacher gives in a step."""
