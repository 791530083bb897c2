// Draws a molecule seen along one direction: each Gaussian's line integral in closed form, straight into the image; no volume is ever turned.
//
//   P(t) = Σ w/(2πσ²) · exp(−|t − (A·r)_xy|² / 2σ²), sampled at the pixel centres

import { IDENTITY, type Quaternion, rotate } from './quaternion.js';
import { applyMove, type MovingMolecule, type RigidMove, type Scatterers } from './scatterers.js';

/** Beyond this many σ a Gaussian is below 4·10⁻⁵ of its peak and is not drawn. */
const REACH_SIGMAS = 4.5;

export interface ImageGeometry {
  boxSize: number;
  pixelSizeAngstrom: number;
}

/** The same box and centre in pixels `factor` times finer. */
export function finer({ boxSize, pixelSizeAngstrom }: ImageGeometry, factor: number): ImageGeometry {
  return { boxSize: boxSize * factor, pixelSizeAngstrom: pixelSizeAngstrom / factor };
}

/** Where and how one particle is seen. A point r lands at pixel b//2 + (view·r)_xy / pixel size − origin. */
export interface Pose {
  view: Quaternion;
  originXPixels: number;
  originYPixels: number;
}

/** Which state one particle is in. */
export interface Conformation {
  /** Step of every motion (index into its values). */
  steps: number[];
  /** Whether every optional part is there. */
  present: boolean[];
}

/** Row-major first two rows of the turn and the offset that take r (Å) to pixels. */
type Affine = [number, number, number, number, number, number, number, number];

function toPixels(move: RigidMove, pose: Pose, geometry: ImageGeometry): Affine {
  const scale = 1 / geometry.pixelSizeAngstrom;
  const seen = (r: [number, number, number]) => rotate(pose.view, applyMove(move, r));
  const zero = seen([0, 0, 0]);
  const columns = [seen([1, 0, 0]), seen([0, 1, 0]), seen([0, 0, 1])].map(c => [(c[0] - zero[0]) * scale, (c[1] - zero[1]) * scale]);
  const centre = Math.floor(geometry.boxSize / 2);
  return [
    columns[0][0],
    columns[1][0],
    columns[2][0],
    columns[0][1],
    columns[1][1],
    columns[2][1],
    centre + zero[0] * scale - pose.originXPixels,
    centre + zero[1] * scale - pose.originYPixels,
  ];
}

/** The Gaussians in any order that are to be drawn; null draws all. */
export type Selection = (motion: number, part: number) => boolean;

/**
 * Adds the projection of the molecule to image[b·b] (y rows, x fastest), in density · Å: Σ over pixels times pixel area is the total weight.
 * What lands outside the box is lost.
 */
export function drawProjection(
  molecule: MovingMolecule,
  state: Conformation,
  pose: Pose,
  geometry: ImageGeometry,
  image: Float64Array,
  selection: Selection | null = null,
): void {
  const { scatterers, motions } = molecule;
  const still: RigidMove = { turn: IDENTITY, pivot: [0, 0, 0], shift: [0, 0, 0] };
  const affines = [
    toPixels(still, pose, geometry),
    ...motions.map((motion, m) => toPixels(motion.move(motion.values[state.steps[m]]), pose, geometry)),
  ];
  const { x, y, z } = scatterers;
  for (let i = 0; i < x.length; i++) {
    const part = scatterers.part[i];
    if (part >= 0 && !state.present[part]) continue;
    if (selection && !selection(scatterers.motion[i], part)) continue;
    const a = affines[scatterers.motion[i] + 1];
    drawGaussian(
      a[0] * x[i] + a[1] * y[i] + a[2] * z[i] + a[6],
      a[3] * x[i] + a[4] * y[i] + a[5] * z[i] + a[7],
      scatterers,
      i,
      geometry,
      image,
    );
  }
}

const columnValues = new Float64Array(1024);

/** One round Gaussian is the product of a row and a column. */
function drawGaussian(px: number, py: number, scatterers: Scatterers, i: number, geometry: ImageGeometry, image: Float64Array): void {
  const { boxSize, pixelSizeAngstrom } = geometry;
  const sigmaAngstrom = scatterers.sigmaAngstrom[i];
  const sigma = sigmaAngstrom / pixelSizeAngstrom;
  const reach = sigma * REACH_SIGMAS;
  const x0 = Math.max(0, Math.ceil(px - reach));
  const x1 = Math.min(boxSize - 1, Math.floor(px + reach));
  const y0 = Math.max(0, Math.ceil(py - reach));
  const y1 = Math.min(boxSize - 1, Math.floor(py + reach));
  const decay = -0.5 / (sigma * sigma);
  for (let x = x0; x <= x1; x++) columnValues[x] = Math.exp(decay * (x - px) * (x - px));
  const peak = scatterers.weight[i] / (2 * Math.PI * sigmaAngstrom * sigmaAngstrom);
  for (let y = y0; y <= y1; y++) {
    const value = peak * Math.exp(decay * (y - py) * (y - py));
    const row = y * boxSize;
    for (let x = x0; x <= x1; x++) image[row + x] += value * columnValues[x];
  }
}
