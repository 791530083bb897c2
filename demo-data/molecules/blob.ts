// The three simulated molecules of the paper's Extended Data Figure 5: a body of random Gaussians with a small domain that slides or goes round.

import type { Random } from '../../daemon/numerics/random.js';
import { aboutAxis, IDENTITY, type Vector } from '../quaternion.js';
import { type Motion, type MovingMolecule, packScatterers } from '../scatterers.js';
import { cluster } from './cluster.js';

export type BlobKind = 'linear' | 'cyclic' | 'mixture';

const BODY_GAUSSIANS = 200;
/** The domain is about 36 Å (9 pixels of 4 Å) across, and slides twice its own width. */
const DOMAIN_RADIUS_ANGSTROM = 13;
const DOMAIN_GAUSSIANS = 16;
/** Of each Gaussian of the domain, where the body's have 1. At noise 1 the oracle's rank correlation is then 0.985 to 0.99 for the slide, its mean cosine above 0.997 for the round. */
const DOMAIN_WEIGHT = { linear: 0.45, mixture: 0.45, cyclic: 1 } as const;
const EXTRA_GAUSSIANS = 12;

const SLIDE_STEPS = 20;
const SLIDE_LENGTH_ANGSTROM = 70;
const ROUND_STEPS = 36;

/** Semi-axes of the body, Å; about 60 % of a box of 64 pixels of 4 Å. */
const SLIDE_BODY: Vector = [76, 60, 48];
const ROUND_BODY: Vector = [54, 48, 66];
const ROUND_RADIUS_ANGSTROM = 72;

/** The domain slides along x, measured from the middle of its path, in Å. */
const slide: Motion = {
  name: 'position',
  values: Array.from({ length: SLIDE_STEPS }, (_, i) => (i / (SLIDE_STEPS - 1) - 0.5) * SLIDE_LENGTH_ANGSTROM),
  move: value => ({ turn: IDENTITY, pivot: [0, 0, 0], shift: [value, 0, 0] }),
};

/** The domain goes round the z axis, in degrees. */
const goRound: Motion = {
  name: 'angle',
  values: Array.from({ length: ROUND_STEPS }, (_, i) => (360 * i) / ROUND_STEPS),
  move: value => ({ turn: aboutAxis([0, 0, 1], value), pivot: [0, 0, 0], shift: [0, 0, 0] }),
};

/** The molecule of one kind; its random shape is drawn from `random`. */
export function blobMolecule(kind: BlobKind, random: Random): MovingMolecule {
  const round = kind === 'cyclic';
  const body = cluster(random, BODY_GAUSSIANS, [0, 0, 0], round ? ROUND_BODY : SLIDE_BODY, 1);
  const r = DOMAIN_RADIUS_ANGSTROM;
  const start: Vector = round ? [ROUND_RADIUS_ANGSTROM, 0, 0] : [0, 0, SLIDE_BODY[2] + r];
  const domain = cluster(random, DOMAIN_GAUSSIANS, start, [r, r, r], DOMAIN_WEIGHT[kind], { motion: 0 });
  const extra = kind === 'mixture' ? cluster(random, EXTRA_GAUSSIANS, [20, -SLIDE_BODY[1] - 8, -30], [20, 16, 16], 1, { part: 0 }) : [];
  return {
    scatterers: packScatterers([...body, ...domain, ...extra]),
    motions: [round ? goRound : slide],
    parts: kind === 'mixture' ? [{ name: 'extra', occupancy: 0.5 }] : [],
    centreAngstrom: null,
    modelText: null,
  };
}
