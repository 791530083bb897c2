// `limber path` as a user runs it: between clusters, along a line, its table, and what it says where there is no path.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Random } from '../../daemon/numerics/random.js';
import { ProjectFolder } from '../../daemon/project/project-folder.js';
import { writeClusters } from '../../daemon/project/run-analyses.js';
import { runSettings } from '../service/small-project.js';
import { limber } from './limber-process.js';

const scratch = mkdtempSync(join(tmpdir(), 'limber-path-'));
after(() => rmSync(scratch, { recursive: true }));

/** A bent band in clusters 1 (left half) and 2, and an island, 3. */
const PARTICLES = 1200;

before(() => {
  const made = limber(['demo', 'demo', '--kind', 'linear', '--particles', '16'], scratch);
  assert.equal(made.status, 0, made.stderr);
  const run = ProjectFolder.open(join(scratch, 'demo')).run('first');
  run.writeSettings(runSettings('first', { particles: PARTICLES }));
  const random = new Random(1);
  const particle = Uint32Array.from({ length: PARTICLES }, (_, i) => i + 1);
  const cluster = Uint32Array.from(particle, i => (i <= 500 ? 1 : i <= 1000 ? 2 : 3));
  const z = Float32Array.from(
    [...cluster].flatMap(label => {
      const angle = (label - 1) * (Math.PI / 2) + (Math.PI / 2) * random.uniform();
      const [x, y] = label === 3 ? [0, -20] : [-2 * Math.cos(angle), 2 * Math.sin(angle)];
      return [x + 0.1 * random.normal(), y + 0.1 * random.normal()];
    }),
  );
  run.writeLatents({ count: PARTICLES, dims: 2, particle, z, frc: new Float32Array(PARTICLES).fill(0.5) });
  writeClusters(run, particle, cluster);
});

const path = (...options: string[]) => limber(['path', 'demo', '--run', 'first', ...options], scratch);

test('between two clusters the path is written to the run, coordinates first, and a person sees a bar for each point and the bandwidth', () => {
  const { status, stdout, stderr } = path('--from-cluster', '1', '--to-cluster', '2', '--points', '6');
  assert.deepEqual([status, stderr], [0, '']);
  const file = join(scratch, 'demo', 'runs', 'first', 'paths', 'cluster1-cluster2.tsv');
  const [header, ...rows] = readFileSync(file, 'utf8').trimEnd().split('\n');
  assert.equal(header, 'z0\tz1\tlength\tparticles\tfreeEnergy\tstandardError\tsupport\tbandwidth');
  assert.equal(rows.length, 6);
  for (const row of rows) {
    const [x, y] = row.split('\t').map(Number);
    assert.ok(Math.abs(Math.hypot(x, y) - 2) < 0.3);
  }
  assert.match(stdout, /through dense regions, .* long \(.* straight\)/);
  assert.equal(stdout.match(/█+\n/g)?.length, 6);
  assert.match(stdout, /blurred by .* % of the path/);
  assert.match(stdout, /free energy in kT only as far as/);
});

test('along a straight line across the gap, JSON has null where too few particles say anything, and the file goes where it is asked for', () => {
  const { status, stderr, events } = path('--line', '-2,0:2,0', '--points', '9', '--reach', '0.4', '-o', 'line.tsv', '--json');
  assert.deepEqual([status, stderr], [0, '']);
  const done = events().at(-1) as unknown as {
    event: string;
    shape: string;
    freeEnergy: (number | null)[];
    populations: number[];
    reach: number;
  };
  assert.deepEqual([done.event, done.shape, done.freeEnergy[4], done.populations[4], done.reach], ['done', 'line', null, 0, 0.4]);
  assert.equal(typeof done.freeEnergy[0], 'number');
  assert.match(readFileSync(join(scratch, 'line.tsv'), 'utf8'), /\tnan\tnan\t/);
});

test('wrong ends are told in one line with the cure, and nothing is written', () => {
  const cases: [string[], RegExp][] = [
    [['--from', '0,2', '--to-cluster', '3'], /no chain of neighbouring particles joins the two ends.*--line/],
    [['--from', '0,2'], /no end given; take one of --to z0,z1,… and --to-cluster K/],
    [['--from', '0,2', '--from-cluster', '1', '--to', '2,0'], /two ends given; take one of --from/],
    [['--from', '0', '--to', '2,0'], /--from 0: the run has 2 latent coordinates/],
    [['--from-cluster', '7', '--to', '2,0'], /--from-cluster 7: run "first" has clusters 1 to 3/],
    [['--from', '0,2', '--to', '0,2'], /both ends are nearest to the same particle/],
    [['--line', '0,2:0,2'], /both ends are the same point/],
    [['--line', '0,2:2,0', '--to', '1,1'], /has both ends; leave out/],
    [['--line', '0,2', '--points', '3'], /give two points, as 0,0:1,0/],
  ];
  for (const [options, message] of cases) {
    const { status, stdout, stderr } = path(...options);
    assert.equal(status, 2, `${options} ${stderr}`);
    assert.equal(stdout, '');
    assert.match(stderr, /^limber: [^\n]*\n$/);
    assert.match(stderr, message);
  }
  assert.ok(!existsSync(join(scratch, 'demo', 'runs', 'first', 'paths', 'path.tsv')));
});
