// A small molecule made up for viewer tests: helices in two chains, its Gaussians, its map and its mmCIF file, all in one frame in Å.
import type { DecodedFrame } from '../../protocol/messages.js';

export const ORIGIN: [number, number, number] = [-31, 12, 7.5];
export const VOXEL = 2;
export const SIZE = 48;

export interface Atom {
  chain: string;
  residue: number;
  name: string;
  position: [number, number, number];
}

const HELICES = 4;
const RESIDUES = 22;

/** Ideal α-helices (1.5 Å and 100° a residue) side by side, around the middle of the map. Rows of the two chains alternate, as a file may have them. */
export function atoms(): Atom[] {
  const middle = ORIGIN.map(o => o + (VOXEL * (SIZE - 1)) / 2);
  const list: Atom[] = [];
  for (let residue = 0; residue < HELICES * RESIDUES; residue++) {
    for (const [c, chain] of ['A', 'B'].entries()) {
      const helix = Math.floor(residue / RESIDUES);
      const along = residue % RESIDUES;
      // Every other helix runs back: half a turn about x, which keeps its hand.
      const flip = helix % 2 === 0 ? 1 : -1;
      const x0 = middle[0] + (helix - 1.5) * 9.5;
      const y0 = middle[1] + (c - 0.5) * 11 + flip * 1.5;
      for (const [name, radius, turn, rise] of [
        ['N', 1.55, -28, -0.9],
        ['CA', 2.28, 0, 0],
        ['C', 1.68, 26, 1.1],
        ['O', 2.0, 22, 2.3],
      ] as const) {
        const angle = ((100 * along + turn) * Math.PI) / 180;
        const z = (along - RESIDUES / 2) * 1.5 + rise;
        list.push({
          chain,
          residue: residue + 1,
          name,
          position: [x0 + radius * Math.cos(angle), y0 + flip * radius * Math.sin(angle), middle[2] + flip * z],
        });
      }
    }
  }
  return list;
}

export function mmcif(rows: Atom[]): string {
  const columns =
    'group_PDB id type_symbol label_atom_id label_alt_id label_comp_id label_asym_id label_entity_id label_seq_id pdbx_PDB_ins_code Cartn_x Cartn_y Cartn_z occupancy B_iso_or_equiv auth_seq_id auth_comp_id auth_asym_id auth_atom_id pdbx_PDB_model_num';
  const lines = rows.map(({ chain, residue, name, position: [x, y, z] }, i) =>
    [
      `ATOM ${i + 1} ${name[0]} ${name} . ALA ${chain} 1 ${residue} ?`,
      `${x.toFixed(4)} ${y.toFixed(4)} ${z.toFixed(4)} 1.00 20.0 ${residue} ALA ${chain} ${name} 1`,
    ].join(' '),
  );
  return `data_synthetic\nloop_\n${columns
    .split(' ')
    .map(c => `_atom_site.${c}`)
    .join('\n')}\n${lines.join('\n')}\n`;
}

/** The molecule bent by `t`: everything above the middle turns about the y axis by up to 0.35 rad·t. */
export function bent(position: readonly number[], t: number): [number, number, number] {
  const middle = ORIGIN.map(o => o + (VOXEL * (SIZE - 1)) / 2);
  const [x, y, z] = [0, 1, 2].map(a => position[a] - middle[a]);
  const angle = 0.35 * t * Math.min(1, Math.max(0, (x + 5) / 20));
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  return [middle[0] + c * x + s * z, middle[1] + y, middle[2] - s * x + c * z];
}

/** One Gaussian per residue, at its CA atom. */
export function frameAt(t: number, rows = atoms()): DecodedFrame {
  const alphas = rows.filter(atom => atom.name === 'CA');
  return {
    run: 'synthetic',
    epoch: 1,
    z: Float32Array.of(t),
    count: alphas.length,
    positions: Float32Array.from(alphas.flatMap(atom => bent(atom.position, t))),
    amplitudes: Float32Array.from(alphas, (_, i) => 0.3 + 0.5 * (i / alphas.length)),
    sigmas: Float32Array.from(alphas, (_, i) => 2.6 + 0.8 * Math.sin(i)),
    atoms: Float32Array.from(rows.flatMap(atom => bent(atom.position, t))),
  };
}

/** The density of those Gaussians by the plain formula, as an MRC file (mode 2) with its origin in the header; and its values. */
export function mrc(frame: DecodedFrame): { bytes: Uint8Array; data: Float32Array } {
  const data = new Float32Array(SIZE ** 3);
  for (let n = 0; n < frame.count; n++) {
    const sigma = frame.sigmas[n];
    const peak = frame.amplitudes[n] * (2 * Math.PI * sigma * sigma) ** -1.5;
    const c = [0, 1, 2].map(a => (frame.positions[3 * n + a] - ORIGIN[a]) / VOXEL);
    const reach = Math.ceil((5 * sigma) / VOXEL);
    const range = (a: number) => [Math.max(0, Math.round(c[a]) - reach), Math.min(SIZE - 1, Math.round(c[a]) + reach)];
    for (let z = range(2)[0]; z <= range(2)[1]; z++)
      for (let y = range(1)[0]; y <= range(1)[1]; y++)
        for (let x = range(0)[0]; x <= range(0)[1]; x++) {
          const r2 = ((x - c[0]) ** 2 + (y - c[1]) ** 2 + (z - c[2]) ** 2) * VOXEL ** 2;
          data[(z * SIZE + y) * SIZE + x] += peak * Math.exp(-r2 / (2 * sigma * sigma));
        }
  }
  let [min, max, sum, squares] = [Infinity, -Infinity, 0, 0];
  for (const v of data) {
    min = Math.min(min, v);
    max = Math.max(max, v);
    sum += v;
    squares += v * v;
  }
  const mean = sum / data.length;
  const bytes = new Uint8Array(1024 + data.byteLength);
  const view = new DataView(bytes.buffer);
  const words: [number, number][] = [0, 1, 2, 7, 8, 9].map(word => [word, SIZE]);
  for (const [word, value] of [...words, [3, 2], [16, 1], [17, 2], [18, 3]] as [number, number][]) view.setInt32(4 * word, value, true);
  const reals: [number, number][] = [
    [10, SIZE * VOXEL],
    [11, SIZE * VOXEL],
    [12, SIZE * VOXEL],
    [13, 90],
    [14, 90],
    [15, 90],
    [19, min],
    [20, max],
    [21, mean],
    [49, ORIGIN[0]],
    [50, ORIGIN[1]],
    [51, ORIGIN[2]],
    [54, Math.sqrt(squares / data.length - mean * mean)],
  ];
  for (const [word, value] of reals) view.setFloat32(4 * word, value, true);
  bytes.set(new TextEncoder().encode('MAP '), 208);
  bytes.set([0x44, 0x44, 0, 0], 212);
  bytes.set(new Uint8Array(data.buffer), 1024);
  return { bytes, data };
}
