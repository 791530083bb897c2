// Moved atoms reach the right atoms of Mol*'s model, which keeps them in another order than the file.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CIF } from 'molstar/lib/mol-io/reader/cif.js';
import type { Model } from 'molstar/lib/mol-model/structure.js';
import { trajectoryFromMmCIF } from 'molstar/lib/mol-model-formats/structure/mmcif.js';
import { moveModel } from '../../viewer-plugin/layers/moved-model.js';
import { atoms, bent, mmcif } from '../browser/synthetic-molecule.js';

async function parse(text: string): Promise<Model> {
  const parsed = await CIF.parseText(text).run();
  if (parsed.isError) throw new Error(parsed.message);
  return (await trajectoryFromMmCIF(parsed.result.blocks[0]).run()).representative;
}

test('atoms moved in the order of the file land on the atoms of the same chain, residue and name, although Mol* sorts the rows', async () => {
  const rows = atoms();
  const model = await parse(mmcif(rows));
  const { atoms: table, residues, residueAtomSegments, chains, chainAtomSegments, atomSourceIndex } = model.atomicHierarchy;
  // The file alternates between its two chains: an order that Mol* does not keep, or this test would show nothing.
  assert.ok(Array.from({ length: rows.length }, (_, i) => atomSourceIndex.value(i)).some((row, i) => row !== i));
  const moved = moveModel(model, Float32Array.from(rows.flatMap(row => bent(row.position, 1))));
  const expected = new Map(rows.map(row => [`${row.chain} ${row.residue} ${row.name}`, bent(row.position, 1)]));
  for (let i = 0; i < rows.length; i++) {
    const residue = residues.label_seq_id.value(residueAtomSegments.index[i]);
    const name = `${chains.label_asym_id.value(chainAtomSegments.index[i])} ${residue} ${table.label_atom_id.value(i)}`;
    const position = expected.get(name);
    assert.ok(position, name);
    const { x, y, z } = moved.atomicConformation;
    // Float32 at some tens of Å.
    for (const [a, value] of [x[i], y[i], z[i]].entries()) assert.ok(Math.abs(value - position[a]) < 1e-5, name);
  }
  assert.notEqual(moved.atomicConformation.id, model.atomicConformation.id);
});

test('atoms of another model are refused in one line, not put somewhere', async () => {
  const model = await parse(mmcif(atoms()));
  assert.throws(() => moveModel(model, new Float32Array(30)), /moved 10 atoms, but the model shown has 704/);
});
