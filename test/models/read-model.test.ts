// Reading atomic models: the same atoms in the same order as Mol* itself, and a clear line for what is no model.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parseCifText } from 'molstar/lib/commonjs/mol-io/reader/cif/text/parser.js';
import { parsePDB } from 'molstar/lib/commonjs/mol-io/reader/pdb/parser.js';
import type { Model } from 'molstar/lib/commonjs/mol-model/structure.js';
import { trajectoryFromMmCIF } from 'molstar/lib/commonjs/mol-model-formats/structure/mmcif.js';
import { trajectoryFromPDB } from 'molstar/lib/commonjs/mol-model-formats/structure/pdb.js';
import { InputError } from '../../daemon/formats/input-error.js';
import { type AtomicModel, readModel } from '../../daemon/models/read-model.js';

const folder = mkdtempSync(join(tmpdir(), 'limber-models-'));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function molstarModel(path: string, format: 'pdb' | 'mmcif'): Promise<Model> {
  const text = readFileSync(path, 'utf8');
  if (format === 'pdb') {
    const parsed = await parsePDB(text).run();
    assert.ok(!parsed.isError);
    return (await trajectoryFromPDB(parsed.result).run()).representative;
  }
  const parsed = await parseCifText(text).run();
  assert.ok(!parsed.isError);
  return (await trajectoryFromMmCIF(parsed.result.blocks[0], parsed.result).run()).representative;
}

/** Every element of Mol*'s structure is at our row `atomSourceIndex`. */
async function assertMolstarOrder(model: AtomicModel): Promise<boolean> {
  const { atomicHierarchy, atomicConformation } = await molstarModel(model.file, model.format);
  const { atoms, chainAtomSegments, chains, residueAtomSegments, residues, atomSourceIndex } = atomicHierarchy;
  assert.equal(atoms._rowCount, model.atoms);
  let sorted = false;
  for (let i = 0; i < model.atoms; i++) {
    const row = atomSourceIndex.value(i);
    if (row !== i) sorted = true;
    const { x, y, z } = atomicConformation;
    // Mol* reads digits by itself; its last bit may differ from the language's.
    assert.ok(
      Math.max(
        Math.abs(x[i] - model.positions[3 * row]),
        Math.abs(y[i] - model.positions[3 * row + 1]),
        Math.abs(z[i] - model.positions[3 * row + 2]),
      ) < 1e-4,
    );
    assert.equal(atoms.label_atom_id.value(i), model.names[row]);
    assert.equal(residues.auth_seq_id.value(residueAtomSegments.index[i]), model.residueNumbers[row]);
    assert.equal(chains.auth_asym_id.value(chainAtomSegments.index[i]), model.authChains[row]);
    assert.equal(chains.label_asym_id.value(chainAtomSegments.index[i]), model.labelChains[row]);
  }
  return sorted;
}

const atomColumns =
  'group_PDB id type_symbol label_atom_id label_alt_id label_comp_id label_asym_id label_entity_id label_seq_id Cartn_x Cartn_y Cartn_z auth_seq_id auth_asym_id pdbx_PDB_model_num'.split(
    ' ',
  );

/** Chains interleaved and residues out of order, so that Mol* must sort; two models. */
const unordered = `data_test
loop_
${atomColumns.map(name => `_atom_site.${name}`).join('\n')}
ATOM 1 N N . ALA A 1 2 1.5 2 3 12 X 1
ATOM 2 C "C1'" . ALA B 1 1 4 5.25 6 1 Y 1
ATOM 3 N N . GLY A 1 1 7 8 9.125 11 X 1
HETATM 4 ZN ZN . ZN C 2 . -1 -2 -3 201 X 1
ATOM 5 C CA . ALA A 1 2 10 11 12 12 X 1
ATOM 6 N N . ALA A 1 2 100 2 3 12 X 2
`;

