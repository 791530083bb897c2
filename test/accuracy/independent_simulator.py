"""Simulates particles of known state by the conventions of RELION alone, sharing no code with limber, so that a shared mistake cannot hide.

    python3 independent_simulator.py DIR --kind linear|cyclic|mixture [--seed 1] [--noise 1] [--ctf] [--shifts PIXELS]
                                     [--per-state 200] [--oracle 1000]

A body of 160 Gaussians and a domain of 14 that slides 96 A along x in 20 states (linear), goes round x in 36 (cyclic), or slides while half of
the particles have 14 Gaussians more (mixture): the three simulations of the paper's Extended Data Figure 5. 64 x 64 pixels of 4 A. Everything inside is in pixels, the axes of an array run (z,) y, x.

DIR gets particles.mrcs, particles.star (RELION 3.1), consensus.mrc (the mean over all states) and, written last, truth.json:
    truth   per particle, in the star file's order: position (A from the middle of the slide) or angle (degrees), and extra (0 or 1)
    oracle  how near the truth comes who knows every state's density, each particle's orientation, shift and CTF, and takes the state
            that correlates best: rankCorrelation (Spearman), meanCosine, partAccuracy; null where the kind has no such thing.
Needs NumPy.
"""

import argparse
import json
import os
import struct
from pathlib import Path

# The matrices are too small to be worth more threads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np

BOX = 64
PIXEL_ANGSTROM = 4.0
SIGMA = 1.7
STATES = {"linear": 20, "cyclic": 36, "mixture": 20}
VOLTAGE_KV, CS_MM, AMPLITUDE_CONTRAST = 300.0, 2.7, 0.1
GRID = np.arange(BOX)


