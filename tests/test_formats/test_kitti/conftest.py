from tests.helpers.kitti_frames import (  # noqa: F401
    random_frames,
    write_folder,
)
