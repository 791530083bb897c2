"""Simulates particles of known state by the conventions of RELION alone, sharing no code with limber, so that a shared mistake cannot hide.

    python3 independent_simulator.py DIR --kind linear|cyclic|mixture|assembly|trimer|body [--seed 1] [--noise 1] [--ctf] [--shifts PIXELS]
                                     [--per-state N] [--oracle 1000] [--turned DEGREES --moved PIXELS]

A body of 160 Gaussians and a domain of 14 that slides 96 A along x in 20 states (linear), goes round x in 36 (cyclic), or slides while half of
the particles have 14 Gaussians more (mixture): the three simulations of the paper's Extended Data Figure 5. A core on which four blocks arrive in six
states, one of them leaning by -4 to 4 degrees (assembly); three copies of a subunit about z, the domain of each rising by 0 to 11 degrees by itself
(trimer): its first and third case in kind. 2,048 Gaussians that never move, their map filtered to 13 A, as its spliceosome's was (body). 64 x 64 pixels of 4 A. Everything inside is in pixels, the axes of an array run (z,) y, x.

DIR gets particles.mrcs, particles.star (RELION 3.1), consensus.mrc (the mean over all states), where a piece turns focus.mrc (where it does: 1 inside, a soft
edge) and model.pdb (an atom a Gaussian, the domains in the middle of their way), and, written last, truth.json:
    truth   per particle, in the star file's order: position (A from the middle of the slide) or angle (degrees), and extra (0 or 1); assembly: state (0 to 5)
            and tilt (degrees); trimer: tilts of its three domains, A, B, C about z, and copy: rlnAngleRot is the true one plus so many thirds of a turn.
    oracle  how near the truth comes who knows every state's density, each particle's orientation, shift and CTF, and takes the state
            that correlates best: rankCorrelation (Spearman), meanCosine, partAccuracy; null where the kind has no such thing. Of the trimer each domain's tilt,
            the other two being known; of the assembly the tilt, and labels, the state that each of `looked` was taken for. With --turned and --moved, poses: the median
            errors, degrees and pixels, that are left of orientations and origins wrong by such medians to who knows the molecule and the noise, but neither the
            pose nor the place on the slide or the tilts of the trimer (linearised posterior).
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


def turned(points, axis, degrees):
    """Turned about a coordinate axis (0, 1, 2 for x, y, z) through the origin, right-handed."""
    first, second = (axis + 1) % 3, (axis + 2) % 3
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    result = points.copy()
    result[:, first] = c * points[:, first] - s * points[:, second]
    result[:, second] = s * points[:, first] + c * points[:, second]
    return result


class Slide:
    """The three simulations: centres of equal Gaussians in every state, pixels from the centre of rotation, x y z. A state: (step, whether the extra density is there)."""

    finest_angstrom = None
    per_state = 200
    symmetry = 1
    #: No piece to focus on.
    focus = None

    def __init__(self, kind, rng):
        self.kind = kind
        self.body = in_ball(rng, 160, 1.0) * [18, 9, 9]
        self.domain = in_ball(rng, 14, 4.0)
        self.extra = in_ball(rng, 14, 3.5) + [-12, -11, 0]
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

    def moved(self, state, steps):
        """A state that lies `steps`, one number, further along the slide."""
        return (state[0] + steps[0], *state[1:])

    @property
    def step_deviations(self):
        """Of the steps that particles are at."""
        return [STATES[self.kind] / np.sqrt(12)]

    def draw(self, rng, per_state):
        """As many particles in each step; in every step of the mixture, half with the extra density."""
        steps = STATES[self.kind]
        count = steps * per_state
        states = [(i % steps, int(self.kind == "mixture" and i < count // 2)) for i in range(count)]
        return [states[i] for i in rng.permutation(count)]

    def truth(self, states):
        told = {"angle" if self.kind == "cyclic" else "position": [self.value(step) for step, _ in states]}
        if self.kind == "mixture":
            told["extra"] = [extra for _, extra in states]
        return told

    def guess(self, state, best):
        """The likeliest state, whatever the true one is; `best` picks from a list."""
        return best(self.states)

    def oracle(self, guesses, truth):
        values, wanted = (np.array([self.value(step) for step, _ in picked]) for picked in (guesses, truth))
        cyclic = self.kind == "cyclic"
        told = np.mean([guess[1] == state[1] for guess, state in zip(guesses, truth)])
        return {
            "rankCorrelation": None if cyclic else rank_correlation(values, wanted),
            "meanCosine": float(np.mean(np.cos(np.radians(values - wanted)))) if cyclic else None,
            "partAccuracy": float(told) if self.kind == "mixture" else None,
        }


class Assembly:
    """A core and four blocks; every state of arrival is as common as the others. A state: (which are there, step of the leaning block)."""

    finest_angstrom = None
    per_state = 1000
    symmetry = 1
    TILTS = np.arange(-4, 5)
    #: Base; then leaning block and near stalk in either order; the far stalk last.
    PRESENT = [(), (0,), (0, 1), (0, 2), (0, 1, 2), (0, 1, 2, 3)]
    LEANING = 1
    HINGE = np.array([1, -1, 5])

    def __init__(self, _kind, rng):
        self.core = in_ball(rng, 150, 1.0) * [14, 10, 10] + [0, -1, -4]
        shapes = [(26, [9, 4.5, 7], [0, 11, -4]), (54, [5, 5, 9], [1, -1, 15]), (20, [5, 3.5, 4], [-18, -1, 4]), (20, [5, 3, 4], [19, 0, 4])]
        self.blocks = [in_ball(rng, count, 1.0) * axes + place for count, axes, place in shapes]
        self.states = [(arrived, step) for arrived in range(6) for step in range(9)]
        self.focus = [self.leaning(step) for step in range(9)]
        self.atoms = {"A": self.core, **{chain: self.block(k, 4) for k, chain in enumerate("BCDE")}}

    def leaning(self, step):
        return turned(self.blocks[self.LEANING] - self.HINGE, 1, self.TILTS[step]) + self.HINGE

    def block(self, k, step):
        return self.leaning(step) if k == self.LEANING else self.blocks[k]

    def centres(self, arrived, step):
        return np.concatenate([self.core] + [self.block(k, step) for k in self.PRESENT[arrived]])

    def draw(self, rng, per_state):
        return [(int(i) % 6, int(rng.integers(9))) for i in rng.permutation(6 * per_state)]

    def truth(self, states):
        return {"state": [arrived for arrived, _ in states], "tilt": [int(self.TILTS[step]) for _, step in states]}

    def guess(self, state, best):
        return best(self.states)

    def oracle(self, guesses, truth):
        both = [(g[1], t[1]) for g, t in zip(guesses, truth) if all(self.LEANING in self.PRESENT[s[0]] for s in (g, t))]
        return {"rankCorrelation": rank_correlation(*np.array(both, float).T), "labels": [arrived for arrived, _ in guesses]}


class Trimer:
    """Three subunits about z. A state: the steps of their domains."""

    finest_angstrom = None
    per_state = 333
    symmetry = 3
    #: A step is a degree.
    TILTS = np.arange(12)
    step_deviations = [12 / np.sqrt(12)] * 3
    HINGE = np.array([7, 0, 3])

    def __init__(self, _kind, rng):
        self.body = in_ball(rng, 46, 1.0) * [6, 5, 11] + [5, 0, -7]
        domain = in_ball(rng, 36, 1.0) * [5, 4.5, 8] + [10, 0, 12]
        self.domain = domain[np.argsort(domain[:, 2])]
        self.focus = [self.subunit(0, step)[len(self.body) :] for step in range(12)]
        #: For the consensus: each domain at places spread over its way.
        self.states = [(a, b, c) for a in (1, 5, 10) for b in (1, 5, 10) for c in (1, 5, 10)]
        middle = len(self.TILTS) // 2
        self.atoms = {chain: np.roll(self.subunit(k, middle), len(domain), axis=0) for k, chain in enumerate("ABC")}

    def subunit(self, k, step):
        # Outward: about the axis through the hinge along y, which takes z to x.
        risen = turned(self.domain - self.HINGE, 1, step) + self.HINGE
        return turned(np.concatenate([self.body, risen]), 2, 120 * k)

    def moved(self, state, steps):
        """A state whose domains have risen by `steps` more."""
        return tuple(np.add(state, steps))

    def centres(self, *steps):
        return np.concatenate([self.subunit(k, step) for k, step in enumerate(steps)])

    def draw(self, rng, per_state):
        return [tuple(int(s) for s in row) for row in rng.integers(12, size=(12 * per_state, 3))]

    def truth(self, states):
        return {"tilts": [[int(self.TILTS[step]) for step in state] for state in states]}

    def guess(self, state, best):
        """Each domain's, the others being known."""
        return tuple(best([state[:k] + (step,) + state[k + 1 :] for step in range(12)])[k] for k in range(3))

    def oracle(self, guesses, truth):
        return {"rankCorrelation": rank_correlation(np.array(guesses, float).ravel(), np.array(truth, float).ravel())}