test('an mmCIF file is read in the order of its rows, first model only, and Mol* finds each of its atoms at atomSourceIndex', async () => {
  const model = await readModel(file('unordered.cif', unordered));
  assert.equal(model.format, 'mmcif');
  assert.deepEqual([...model.positions], [1.5, 2, 3, 4, 5.25, 6, 7, 8, 9.125, -1, -2, -3, 10, 11, 12]);
  assert.deepEqual(model.names, ['N', "C1'", 'N', 'ZN', 'CA']);
  assert.deepEqual(model.authChains, ['X', 'Y', 'X', 'X', 'X']);
  assert.deepEqual(model.labelChains, ['A', 'B', 'A', 'C', 'A']);
  assert.deepEqual([...model.residueNumbers], [12, 1, 11, 201, 12]);
  assert.ok(await assertMolstarOrder(model), 'the file is one that Mol* has to sort');
});

test('a PDB file with several models, hetero atoms and a chain that comes back is in the order of its lines, as in Mol*', async () => {
  const line = (record: string, serial: number, name: string, residue: string, chain: string, number: number, x: number) =>
    `${record.padEnd(6)}${String(serial).padStart(5)} ${name.padEnd(4)} ${residue} ${chain}${String(number).padStart(4)}    ${x.toFixed(3).padStart(8)}${'2.500'.padStart(8)}${'-3.250'.padStart(8)}  1.00 10.00           ${name.trim()[0]}  `;
  const path = file(
    'several.ent',
    [
      'REMARK made for a test',
      'MODEL        1',
      line('ATOM', 1, ' N', 'ALA', 'A', 2, 1),
      line('ATOM', 2, ' N', 'ALA', 'B', 1, 2),
      line('ATOM', 3, ' CA', 'ALA', 'A', 1, 3),
      'TER',
      line('HETATM', 4, ' O', 'HOH', 'A', 301, 4),
      'ENDMDL',
      'MODEL        2',
      line('ATOM', 1, ' N', 'ALA', 'A', 2, 50),
      'ENDMDL',
      'END',
    ].join('\n'),
  );
  const model = await readModel(path);
  assert.equal(model.format, 'pdb');
  assert.deepEqual([...model.positions], [1, 2.5, -3.25, 2, 2.5, -3.25, 3, 2.5, -3.25, 4, 2.5, -3.25]);
  assert.deepEqual(model.residues, ['ALA', 'ALA', 'ALA', 'HOH']);
  await assertMolstarOrder(model);
});

const structures = '../shared/data/structures';
test('whole structures from the archive have every atom where Mol* has it', {
  skip: existsSync(structures) ? false : 'the folder shared/data is not there',
}, async () => {
  const spike = await readModel(`${structures}/6vxx.pdb`);
  assert.equal(spike.atoms, readFileSync(spike.file, 'utf8').match(/^(ATOM {2}|HETATM)/gm)!.length);
  await assertMolstarOrder(spike);
  await assertMolstarOrder(await readModel(`${structures}/1hzh.pdb`));
});

test('what is no model ends in one line that names the file, the trouble and the cure', async () => {
  const refused = (path: string, pattern: RegExp) =>
    assert.rejects(
      readModel(path),
      (error: Error) =>
        error instanceof InputError && error.message.startsWith(path) && pattern.test(error.message) && !error.message.includes('\n'),
    );
  await refused(join(folder, 'missing.pdb'), /no such file.*check the path/);
  await refused(folder, /cannot be read/);
  await refused(file('empty.cif', ''), /neither a PDB nor an mmCIF/);
  await refused(file('binary.cif', '\x1f\x8b\x08\x00garbage'), /neither.*not compressed/);
  await refused(file('cell.cif', 'data_x\n_cell.length_a 10\n'), /no atom/);
  await refused(file('nan.cif', unordered.replace('5.25', '?')), /atom 2 has .* as Cartn_y/);
  await refused(file('text.cif', unordered.replace('5.25', 'five')), /atom 2 has "five" as Cartn_y/);
  await refused(file('broken.cif', 'data_x\nloop_\n_atom_site.id\n_atom_site.Cartn_x\n1 2 3\n'), /not valid mmCIF/);
  await refused(file('columns.cif', 'data_x\nloop_\n_atom_site.id\n_atom_site.Cartn_x\n1 2\n'), /no column _atom_site\.Cartn_y/);
});
