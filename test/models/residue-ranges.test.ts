// Residues as people write them, against a list made by hand.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseResidueRanges } from '../../daemon/models/residue-ranges.js';

test('chains, single residues and ranges, negative numbers among them, mean what they say', () => {
  const all = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (const [text, wanted] of [
    ['A:331-527', [['A', 331, 527]]],
    [
      'A:12, B',
      [
        ['A', 12, 12],
        ['B', ...all],
      ],
    ],
    [
      'Ba:-5--1,7:-3-4',
      [
        ['Ba', -5, -1],
        ['7', -3, 4],
      ],
    ],
  ] as const)
    assert.deepEqual(
      parseResidueRanges(text, '--residues').map(({ chain, first, last }) => [chain, first, last]),
      wanted,
    );
});

test('anything else is refused with the piece that is wrong', () => {
  for (const text of ['', 'A:', 'A:1-', 'A:1-2-3', 'A:x', 'A:1;B', 'A:5-4', 'A,'])
    assert.throws(() => parseResidueRanges(text, '--residues'), { name: 'InputError', message: /^--residues / });
});
