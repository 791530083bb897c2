// The rings and the box that a resolution asks for, against their definitions.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputError } from '../../daemon/formats/input-error.js';
import { computingRings, defaultResolution } from '../../daemon/particles/computing-box.js';

test('ring k lies at box / k Å, so the last ring is the one nearest to the resolution', () => {
  assert.equal(computingRings(64, 4, 16).rings, 16);
  assert.equal(computingRings(64, 4, 17).rings, 15);
  assert.equal(computingRings(100, 2.5, 25).rings, 10);
});

test('no ring lies beyond what the images hold: the Nyquist ring is left out, where the sign of a sine is lost, in even and odd boxes', () => {
  for (const box of [32, 33, 64, 65]) {
    const { rings, boxSize } = computingRings(box, 1, 0.5);
    assert.equal(rings, Math.floor((box - 1) / 2));
    assert.equal(boxSize, box + (box % 2));
  }
});

test('the computing box holds the rings with room for the alias of a drawn Gaussian, is even, has no prime factor above 5, and is never larger than the images need', () => {
  for (const box of [24, 48, 65, 100, 256, 511]) {
    for (const resolution of [2.2, 3, 5, 8, 12]) {
      const { boxSize, rings } = computingRings(box, 1, resolution);
      assert.ok(boxSize <= box + (box % 2));
      // A Gaussian's transform folds at boxSize; the fold of the finest ring lies at boxSize − rings, beyond it.
      assert.ok(boxSize >= 2 * rings + 2);
      if (boxSize < box) {
        assert.ok(boxSize >= 2.3 * rings, `${boxSize} for ${rings} rings`);
        assert.equal(boxSize % 8, 0);
        let rest = boxSize;
        for (const factor of [2, 3, 5]) while (rest % factor === 0) rest /= factor;
        assert.equal(rest, 1);
      }
    }
  }
});

test('a resolution that leaves fewer than two rings is refused with the coarsest that would do', () => {
  assert.throws(
    () => computingRings(64, 2, 100),
    (error: Error) => error instanceof InputError && /--resolution 100 Å.*128 Å.*finer than 43 Å/.test(error.message),
  );
  // What it offers works.
  assert.ok(computingRings(64, 2, 42).rings >= 2);
});

test('the default resolution is three pixels, which any box can hold, and never finer than 8 Å', () => {
  assert.equal(defaultResolution(13.1), 3 * 13.1);
  assert.equal(defaultResolution(1), 8);
  assert.ok(computingRings(64, 4, defaultResolution(4)).rings < 32);
});
