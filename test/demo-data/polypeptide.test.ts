// The made-up molecules have the geometry of real backbones.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseModel } from '../../demo-data/models/read-model.js';
import { atomOf, helixBetween, joinHelices, type Residue } from '../../demo-data/molecules/polypeptide.js';
import { LIGAND_CHAIN, SPIKE_CHAINS, spikeMolecule } from '../../demo-data/molecules/spike.js';
import type { Vector } from '../../demo-data/quaternion.js';

const distance = (a: Vector, b: Vector) => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);

function angle(a: Vector, b: Vector, c: Vector): number {
  const [ab, cb, ac] = [distance(a, b), distance(c, b), distance(a, c)];
  return (Math.acos((ab * ab + cb * cb - ac * ac) / (2 * ab * cb)) * 180) / Math.PI;
}

test('a straight helix has the bonds, angles and hydrogen bonds of an ideal α-helix, 1.5 Å and 100° a residue', () => {
  const helix = helixBetween([1, 2, 3], [21, -10, 40], 25);
  const length = distance([1, 2, 3], [21, -10, 40]);
  assert.equal(helix.length, 1 + Math.floor(length / 1.5));
  const axis: Vector = [20 / length, -12 / length, 37 / length];
  for (let i = 0; i + 5 < helix.length; i++) {
    const [n, ca, c, o, cb] = (['N', 'CA', 'C', 'O', 'CB'] as const).map(name => atomOf(helix[i], name));
    const next = atomOf(helix[i + 1], 'N');
    // The table of the helix has four decimals.
    assert.ok(Math.abs(distance(n, ca) - 1.458) < 2e-3);
    assert.ok(Math.abs(distance(ca, c) - 1.525) < 2e-3);
    assert.ok(Math.abs(distance(c, next) - 1.329) < 2e-3);
    assert.ok(Math.abs(distance(c, o) - 1.231) < 2e-3);
    assert.ok(Math.abs(distance(ca, cb) - 1.53) < 0.01);
    assert.ok(Math.abs(angle(n, ca, c) - 110.6) < 0.3);
    assert.ok(Math.abs(angle(ca, c, next) - 117.1) < 0.3);
    const onward = atomOf(helix[i + 1], 'CA');
    const rise = (onward[0] - ca[0]) * axis[0] + (onward[1] - ca[1]) * axis[1] + (onward[2] - ca[2]) * axis[2];
    assert.ok(Math.abs(rise - 1.5) < 1e-6);
    // O of residue i accepts from N of residue i + 4: 2.8 to 3.2 Å in proteins.
    const hydrogenBond = distance(o, atomOf(helix[i + 4], 'N'));
    assert.ok(hydrogenBond > 2.7 && hydrogenBond < 3.2, `${hydrogenBond}`);
    // Right-handed: the triple product of three steps in a row is positive for a right-handed screw.
    const steps = [0, 1, 2].map(k => {
      const [p, q] = [atomOf(helix[i + k], 'CA'), atomOf(helix[i + k + 1], 'CA')];
      return [q[0] - p[0], q[1] - p[1], q[2] - p[2]];
    });
    const [u, v, w] = steps;
    assert.ok(u[0] * (v[1] * w[2] - v[2] * w[1]) + u[1] * (v[2] * w[0] - v[0] * w[2]) + u[2] * (v[0] * w[1] - v[1] * w[0]) > 0);
  }
});

function checkChain(residues: readonly Residue[], tolerance: number): void {
  for (let i = 0; i < residues.length; i++) {
    const [n, ca, c] = (['N', 'CA', 'C'] as const).map(name => atomOf(residues[i], name));
    assert.ok(Math.abs(distance(n, ca) - 1.458) < tolerance, `N–CA of residue ${i + 1}: ${distance(n, ca)}`);
    assert.ok(Math.abs(distance(ca, c) - 1.525) < tolerance, `CA–C of residue ${i + 1}: ${distance(ca, c)}`);
    if (i + 1 < residues.length) {
      const bond = distance(c, atomOf(residues[i + 1], 'N'));
      assert.ok(Math.abs(bond - 1.329) < tolerance, `C–N after residue ${i + 1}: ${bond}`);
    }
  }
}

test('a loop between two helices keeps every bond, because its CA atoms are one peptide apart and peptides are rigid', () => {
  const chain = joinHelices([
    helixBetween([0, 0, 0], [0, 0, 30]),
    helixBetween([10, 0, 30], [10, 0, 0]),
    helixBetween([10, 12, 0], [8, 14, 33]),
  ]);
  assert.ok(chain.helices[1].first - chain.helices[0].last > 3);
  // The relaxation of the trace ends within a few thousandths.
  checkChain(chain.residues, 0.02);
});

test('the spike is a C3 trimer of connected chains with a ligand, and its mmCIF reads back with every helix recorded', () => {
  const text = spikeMolecule(4, false).modelText!([128, 128, 128]);
  const { atoms, format } = parseModel(text, 'model.cif');
  assert.equal(format, 'mmcif');
  assert.deepEqual([...new Set(atoms.map(atom => atom.chain))], [...SPIKE_CHAINS, LIGAND_CHAIN]);
  const chainOf = (chain: string) => {
    const residues: Residue[] = [];
    for (const atom of atoms.filter(candidate => candidate.chain === chain)) {
      residues[atom.residueNumber - 1] ??= { atoms: [] };
      residues[atom.residueNumber - 1].atoms.push({ name: atom.name as 'CA', position: [atom.x, atom.y, atom.z] });
    }
    return residues;
  };
  // A coil of radius 6.2 Å and pitch 150 Å strains bonds by up to curvature (0.011/Å) × radius (2.3 Å), 2.6 %.
  for (const chain of [...SPIKE_CHAINS, LIGAND_CHAIN]) checkChain(chainOf(chain), 0.06);
  const [a, b] = [chainOf('A'), chainOf('B')];
  const [cos, sin] = [Math.cos((2 * Math.PI) / 3), Math.sin((2 * Math.PI) / 3)];
  a.forEach((residue, i) => {
    const [x, y, z] = atomOf(residue, 'CA');
    const turned: Vector = [128 + cos * (x - 128) - sin * (y - 128), 128 + sin * (x - 128) + cos * (y - 128), z];
    assert.ok(distance(turned, atomOf(b[i], 'CA')) < 0.003);
  });
  const heights = atoms.map(atom => atom.z);
  const tall = heights.reduce((most, z) => Math.max(most, z)) - heights.reduce((least, z) => Math.min(least, z));
  assert.ok(tall > 170 && tall < 190, `${tall} Å tall`);
  assert.ok(text.split('\n').filter(line => line.startsWith('HELX_P ')).length > 40);
});

test('no two CA atoms of the spike are closer than real chains pack', () => {
  const { atoms } = parseModel(spikeMolecule(4, false).modelText!([0, 0, 0]), 'model.cif');
  const alphas = atoms.filter(atom => atom.name === 'CA');
  for (let i = 0; i < alphas.length; i++)
    for (let j = 0; j < i; j++) {
      const apart = distance([alphas[i].x, alphas[i].y, alphas[i].z], [alphas[j].x, alphas[j].y, alphas[j].z]);
      const neighbours = alphas[i].chain === alphas[j].chain && Math.abs(alphas[i].residueNumber - alphas[j].residueNumber) < 3;
      assert.ok(
        neighbours || apart > 3.4,
        `${alphas[i].chain}${alphas[i].residueNumber} and ${alphas[j].chain}${alphas[j].residueNumber}: ${apart} Å`,
      );
    }
});