class Body:
    """One state of a compact body, for its map alone."""

    per_state = 1
    symmetry = 1
    focus = None
    finest_angstrom = 13
    states = [()]

    def __init__(self, _kind, rng):
        self.gaussians = in_ball(rng, 2048, 1.0) * np.array([90, 80, 70]) / PIXEL_ANGSTROM

    def centres(self):
        return self.gaussians

    def draw(self, _rng, per_state):
        return [()] * per_state

    def truth(self, states):
        return {}

    def guess(self, _state, _best):
        return ()

    def oracle(self, _guesses, _truth):
        return {}


KINDS = {"body": Body, "linear": Slide, "cyclic": Slide, "mixture": Slide, "assembly": Assembly, "trimer": Trimer}


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


def draw_views(rng, count, ctf, shifts, symmetry):
    """
    Orientations uniform over all turns, rounded as the star file says them; defocus 1 to 2.5 um with up to 300 A of astigmatism. With symmetry about z a refinement takes any of the
    equivalent ones: `stated` are the angles as the star file has them, `copy` of so many parts of a turn further.
    """
    views = []
    for _ in range(count):
        angles = np.round([rng.uniform(-180, 180), np.degrees(np.arccos(rng.uniform(-1, 1))), rng.uniform(-180, 180)], 4)
        origin = np.round(rng.uniform(-shifts, shifts, 2), 4)
        mean, half = rng.uniform(10000, 25000), rng.uniform(0, 150)
        defocus = np.round([mean + half, mean - half, rng.uniform(0, 180)], 2)
        copy = int(rng.integers(symmetry)) if symmetry > 1 else 0
        stated = [(angles[0] + 360 / symmetry * copy + 180) % 360 - 180, *angles[1:]]
        views.append({"stated": stated, "copy": copy, "matrix": euler_matrix(*angles), "origin": origin, "defocus": defocus if ctf else None})
    return views