def in_ball(rng, count, radius):
    """Uniform points in a ball about the origin, count x 3."""
    directions = rng.normal(size=(count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return directions * radius * rng.uniform(size=(count, 1)) ** (1 / 3)


class Molecule:
    """Centres of equal Gaussians in every state: pixels from the centre of rotation, x y z."""

    def __init__(self, kind, rng):
        self.kind = kind
        self.body = in_ball(rng, 160, 1.0) * [18, 9, 9]
        self.domain = in_ball(rng, 14, 4.0)
        self.extra = in_ball(rng, 14, 3.5) + [-12, -11, 0]
        #: Each state: (step, whether the extra density is there).
        self.states = [(step, extra) for step in range(STATES[kind]) for extra in ((0, 1) if kind == "mixture" else (0,))]

    def value(self, step):
        """What the truth says: Angstrom from the middle of the slide, or degrees."""
        if self.kind == "cyclic":
            return 360.0 * step / STATES["cyclic"]
        return PIXEL_ANGSTROM * (24 * step / (STATES[self.kind] - 1) - 12)

    def centres(self, step, extra):
        value = self.value(step)
        if self.kind == "cyclic":
            place = [0, 13 * np.cos(np.radians(value)), 13 * np.sin(np.radians(value))]
        else:
            place = [value / PIXEL_ANGSTROM, 13, 0]
        parts = [self.body, self.domain + place]
        return np.concatenate(parts + [self.extra] if extra else parts)


def euler_matrix(rot, tilt, psi):
    """RELION's A of its three angles in degrees: a point r of the volume is seen at (A r)_xy."""
    (ca, cb, cg), (sa, sb, sg) = np.cos(np.radians([rot, tilt, psi])), np.sin(np.radians([rot, tilt, psi]))
    return np.array(
        [
            [cg * cb * ca - sg * sa, cg * cb * sa + sg * ca, -cg * sb],
            [-sg * cb * ca - cg * sa, -sg * cb * sa + cg * ca, sg * sb],
            [sb * ca, sb * sa, cb],
        ]
    )


def gaussians_along(positions):
    """len(positions) x BOX: each Gaussian on the pixels of one axis."""
    return np.exp(-((GRID - positions[:, None]) ** 2) / (2 * SIGMA**2))


def project(centres, view):
    """BOX x BOX, noise-free and without CTF; the particle's centre lies at pixel BOX // 2 minus its origin."""
    x, y = (centres @ view["matrix"].T)[:, :2].T + BOX // 2 - np.array(view["origin"])[:, None]
    return gaussians_along(y).T @ gaussians_along(x)


def ctf_of(view):
    """BOX x (BOX // 2 + 1), as rfft2 has its frequencies: -sin(gamma - K3), positive at the origin; 1 without a microscope."""
    if view["defocus"] is None:
        return 1.0
    ky, kx = np.meshgrid(np.fft.fftfreq(BOX, PIXEL_ANGSTROM), np.fft.rfftfreq(BOX, PIXEL_ANGSTROM), indexing="ij")
    u, v, angle = view["defocus"]
    volts = 1000 * VOLTAGE_KV
    wavelength = 12.2643247 / np.sqrt(volts * (1 + 0.978466e-6 * volts))
    k2 = kx**2 + ky**2
    local = (u + v) / 2 + (u - v) / 2 * np.cos(2 * (np.arctan2(ky, kx) - np.radians(angle)))
    gamma = -np.pi * wavelength * local * k2 + np.pi / 2 * CS_MM * 1e7 * wavelength**3 * k2**2
    return -np.sin(gamma - np.arcsin(AMPLITUDE_CONTRAST))


def draw_views(rng, count, ctf, shifts):
    """Orientations uniform over all turns, rounded as the star file says them; defocus 1 to 2.5 um with up to 300 A of astigmatism."""
    views = []
    for _ in range(count):
        angles = np.round([rng.uniform(-180, 180), np.degrees(np.arccos(rng.uniform(-1, 1))), rng.uniform(-180, 180)], 4)
        origin = np.round(rng.uniform(-shifts, shifts, 2), 4)
        mean, half = rng.uniform(10000, 25000), rng.uniform(0, 150)
        defocus = np.round([mean + half, mean - half, rng.uniform(0, 180)], 2)
        views.append({"angles": angles, "matrix": euler_matrix(*angles), "origin": origin, "defocus": defocus if ctf else None})
    return views


def see(molecule, state, view):
    """The noise-free image with its CTF."""
    image = project(molecule.centres(*state), view)
    return image if view["defocus"] is None else np.fft.irfft2(np.fft.rfft2(image) * ctf_of(view), s=(BOX, BOX))


def ranks(values):
    """From 1; ties share their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]


def measure_oracle(molecule, images, views, states, limit):
    """Gives up to `limit` particles, evenly chosen, the state whose projection correlates best over all pixels."""
    chosen = np.arange(min(limit, len(images))) * len(images) // min(limit, len(images))
    assigned = []
    for i in chosen:
        expected = np.array([see(molecule, state, views[i]) for state in molecule.states])
        expected -= expected.mean(axis=(1, 2), keepdims=True)
        scores = (expected * images[i]).sum(axis=(1, 2)) / np.sqrt((expected**2).sum(axis=(1, 2)))
        assigned.append(molecule.states[int(np.argmax(scores))])
    values, wanted = (np.array([molecule.value(step) for step, _ in picked]) for picked in (assigned, [states[i] for i in chosen]))
    told = np.mean([a[1] == states[i][1] for a, i in zip(assigned, chosen)])
    cyclic = molecule.kind == "cyclic"
    return {
        "particles": len(chosen),
        "rankCorrelation": None if cyclic else float(np.corrcoef(ranks(values), ranks(wanted))[0, 1]),
        "meanCosine": float(np.mean(np.cos(np.radians(values - wanted)))) if cyclic else None,
        "partAccuracy": float(told) if molecule.kind == "mixture" else None,
    }


def consensus(molecule):
    """BOX^3, axes z y x: the mean density over all states."""
    volume = np.zeros((BOX, BOX, BOX))
    for state in molecule.states:
        x, y, z = (gaussians_along(axis) for axis in molecule.centres(*state).T + BOX // 2)
        volume += np.einsum("nz,nyx->zyx", z, y[:, :, None] * x[:, None, :], optimize=True)
    return volume / len(molecule.states)


def write_mrc(path, data, is_volume):
    """MRC2014, mode 2. `data`: z y x, or image y x."""
    depth, height, width = data.shape
    header = bytearray(1024)
    struct.pack_into("<10i", header, 0, width, height, depth, 2, 0, 0, 0, width, height, depth)
    struct.pack_into("<6f", header, 40, *(PIXEL_ANGSTROM * n for n in (width, height, depth)), 90, 90, 90)
    struct.pack_into("<3i3fi", header, 64, 1, 2, 3, data.min(), data.max(), data.mean(), 1 if is_volume else 0)
    struct.pack_into("<4s4Bf", header, 208, b"MAP ", 0x44, 0x44, 0, 0, data.std())
    with open(path, "wb") as file:
        file.write(header)
        data.astype("<f4").tofile(file)


def star_loop(name, columns, rows):
    """One data block; a row's words stand in the order of the columns."""
    labels = "".join(f"_rln{column} #{i + 1}\n" for i, column in enumerate(columns))
    return f"\n# version 30001\n\ndata_{name}\n\nloop_\n{labels}" + "".join(" ".join(map(str, row)) + "\n" for row in rows)


def write_star(path, views):
    """RELION 3.1: one optics group, images counted from 1, origins in Angstrom."""
    optics = {
        "OpticsGroup": 1,
        "OpticsGroupName": "opticsGroup1",
        "Voltage": VOLTAGE_KV,
        "SphericalAberration": CS_MM,
        "AmplitudeContrast": AMPLITUDE_CONTRAST,
        "ImagePixelSize": PIXEL_ANGSTROM,
        "ImageSize": BOX,
        "ImageDimensionality": 2,
    }
    columns = ["ImageName", "AngleRot", "AngleTilt", "AnglePsi", "OriginXAngst", "OriginYAngst", "OpticsGroup", "RandomSubset"]
    has_ctf = views[0]["defocus"] is not None
    if has_ctf:
        columns += ["DefocusU", "DefocusV", "DefocusAngle"]
    rows = []
    for i, view in enumerate(views):
        numbers = [*view["angles"], *(PIXEL_ANGSTROM * view["origin"])]
        row = [f"{i + 1:06d}@particles.mrcs", *(f"{number:.6f}" for number in numbers), 1, 1 + i % 2]
        rows.append(row + [f"{number:.2f}" for number in view["defocus"]] if has_ctf else row)
    path.write_text(star_loop("optics", optics.keys(), [optics.values()]) + star_loop("particles", columns, rows))


def main():
    parser = argparse.ArgumentParser(description="Simulates particles of known state, with an oracle's figures.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--kind", choices=STATES, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--noise", type=float, default=1.0, help="variance of the noise over the mean variance of the noise-free images")
    parser.add_argument("--ctf", action="store_true", help="images carry a contrast transfer function")
    parser.add_argument("--shifts", type=float, default=0.0, help="pixels; uniform between minus and plus this")
    parser.add_argument("--per-state", type=int, default=200, help="images of each state")
    parser.add_argument("--oracle", type=int, default=1000, help="particles that the oracle looks at")
    given = parser.parse_args()
    given.directory.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(given.seed)
    molecule = Molecule(given.kind, rng)
    # As many particles in each step; in every step of the mixture, half with the extra density.
    count = STATES[given.kind] * given.per_state
    states = [(i % STATES[given.kind], int(given.kind == "mixture" and i < count // 2)) for i in range(count)]
    states = [states[i] for i in rng.permutation(count)]
    views = draw_views(rng, count, given.ctf, given.shifts)
    images = np.array([see(molecule, state, view) for state, view in zip(states, views)], dtype="f4")
    images += np.sqrt(given.noise * images.var(axis=(1, 2)).mean()) * rng.normal(size=images.shape).astype("f4")
    write_mrc(given.directory / "particles.mrcs", images, False)
    write_mrc(given.directory / "consensus.mrc", consensus(molecule), True)
    write_star(given.directory / "particles.star", views)
    truth = {"angle" if given.kind == "cyclic" else "position": [molecule.value(step) for step, _ in states]}
    if given.kind == "mixture":
        truth["extra"] = [extra for _, extra in states]
    oracle = measure_oracle(molecule, images, views, states, given.oracle)
    (given.directory / "truth.json").write_text(json.dumps({"truth": truth, "oracle": oracle}))


if __name__ == "__main__":
    main()
