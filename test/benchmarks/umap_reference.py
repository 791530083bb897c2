"""What scikit-learn and umap-learn say of a picture: trustworthiness, and umap-learn's own picture of the same points with its seconds.

    python3 umap_reference.py trust Z.f32 COUNT DIMS PICTURE.f32 [--sample 5000] [--neighbours 15]
    python3 umap_reference.py embed Z.f32 COUNT DIMS PICTURE.f32 [--seed 1]

Files are raw little-endian float32, row-major; pictures have two columns. One JSON object on standard output.
"""

import argparse
import json
import time

import numpy as np


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["trust", "embed"])
    parser.add_argument("points")
    parser.add_argument("count", type=int)
    parser.add_argument("dims", type=int)
    parser.add_argument("picture")
    parser.add_argument("--sample", type=int, default=5000)
    parser.add_argument("--neighbours", type=int, default=15)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    points = np.fromfile(options.points, "<f4").reshape(options.count, options.dims)
    if options.what == "trust":
        from sklearn.manifold import trustworthiness

        picture = np.fromfile(options.picture, "<f4").reshape(options.count, 2)
        # The same sample for every picture.
        rows = np.random.default_rng(0).permutation(options.count)[: options.sample]
        value = trustworthiness(points[rows], picture[rows], n_neighbors=options.neighbours)
        print(json.dumps({"trustworthiness": float(value), "sample": len(rows), "neighbours": options.neighbours}))
    else:
        import umap

        # Compiling is no part of the work: a small set first.
        umap.UMAP(n_neighbors=15, random_state=options.seed).fit_transform(points[:600])
        start = time.time()
        picture = umap.UMAP(n_neighbors=15, random_state=options.seed).fit_transform(points)
        seconds = time.time() - start
        picture.astype("<f4").tofile(options.picture)
        print(json.dumps({"seconds": seconds, "version": umap.__version__}))


main()