def see(molecule, state, view):
    """The noise-free image with its CTF."""
    image = project(molecule.centres(*state), view)
    return image if view["defocus"] is None else np.fft.irfft2(np.fft.rfft2(image) * ctf_of(view), s=(BOX, BOX))


def ranks(values):
    """From 1; ties share their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]


def rank_correlation(a, b):
    """Spearman's."""
    return float(np.corrcoef(ranks(a), ranks(b))[0, 1])


def measure_oracle(molecule, images, views, states, limit):
    """Gives up to `limit` particles, evenly chosen, the state whose projection correlates best over all pixels."""
    chosen = np.arange(min(limit, len(images))) * len(images) // min(limit, len(images))

    def best(i, candidates):
        expected = np.array([see(molecule, state, views[i]) for state in candidates])
        expected -= expected.mean(axis=(1, 2), keepdims=True)
        scores = (expected * images[i]).sum(axis=(1, 2)) / np.sqrt((expected**2).sum(axis=(1, 2)))
        return candidates[int(np.argmax(scores))]

    guesses = [molecule.guess(states[i], lambda candidates, i=i: best(i, candidates)) for i in chosen]
    figures = {"rankCorrelation": None, "meanCosine": None, "partAccuracy": None}
    return {"particles": len(chosen), "looked": chosen.tolist(), **figures, **molecule.oracle(guesses, [states[i] for i in chosen])}


