from tests.helpers.stacks import needs

needs('mmdet3d')
