"""Streets on clear days, in the layout of KITTI."""
