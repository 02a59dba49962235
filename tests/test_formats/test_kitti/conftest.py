from tests.helpers import kitti_frames

write_folder = kitti_frames.write_folder
random_frames = kitti_frames.random_frames
