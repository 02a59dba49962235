"""KITTI's rules once more, one object after the other, with shapely.

Follows the wording of the rules and shares no code with the package.
"""
import math

import numpy as np
from shapely.geometry import Polygon

LIMITS = {'easy': (40, 0, .15), 'moderate': (25, 1, .3), 'hard': (25, 2, .5)}
NEIGHBOUR = {'Car': 'Van', 'Pedestrian': 'Person_sitting', 'Cyclist': None}


def image_overlap(a, b, of_first=False):
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    areas = [(c[2] - c[0]) * (c[3] - c[1]) for c in (a, b)]
    return w * h / (areas[0] if of_first else sum(areas) - w * h)


def footprint(box):
    _, w, length = box['dimensions']
    x, _, z = box['location']
    cos, sin = math.cos(box['rotation_y']), math.sin(box['rotation_y'])
    return Polygon([(x + u * cos + v * sin, z - u * sin + v * cos)
                    for u, v in ((length / 2, w / 2), (length / 2, -w / 2),
                                 (-length / 2, -w / 2), (-length / 2, w / 2))])


def overlap(metric, a, b):
    if metric == 'bbox':
        return image_overlap(a['bbox'], b['bbox'])
    if min(*a['dimensions'], *b['dimensions']) <= 0:
        return 0.0
    first, second = footprint(a), footprint(b)
    both = first.intersection(second).area
    if metric == 'bev':
        return both / (first.area + second.area - both)
    (ha, hb), (ya, yb) = ([c['dimensions'][0] for c in (a, b)],
                          [c['location'][1] for c in (a, b)])
    both *= max(0, min(ya, yb) - max(ya - ha, yb - hb))
    return both / (first.area * ha + second.area * hb - both)


def objects_of(columns):
    return [{name: columns[name][i] for name in columns}
            for i in range(len(columns['name']))]


def match(frame, threshold):
    """One pass over a frame; (TP scores, FP, similarity)."""
    gts, dets, table, wants_score, limit, regions = frame
    taken, scores, similarity = set(), [], 0.0
    for i, (gt, ignored) in enumerate(gts):
        best = None
        for j, (det, small) in enumerate(dets):
            if j in taken or not table[i][j] > limit:
                continue
            if threshold is not None and det['score'] < threshold:
                continue
            if wants_score:
                key = (det['score'], -j)
            else:
                key = (0, -j) if small else (1, table[i][j], -j)
            if best is None or key > best[0]:
                best = (key, j)
        if best is None:
            continue
        taken.add(best[1])
        det, small = dets[best[1]]
        if not ignored and not small:
            scores.append(det['score'])
            similarity += (1 + math.cos(gt['alpha'] - det['alpha'])) / 2
    false = 0
    for j, (det, small) in enumerate(dets):
        if j in taken or small or (threshold is not None
                                   and det['score'] < threshold):
            continue
        false += not any(
            image_overlap(det['bbox'], region, True) > limit
            for region in regions)
    return scores, false, similarity


def curve(truth, found, name, level, metric, limit):
    """(n_gt, precision (41, ), orientation (41, ))."""
    height, occlusion, truncation = LIMITS[level]
    num_gt, frames = 0, []
    for frame_id, columns in truth.items():
        gts, dets, regions = [], [], []
        for gt in objects_of(columns):
            tall = gt['bbox'][3] - gt['bbox'][1]
            fits = (gt['occluded'] <= occlusion and tall > height
                    and gt['truncated'] <= truncation)
            if gt['name'] == 'DontCare' and metric == 'bbox':
                regions.append(gt['bbox'])
            if gt['name'] == name:
                gts.append((gt, not fits))
                num_gt += fits
            elif gt['name'] == NEIGHBOUR[name]:
                gts.append((gt, True))
        for det in objects_of(found[frame_id]):
            if abs(det['bbox'][3] - det['bbox'][1]) < height:
                dets.append((det, True))
            elif det['name'] == name:
                dets.append((det, False))
        table = [[overlap(metric, gt, det) for det, _ in dets]
                 for gt, _ in gts]
        frames.append((gts, dets, table, regions))
    scores = sorted((score for gts, dets, table, regions in frames
                     for score in match((gts, dets, table, True, limit,
                                         regions), None)[0]), reverse=True)
    thresholds, wanted = [], 0.0
    for i, score in enumerate(scores):
        last = i == len(scores) - 1
        left = (i + 1) / num_gt
        right = left if last else (i + 2) / num_gt
        if right - wanted < wanted - left and not last:
            continue
        thresholds.append(score)
        wanted += 1 / 40
    values = np.zeros((2, 41))
    for k, threshold in enumerate(thresholds):
        parts = [
            match((gts, dets, table, False, limit, regions), threshold)
            for gts, dets, table, regions in frames
        ]
        true = sum(len(part[0]) for part in parts)
        false = sum(part[1] for part in parts)
        if true + false:
            values[:, k] = [
                true / (true + false),
                sum(part[2] for part in parts) / (true + false)
            ]
    for k in range(39, -1, -1):
        values[:, k] = np.maximum(values[:, k], values[:, k + 1])
    return num_gt, values[0], values[1]
