// `limber motions` as a user runs it, on a run whose arms turn by known angles.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { makeProject } from '../service/small-project.js';
import { COUNT, HINGES, hingedModel, inArm, makeHingedRun, RESTING, turned } from '../training/motions/hinged-run.js';
import { limber } from './limber-process.js';

function hinged(t: TestContext, halves: number | null = null) {
  const { folder, project } = makeProject(t);
  writeFileSync(join(folder, 'model.pdb'), hingedModel());
  return { folder, run: makeHingedRun(project, 'hinged', halves) };
}

const motions = (folder: string, ...args: string[]) => limber(['motions', 'project', '--run', 'hinged', ...args], folder);
const rowsOf = (file: string) =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => line.split('\t'));

interface Turn {
  region: string;
  angleDegrees: number;
  axis: number[];
}

test('between two points a region of residues turns by the angle that was put in, and the words say so', t => {
  const { folder } = hinged(t);
  const { status, stdout, stderr } = motions(folder, '--residues', 'B:1-20', '--between', '0,0:1,0');
  assert.deepEqual([status, stderr], [0, '']);
  assert.match(stdout, /from \(0,0\) to \(1,0\):/);
  assert.match(
    stdout,
    /B:1-20 turns by 8\.2° about \([^)]*1[^)]*\) through \(80\.0, [\d.]+, 2[56]\.\d\) Å, its centre goes \d\.\d\d Å; 0\.\d\d Å are not rigid/,
  );
});

test('two regions give their own motions, together and apart, told and written alike', t => {
  const { folder, run } = hinged(t);
  const { events, status, stderr } = motions(folder, '--residues', 'B:1-20', '--residues', 'C', '--count', '1', '--json');
  assert.deepEqual([status, stderr], [0, '']);
  const done = events().at(-1) as {
    regions: { region: string; file: string; motions: object[] }[];
    together: { step: number[]; outsideAngstrom: number; regions: (Turn & { insideAngstrom: number })[] };
    apart: { step: number[] };
    between: { from: number[]; regions: Turn[] };
    files: string[];
  };
  assert.deepEqual(
    done.regions.map(({ region, file }) => [region, file]),
    [
      ['B:1-20', join(run.path, 'motions', 'B_1-20.tsv')],
      ['C', join(run.path, 'motions', 'C.tsv')],
    ],
  );
  assert.equal(done.files[2], join(run.path, 'motions', 'B_1-20+C.tsv'));
  const [header, together, apart] = rowsOf(done.files[2]);
  assert.equal(header.slice(0, 5).join(), 'motion,z0,z1,outsideAngstrom,insideAngstrom1');
  assert.equal(header.length, together.length);
  assert.equal(together[0], 'together');
  assert.deepEqual(together.slice(1, 5).map(Number), [
    ...done.together.step,
    done.together.outsideAngstrom,
    done.together.regions[0].insideAngstrom,
  ]);
  assert.deepEqual(apart.slice(1, 3).map(Number), done.apart.step);
  // Without --between it is from end to end of the particles' first component: z0 from about −0.96 to 0.96.
  assert.ok(Math.abs(Math.abs(done.between.from[0]) - 0.96) < 0.03);
  assert.ok(Math.abs(done.between.regions[0].angleDegrees - 2 * 0.96 * HINGES[0].degrees) < 0.6, `${done.between.regions[0].angleDegrees}`);
});

test("every Gaussian's displacement is written in Å, with its error where halves were compared", t => {
  const { folder } = hinged(t, 0.6);
  const { status, stderr } = motions(folder, '--between', '0,0:1,0', '--displacements', 'all.tsv');
  assert.deepEqual([status, stderr], [0, '']);
  const [header, ...rows] = rowsOf(join(folder, 'all.tsv'));
  assert.equal(header.join(' '), 'x y z dx dy dz length error');
  assert.equal(rows.length, COUNT);
  rows.forEach((row, i) => {
    const numbers = row.map(Number);
    const place = RESTING.slice(3 * i, 3 * i + 3);
    const moved = inArm(0)[i] ? turned(place, HINGES[0]) : place;
    // Four decimals; places are float32.
    for (const k of [0, 1, 2]) {
      assert.ok(Math.abs(numbers[k] - place[k]) < 2e-4);
      assert.ok(Math.abs(numbers[3 + k] - (moved[k] - place[k])) < 2e-4);
    }
    assert.ok(Math.abs(numbers[6] - Math.hypot(...numbers.slice(3, 6))) < 2e-4);
    assert.ok(numbers[7] >= 0 && numbers[7] < 0.4);
  });
});

test('what cannot be measured is refused in one line with the wrong value and the cure', t => {
  const { folder } = hinged(t);
  for (const [args, message] of [
    [['--residues', 'D:1-5'], /no atom of .*model\.pdb; its chains are A, B, C/],
    [['--residues', 'B:9-2'], /"B:9-2" ends before it begins/],
    [['--residues', 'B;C'], /"B;C" is no chain and residue range; write e\.g\. A:331-527/],
    [['--residues', 'A,B,C'], /60\.0 of the model's 60 Gaussians stand for these atoms/],
    [['--residues', 'B', '--residues', 'B'], /another region is called B as well/],
    [['--between', '0,0'], /--between 0,0: give two points, as 0,0:1,0/],
    [['--between', '0:1'], /the run has 2 latent coordinates/],
    [['--displacements', 'none/all.tsv'], /none.* does not exist; make it first/],
  ] as const) {
    const { status, stderr } = motions(folder, ...args);
    assert.equal(status, 2, stderr);
    assert.match(stderr, /^limber: [^\n]+\n$/);
    assert.match(stderr, message);
  }
});
