// The table of a path: latent coordinates first, and nothing said where few particles speak.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatPath } from '../../daemon/formats/path-table.js';

test('a row a point with its coordinates first, and nan for a free energy that too few particles support', () => {
  const text = formatPath(
    {
      dims: 2,
      points: [0, 1, 0.5, -1],
      lengths: [0, 2.5],
      populations: [12, 3],
      freeEnergy: [0, 2],
      standardError: [0.1, 0.6],
      support: [100, 2.75],
      bandwidth: 0.25,
    },
    10,
  );
  assert.equal(
    text,
    'z0\tz1\tlength\tparticles\tfreeEnergy\tstandardError\tsupport\tbandwidth\n' +
      '0\t1\t0\t12\t0\t0.1\t100\t0.25\n' +
      '0.5\t-1\t2.5\t3\tnan\tnan\t2.75\t0.25\n',
  );
});
