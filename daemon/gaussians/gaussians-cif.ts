// Gaussians as mmCIF pseudo-atoms, for programs that know atoms only.
import type { GaussianSet } from './gaussian-set.js';

/**
 * One atom per Gaussian, Å in the map frame: amplitude as occupancy, and the width as B factor, B = 8π²σ², so that the atom's
 * Debye–Waller factor exp(−Bk²/4) is the Gaussian's own exp(−2π²σ²k²). The residue is UNL, the PDB's name for the unknown.
 */
export function formatGaussiansCif(set: GaussianSet, name: string): string {
  const id = name.replace(/[^A-Za-z0-9_-]/g, '_') || 'gaussians';
  const columns =
    'group_PDB id type_symbol label_atom_id label_alt_id label_comp_id label_asym_id label_entity_id label_seq_id Cartn_x Cartn_y Cartn_z occupancy B_iso_or_equiv auth_seq_id auth_asym_id pdbx_PDB_model_num';
  const lines = [
    `data_${id}`,
    '#',
    '_entity.id 1',
    '_entity.type non-polymer',
    "_entity.pdbx_description 'Gaussian model: occupancy is the amplitude, B = 8*pi^2*sigma^2'",
    '#',
    'loop_',
    ...columns.split(' ').map(column => `_atom_site.${column}`),
  ];
  for (let i = 0; i < set.count; i++) {
    const [x, y, z] = [0, 1, 2].map(axis => set.positions[3 * i + axis].toFixed(3));
    const b = (8 * Math.PI ** 2 * set.sigmas[i] ** 2).toFixed(2);
    lines.push(`HETATM ${i + 1} C C . UNL A 1 . ${x} ${y} ${z} ${set.amplitudes[i].toFixed(4)} ${b} ${i + 1} A 1`);
  }
  return lines.join('\n') + '\n#\n';
}
