// Moved models as files: new coordinates, and everything else as the user had it.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { InputError } from '../../daemon/formats/input-error.js';
import { readModel } from '../../daemon/models/read-model.js';
import { formatMovedModel } from '../../daemon/models/write-model.js';

const folder = mkdtempSync(join(tmpdir(), 'limber-write-'));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

/** Quoted words, a text field between the words of a row, comments, columns of ours that no program knows, two models. */
const cif = `data_odd
_struct.title 'it has _atom_site.words in it'
#
loop_
_atom_site.group_PDB
_atom_site.id
_atom_site.type_symbol
_atom_site.label_atom_id
_atom_site.label_comp_id
_atom_site.label_asym_id
_atom_site.label_seq_id
_atom_site.Cartn_x
_atom_site.Cartn_y
_atom_site.Cartn_z
_atom_site.auth_seq_id
_atom_site.auth_asym_id
_atom_site.my_remark
_atom_site.pdbx_PDB_model_num
ATOM 1 C "C1'" ALA A 1 1.000 2.000 3.000 1 A 'don't 4 5 6' 1 # a comment 1 2 3
ATOM 2 C 'C 2' ALA A 1 -4.5 5.5
-6.5 1 A
;a text field
with 7.0 8.0 9.0
;
1
ATOM 3 C C3 ALA A 2 7 8 9 2 A . 1
ATOM 1 C "C1'" ALA A 1 1 2 3 1 A . 2
#
loop_
_other.x
_other.y
1.000 2.000
`;

test('only the coordinates change in an mmCIF file: columns, quotes, text fields, comments and other categories stay to the letter', async () => {
  const model = await readModel(file('odd.cif', cif));
  const moved = Float32Array.from(model.positions, (value, i) => value + 100 * ((i % 3) + 1));
  const text = formatMovedModel(model, moved, 'out.cif');
  const expected = cif
    .replace('1.000 2.000 3.000', '101.000 202.000 303.000')
    .replace('-4.5 5.5\n-6.5', '95.500 205.500\n293.500')
    .replace('7 8 9 2', '107.000 208.000 309.000 2')
    .replace(`\nATOM 1 C "C1'" ALA A 1 1 2 3 1 A . 2`, '');
  assert.equal(text, expected);
  const back = await readModel(file('moved.cif', text));
  assert.deepEqual(back.positions, moved);
  assert.deepEqual(back.names, model.names);
});

const pdb = [
  'HEADER    TEST                                    01-JAN-00   1ABC',
  'REMARK   1 KEPT',
  'MODEL        1',
  'ATOM      1  N   ALA A   2       1.000   2.000   3.000  1.00 10.00           N  ',
  'ANISOU    1  N   ALA A   2      100    100    100      0      0      0       N  ',
  "HETATM    2  O1' LIG A 301      -4.000   5.000   6.500  0.50 20.00           O1-",
  'ENDMDL',
  'MODEL        2',
  'ATOM      1  N   ALA A   2      10.000   2.000   3.000  1.00 10.00           N  ',
  'ENDMDL',
  'END',
  '',
].join('\n');

test('only the coordinates change in a PDB file, and later models are left out', async () => {
  const model = await readModel(file('a.pdb', pdb));
  const text = formatMovedModel(model, Float32Array.of(-10.5, 0, 123.4567, 1, 2, 3), 'out.pdb');
  const lines = pdb.split('\n');
  assert.deepEqual(text.split('\n'), [
    ...lines.slice(0, 3),
    'ATOM      1  N   ALA A   2     -10.500   0.000 123.457  1.00 10.00           N  ',
    "HETATM    2  O1' LIG A 301       1.000   2.000   3.000  0.50 20.00           O1-",
    ...lines.slice(6, 7),
    ...lines.slice(10),
  ]);
});

test('a PDB file becomes an mmCIF file that holds the same atoms at the new places', async () => {
  const model = await readModel(file('b.pdb', pdb));
  const moved = Float32Array.of(-10.5, 0, 123.5, 1, 2, 3);
  const back = await readModel(file('b.cif', formatMovedModel(model, moved, 'b.CIF')));
  assert.equal(back.format, 'mmcif');
  for (const key of ['names', 'elements', 'residues', 'residueNumbers', 'authChains', 'labelChains'] as const)
    assert.deepEqual(back[key], model[key], key);
  assert.deepEqual(back.positions, moved);
});

test('a single atom written as names and values instead of a loop is moved as well', async () => {
  const single =
    'data_one\n_atom_site.id 1\n_atom_site.type_symbol ZN\n_atom_site.label_atom_id ZN\n_atom_site.label_comp_id ZN\n_atom_site.label_asym_id A\n_atom_site.auth_seq_id 1\n_atom_site.Cartn_x 1\n_atom_site.Cartn_y 2\n_atom_site.Cartn_z 3\n';
  const model = await readModel(file('single.cif', single));
  const back = await readModel(file('single-moved.cif', formatMovedModel(model, Float32Array.of(4, 5, 6), 'x.cif')));
  assert.deepEqual([...back.positions], [4, 5, 6]);
});

test('what a format cannot hold is refused with the cure', async () => {
  const model = await readModel(file('c.cif', cif));
  const old = await readModel(file('c.pdb', pdb));
  const refused = (run: () => string, pattern: RegExp) =>
    assert.throws(run, (error: Error) => error instanceof InputError && pattern.test(error.message));
  refused(() => formatMovedModel(model, model.positions, 'out.pdb'), /out\.pdb.*name ending in \.cif/);
  refused(() => formatMovedModel(model, model.positions, 'out.xyz'), /\.cif or \.pdb/);
  refused(() => formatMovedModel(old, Float32Array.of(123456, 0, 0, 0, 0, 0), 'out.pdb'), /atom 1 .* name ending in \.cif/);
  assert.throws(() => formatMovedModel(model, new Float32Array(3), 'out.cif'), /3 coordinates for 3 atoms/);
});
