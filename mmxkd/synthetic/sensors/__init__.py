"""Who looks: cameras, a gated camera, a LiDAR, and how they see a world."""