def turn_by(vector):
    """Of a vector's length in degrees, about it."""
    length = np.linalg.norm(vector)
    if length == 0:
        return np.eye(3)
    k, angle = vector / length, np.radians(length)
    cross = np.array([[0, -k[2], k[1]], [k[2], 0, -k[0]], [-k[1], k[0], 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def bound_poses(molecule, noise, views, states, medians, limit):
    """
    Errors x of a pose (turn in degrees, origin in pixels) and of the steps that the molecule is at are normally distributed beforehand, with the covariance D; an image, whose scale is
    unknown, makes it (J J'/noise + 1/D)^-1, J being how it changes with x.
    """
    draw = np.random.default_rng(0)
    # The median length of three, and of two, standard normal numbers.
    deviations = np.array([medians[0] / 1.53817] * 3 + [medians[1] / 1.17741] * 2 + molecule.step_deviations)
    errors = []
    for i in np.arange(min(limit, len(views))) * len(views) // min(limit, len(views)):

        def image(x, view=views[i], state=states[i]):
            moved = {**view, "matrix": turn_by(x[:3]) @ view["matrix"], "origin": view["origin"] + x[3:5]}
            return see(molecule, molecule.moved(state, x[5:]), moved).ravel()

        steps = 0.1 * np.eye(len(deviations))
        changes = np.array([(image(step) - image(-step)) / 0.2 for step in steps])
        here = image(np.zeros(len(deviations)))
        changes -= np.outer(changes @ here, here) / (here @ here)
        left = np.linalg.inv(changes @ changes.T / noise + np.diag(1 / deviations**2))
        errors.append(draw.multivariate_normal(np.zeros(len(deviations)), left, 20))
    errors = np.concatenate(errors)
    return {"degrees": float(np.median(np.linalg.norm(errors[:, :3], axis=1))), "pixels": float(np.median(np.linalg.norm(errors[:, 3:5], axis=1)))}


def swept(places):
    """BOX^3, axes z y x: 1 within one sigma of any place of any Gaussian, falling evenly to 0 at two."""
    mask = np.zeros((BOX, BOX, BOX))
    z, y, x = np.meshgrid(GRID, GRID, GRID, indexing="ij")
    for centre in np.concatenate(places) + BOX // 2:
        distance = np.sqrt((x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2) / SIGMA
        mask = np.maximum(mask, np.clip(2 - distance, 0, 1))
    return mask


def write_pdb(path, chains):
    """An atom a Gaussian, a residue each, numbered from 1 in every chain; Angstrom in the map's frame."""
    lines = []
    for chain, places in chains.items():
        for number, place in enumerate(PIXEL_ANGSTROM * (places + BOX // 2), 1):
            coordinates = "".join(f"{value:8.3f}" for value in place)
            lines.append(f"ATOM  {len(lines) + 1:5d}  CA  ALA {chain}{number:4d}    {coordinates}  1.00  0.00           C")
        lines.append("TER")
    path.write_text("\n".join([*lines, "END", ""]))


def consensus(molecule):
    """BOX^3, axes z y x: the mean density over all states, down to the finest detail that the kind has: half of it there, falling off over 2 shells."""
    volume = np.zeros((BOX, BOX, BOX))
    for state in molecule.states:
        x, y, z = (gaussians_along(axis) for axis in molecule.centres(*state).T + BOX // 2)
        volume += np.einsum("nz,nyx->zyx", z, y[:, :, None] * x[:, None, :], optimize=True)
    volume /= len(molecule.states)
    if molecule.finest_angstrom is None:
        return volume
    whole, half = np.fft.fftfreq(BOX, 1 / BOX), np.fft.rfftfreq(BOX, 1 / BOX)
    shell = np.sqrt(whole[:, None, None] ** 2 + whole[None, :, None] ** 2 + half[None, None, :] ** 2)
    kept = np.clip(0.5 - (shell - BOX * PIXEL_ANGSTROM / molecule.finest_angstrom) / 4, 0, 1)
    return np.fft.irfftn(np.fft.rfftn(volume) * kept, s=volume.shape, axes=(0, 1, 2))


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
        numbers = [*view["stated"], *(PIXEL_ANGSTROM * view["origin"])]
        row = [f"{i + 1:06d}@particles.mrcs", *(f"{number:.6f}" for number in numbers), 1, 1 + i % 2]
        rows.append(row + [f"{number:.2f}" for number in view["defocus"]] if has_ctf else row)
    path.write_text(star_loop("optics", optics.keys(), [optics.values()]) + star_loop("particles", columns, rows))


def main():
    parser = argparse.ArgumentParser(description="Simulates particles of known state, with an oracle's figures.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--kind", choices=KINDS, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--noise", type=float, default=1.0, help="variance of the noise over the mean variance of the noise-free images")
    parser.add_argument("--ctf", action="store_true", help="images carry a contrast transfer function")
    parser.add_argument("--shifts", type=float, default=0.0, help="pixels; uniform between minus and plus this")
    parser.add_argument("--per-state", type=int, help="images of each state [200; assembly 1000; trimer 333 for each tilt]")
    parser.add_argument("--oracle", type=int, default=1000, help="particles that the oracle looks at")
    parser.add_argument("--turned", type=float, help="degrees; median error of orientations, for the oracle of the poses of slide or trimer")
    parser.add_argument("--moved", type=float, default=0.0, help="pixels; median error of origins")
    given = parser.parse_args()
    given.directory.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(given.seed)
    molecule = KINDS[given.kind](given.kind, rng)
    states = molecule.draw(rng, given.per_state or molecule.per_state)
    views = draw_views(rng, len(states), given.ctf, given.shifts, molecule.symmetry)
    images = np.array([see(molecule, state, view) for state, view in zip(states, views)], dtype="f4")
    noise = given.noise * images.var(axis=(1, 2)).mean()
    images += np.sqrt(noise) * rng.normal(size=images.shape).astype("f4")
    write_mrc(given.directory / "particles.mrcs", images, False)
    write_mrc(given.directory / "consensus.mrc", consensus(molecule), True)
    if molecule.focus is not None:
        write_mrc(given.directory / "focus.mrc", swept(molecule.focus), True)
        write_pdb(given.directory / "model.pdb", molecule.atoms)
    write_star(given.directory / "particles.star", views)
    truth = molecule.truth(states)
    if molecule.symmetry > 1:
        truth["copy"] = [view["copy"] for view in views]
    oracle = measure_oracle(molecule, images, views, states, given.oracle)
    if given.turned is not None:
        oracle["poses"] = bound_poses(molecule, noise, views, states, (given.turned, given.moved), given.oracle)
    (given.directory / "truth.json").write_text(json.dumps({"truth": truth, "oracle": oracle}))


if __name__ == "__main__":
    main()
