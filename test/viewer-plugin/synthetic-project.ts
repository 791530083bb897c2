// A small molecule that moves with z by a law written here, with a map, a model and latents to match: what the synthetic daemon serves to the page's tests.
import type { DecodedFrame, EmbeddingTables, LatentPca, ServerMessage } from '../../protocol/messages.js';

/** A generator of numbers in [0, 1), the same for the same seed (mulberry32). */
export function numbers(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

type Vector = [number, number, number];
/** Å: the middle of the map, where the hinge is. */
export const CENTRE: Vector = [48, 48, 48];

/** Where a point of the resting molecule goes: all above the hinge turns about x by 0.35·z0 and about y by 0.35·z1 rad. */
export function moved([x, y, z]: Vector, latent: ArrayLike<number>): Vector {
  const above = Math.min(1, Math.max(0, (z - CENTRE[2] + 6) / 12));
  const a = 0.35 * above * latent[0];
  const b = latent.length > 1 ? 0.35 * above * latent[1] : 0;
  let [dx, dy, dz] = [x - CENTRE[0], y - CENTRE[1], z - CENTRE[2]];
  [dy, dz] = [dy * Math.cos(a) - dz * Math.sin(a), dy * Math.sin(a) + dz * Math.cos(a)];
  [dx, dz] = [dx * Math.cos(b) + dz * Math.sin(b), -dx * Math.sin(b) + dz * Math.cos(b)];
  return [CENTRE[0] + dx, CENTRE[1] + dy, CENTRE[2] + dz];
}

/** Backbone atoms N CA C O of an ideal helix that stands along z and leans with it. */
function helix(residues: number, x: number, y: number, fromZ: number): Vector[] {
  const atoms: Vector[] = [];
  for (let r = 0; r < residues; r++) {
    for (const [radius, angle, rise] of [
      [1.55, -27, -0.9],
      [2.28, 0, 0],
      [1.65, 26, 1.1],
      [2.0, 24, 2.3],
    ]) {
      const phi = ((100 * r + angle) * Math.PI) / 180;
      atoms.push([x + radius * Math.cos(phi), y + radius * Math.sin(phi), fromZ + 1.5 * r + rise]);
    }
  }
  return atoms;
}

/** Four helices below the hinge, three above: 7 chains of backbone atoms, Å. */
export const CHAINS: Vector[][] = [
  ...[
    [40, 40],
    [56, 40],
    [40, 56],
    [56, 56],
  ].map(([x, y]) => helix(18, x, y, 18)),
  ...[
    [48, 38],
    [38, 54],
    [58, 54],
  ].map(([x, y]) => helix(18, x, y, 52)),
];
export const ATOMS = CHAINS.flat();

/** One Gaussian for each residue, at its CA. */
const GAUSSIANS = ATOMS.filter((_, i) => i % 4 === 1);
const SIGMA = 2.6;

export function decode(run: string, epoch: number, z: number[], withAtoms: boolean): DecodedFrame {
  const amplitude = 0.6;
  return {
    run,
    epoch,
    z: Float32Array.from(z),
    count: GAUSSIANS.length,
    positions: Float32Array.from(GAUSSIANS.flatMap(point => moved(point, z))),
    amplitudes: new Float32Array(GAUSSIANS.length).fill(amplitude),
    sigmas: new Float32Array(GAUSSIANS.length).fill(SIGMA),
    atoms: withAtoms ? Float32Array.from(ATOMS.flatMap(point => moved(point, z))) : null,
  };
}

export const MAP_VOXELS = 48;
export const MAP_VOXEL_ANGSTROM = 2;

/** The molecule at a latent point, at rest unless given, as a mode-2 MRC file, 48³ voxels of 2 Å, and its absolute contour. */
export function mapFile(latent: ArrayLike<number> = [0, 0]): { bytes: Buffer; contour: number } {
  const n = MAP_VOXELS;
  const data = new Float32Array(n ** 3);
  const weight = 0.6 * (2 * Math.PI * SIGMA * SIGMA) ** -1.5;
  for (const [x, y, z] of GAUSSIANS.map(point => moved(point, latent))) {
    const reach = 5;
    const near = (c: number) => Math.round(c / MAP_VOXEL_ANGSTROM);
    for (let k = near(z) - reach; k <= near(z) + reach; k++)
      for (let j = near(y) - reach; j <= near(y) + reach; j++)
        for (let i = near(x) - reach; i <= near(x) + reach; i++) {
          if (Math.min(i, j, k) < 0 || Math.max(i, j, k) >= n) continue;
          const square = (i * MAP_VOXEL_ANGSTROM - x) ** 2 + (j * MAP_VOXEL_ANGSTROM - y) ** 2 + (k * MAP_VOXEL_ANGSTROM - z) ** 2;
          data[(k * n + j) * n + i] += weight * Math.exp(-square / (2 * SIGMA * SIGMA));
        }
  }
  const mean = data.reduce((a, b) => a + b, 0) / data.length;
  const header = Buffer.alloc(1024);
  for (let axis = 0; axis < 3; axis++) {
    header.writeInt32LE(n, 4 * axis);
    header.writeInt32LE(n, 28 + 4 * axis);
    header.writeFloatLE(n * MAP_VOXEL_ANGSTROM, 40 + 4 * axis);
    header.writeFloatLE(90, 52 + 4 * axis);
    header.writeInt32LE(axis + 1, 64 + 4 * axis);
  }
  header.writeInt32LE(2, 12);
  header.writeFloatLE(0, 76);
  header.writeFloatLE(
    data.reduce((a, b) => Math.max(a, b), 0),
    80,
  );
  header.writeFloatLE(mean, 84);
  header.writeInt32LE(1, 88);
  header.write('MAP ', 208, 'latin1');
  header.writeUInt32LE(0x00004444, 212);
  header.writeFloatLE(Math.sqrt(data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length), 216);
  return { bytes: Buffer.concat([header, Buffer.from(data.buffer)]), contour: 0.35 * data.reduce((a, b) => Math.max(a, b), 0) };
}

/** The resting molecule as mmCIF, alanines. */
export function modelFile(): string {
  const columns = [
    'group_PDB',
    'id',
    'type_symbol',
    'label_atom_id',
    'label_alt_id',
    'label_comp_id',
    'label_asym_id',
    'label_entity_id',
    'label_seq_id',
    'pdbx_PDB_ins_code',
    'Cartn_x',
    'Cartn_y',
    'Cartn_z',
    'occupancy',
    'B_iso_or_equiv',
    'auth_seq_id',
    'auth_comp_id',
    'auth_asym_id',
    'auth_atom_id',
    'pdbx_PDB_model_num',
  ];
  const lines = ['data_synthetic', '#', 'loop_', ...columns.map(column => `_atom_site.${column}`)];
  let id = 0;
  CHAINS.forEach((atoms, c) => {
    const chain = String.fromCharCode(65 + c);
    atoms.forEach(([x, y, z], i) => {
      const residue = Math.floor(i / 4) + 1;
      const atom = ['N', 'CA', 'C', 'O'][i % 4];
      lines.push(
        `ATOM ${++id} ${atom[0]} ${atom} . ALA ${chain} ${c + 1} ${residue} ? ${x.toFixed(3)} ${y.toFixed(3)} ${z.toFixed(3)} 1.00 30.00 ${residue} ALA ${chain} ${atom} 1`,
      );
    });
  });
  return `${lines.join('\n')}\n#\n`;
}

type Cloud = Pick<Extract<ServerMessage, { type: 'latents' }>, 'z' | 'frc' | 'particle' | 'copy' | 'observability' | 'pca'>;

/** A cloud of particles, each in `copies` places, that grows clearer with `clarity` 0…1: two crowded states joined by a bent path, more coordinates are noise. */
export function latents(count: number, dims: number, clarity: number, seed: number, copies = 1): Cloud {
  const random = numbers(seed);
  const z = new Float32Array(count * dims);
  for (let p = 0; p < count; p++) {
    const t = random() < 0.55 ? -0.8 + 0.22 * normal(random) : random() < 0.7 ? 0.9 + 0.18 * normal(random) : -0.8 + 1.7 * random();
    for (let i = 0; i < dims; i++) {
      const path = i === 0 ? t : i === 1 ? 0.9 * t * t - 0.45 : 0;
      z[p * dims + i] = clarity * path + (i < 2 ? 0.12 + 0.35 * (1 - clarity) : 0.3 / i) * normal(random);
    }
  }
  const frc = Float32Array.from({ length: count }, (_, p) => 0.16 + 0.05 * clarity + 0.015 * normal(random) - 0.02 * z[p * dims]);
  return {
    z,
    frc,
    particle: Uint32Array.from({ length: count }, (_, p) => Math.floor(p / copies) + 1),
    copy: copies > 1 ? Uint32Array.from({ length: count }, (_, p) => (p % copies) + 1) : null,
    // As for a motion along z seen from everywhere alike: the part of it that lies in the image.
    observability: Float32Array.from({ length: count }, () => Math.sqrt(1 - (2 * random() - 1) ** 2)),
    pca: principalComponents(z, count, dims),
  };
}

/** A picture of that cloud as a UMAP makes them, bent and without a scale, and its two states as clusters, told apart at z0 = 0. */
export function embeddings(z: Float32Array, count: number, dims: number): EmbeddingTables {
  const random = numbers(11);
  const at = (p: number, i: number) => (i < dims ? z[p * dims + i] : 0);
  const umap0 = Float32Array.from({ length: count }, (_, p) => 6 * Math.sin(1.6 * at(p, 0)) + 1.2 * at(p, 1) + 0.3 * normal(random));
  const umap1 = Float32Array.from({ length: count }, (_, p) => 5 * Math.cos(1.9 * at(p, 0)) - 2.5 * at(p, 1) + 0.3 * normal(random));
  const labels = Uint32Array.from({ length: count }, (_, p) => (at(p, 0) < 0 ? 1 : 2));
  const members = [1, 2].map(label => [...labels.keys()].filter(p => labels[p] === label));
  const middle = (rows: number[]) => rows.toSorted((a, b) => at(a, 0) - at(b, 0))[rows.length >> 1] ?? 0;
  return {
    count,
    columns: [
      { name: 'umap0', values: umap0 },
      { name: 'umap1', values: umap1 },
    ],
    clusters: { labels, sizes: Uint32Array.from(members, rows => rows.length), medoids: Uint32Array.from(members, middle) },
    outdated: false,
  };
}

/** By power iteration on the covariance, one axis after the other: slow and plain. */
export function principalComponents(z: Float32Array, count: number, dims: number): LatentPca {
  const mean = new Float64Array(dims);
  for (let p = 0; p < count; p++) for (let i = 0; i < dims; i++) mean[i] += z[p * dims + i] / count;
  const covariance = Array.from({ length: dims }, () => new Float64Array(dims));
  for (let p = 0; p < count; p++)
    for (let i = 0; i < dims; i++)
      for (let j = 0; j < dims; j++) covariance[i][j] += ((z[p * dims + i] - mean[i]) * (z[p * dims + j] - mean[j])) / count;
  const axes = new Float32Array(dims * dims);
  const variances = new Float32Array(dims);
  for (let k = 0; k < dims; k++) {
    let axis = Array.from({ length: dims }, (_, i) => 1 + 0.37 * ((i * 7 + k * 3) % 5));
    for (let step = 0; step < 3000; step++) {
      const next = axis.map((_, i) => axis.reduce((sum, value, j) => sum + covariance[i][j] * value, 0));
      for (let earlier = 0; earlier < k; earlier++) {
        const along = next.reduce((sum, value, i) => sum + value * axes[earlier * dims + i], 0);
        for (let i = 0; i < dims; i++) next[i] -= along * axes[earlier * dims + i];
      }
      const length = Math.hypot(...next);
      axis = next.map(value => value / length);
      variances[k] = length;
    }
    axes.set(axis, k * dims);
  }
  return { mean: Float32Array.from(mean), axes, variances };
}
