"""Streets, in the layouts of KITTI and PASCAL VOC."""
