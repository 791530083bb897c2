// Gaussians as text, as pseudo-atoms and as arrows.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCifText } from 'molstar/lib/commonjs/mol-io/reader/cif/text/parser.js';
import { InputError } from '../../daemon/formats/input-error.js';
import { displacements, formatBild } from '../../daemon/gaussians/displacement.js';
import { formatGaussians, type GaussianSet, parseGaussians } from '../../daemon/gaussians/gaussian-set.js';
import { formatGaussiansCif } from '../../daemon/gaussians/gaussians-cif.js';

const set: GaussianSet = {
  count: 3,
  positions: Float32Array.of(1.25, -20.5, 300.125, 0, 0.001, -0.5, 7, 8, 9),
  amplitudes: Float32Array.of(0.5, 0.25, 0.123456),
  sigmas: Float32Array.of(2.5, 1, 3.75),
};

test('Gaussians written as text are read back the same, to the seven digits of single precision', () => {
  const back = parseGaussians(formatGaussians(set), 'a.txt');
  assert.deepEqual(back, set);
});

test('a bad line is refused with file, line, value and cure', () => {
  const bad = (text: string, pattern: RegExp) =>
    assert.throws(
      () => parseGaussians(text, 'g.txt'),
      (error: Error) => error instanceof InputError && pattern.test(error.message) && !error.message.includes('\n'),
    );
  bad('# x\n1 2 3 0.5 2\n1 2 x 0.5 2\n', /^g\.txt:3: "1 2 x 0\.5 2".*five numbers/);
  bad('1 2 3 0.5\n', /^g\.txt:1:/);
  bad('1 2 3 0.5 -2\n', /sigma is -2.*positive/);
  bad('# nothing\n\n', /no Gaussian/);
});

test('pseudo-atoms carry place, amplitude and width: an independent mmCIF reader gets them back, B = 8π²σ²', async () => {
  const parsed = await parseCifText(formatGaussiansCif(set, 'state 1')).run();
  assert.ok(!parsed.isError);
  const atoms = parsed.result.blocks[0].categories.atom_site;
  assert.equal(atoms.rowCount, 3);
  for (let i = 0; i < 3; i++) {
    assert.ok(Math.abs(atoms.getField('Cartn_z')!.float(i) - set.positions[3 * i + 2]) <= 5e-4);
    assert.ok(Math.abs(atoms.getField('occupancy')!.float(i) - set.amplitudes[i]) <= 5e-5);
    const sigma = Math.sqrt(atoms.getField('B_iso_or_equiv')!.float(i) / (8 * Math.PI ** 2));
    assert.ok(Math.abs(sigma - set.sigmas[i]) < 1e-3);
  }
});

test('arrows begin at the first state, point along the displacement, are as long as scale says, and the cutoff drops the rest', () => {
  const to = { ...set, positions: set.positions.slice() };
  to.positions[0] += 3;
  to.positions[4] += 0.2;
  to.positions[8] -= 1;
  assert.ok(displacements(set, to).every((value, i) => Math.abs(value - [3, 0, 0, 0, 0.2, 0, 0, 0, -1][i]) < 1e-6));
  const lines = formatBild(set, to, { scale: 2, cutoffAngstrom: 0.5 }).split('\n');
  const arrows = lines.filter(line => line.startsWith('.arrow')).map(line => line.split(' ').slice(1, 7).map(Number));
  assert.deepEqual(arrows, [
    [1.25, -20.5, 300.125, 7.25, -20.5, 300.125],
    [7, 8, 9, 7, 8, 7],
  ]);
  const colours = lines.filter(line => line.startsWith('.color')).map(line => line.split(' ').slice(1).map(Number));
  assert.deepEqual(colours[0], [1, 0, 0], 'the longest is red');
  assert.ok(colours[1][2] === 1 && colours[1][0] < 1, 'a short one is towards blue');
});

test('a model that does not move gives no arrow, and sets of unlike sizes are not states of one model', () => {
  assert.ok(!formatBild(set, set, { cutoffAngstrom: 0 }).includes('.arrow'));
  assert.throws(() => displacements(set, { ...set, count: 2 }), /not states of one model/);
});
