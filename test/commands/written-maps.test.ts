// A series of maps on disk: what makes them comparable voxel by voxel.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { finishSeries, numberedFile, writeReconstruction } from '../../daemon/commands/written-maps.js';
import type { DensityMap } from '../../daemon/formats/density-map.js';
import { readMap } from '../../daemon/formats/mrc.js';
import { lowPass } from '../../daemon/maps/filter.js';
import { Random } from '../../daemon/numerics/random.js';

const folder = mkdtempSync(join(tmpdir(), 'limber-series-'));
after(() => rmSync(folder, { recursive: true }));

const BOX = 16;

/** A ball of density 1 with noise of the given strength. */
function ball(seed: number, noise: number): DensityMap {
  const random = new Random(seed);
  const data = Float32Array.from({ length: BOX ** 3 }, (_, i) => {
    const place = [i % BOX, Math.floor(i / BOX) % BOX, Math.floor(i / BOX ** 2)];
    return (Math.hypot(...place.map(n => n - BOX / 2)) < 4 ? 1 : 0) + noise * random.normal();
  });
  return { size: [BOX, BOX, BOX], voxelSizeAngstrom: [2, 2, 2], originAngstrom: [0, 0, 0], data };
}

test('maps of a series that showed different detail are filtered alike, and one contour encloses the molecule in all', () => {
  const output = join(folder, 'film.mrc');
  const notes: string[] = [];
  const made = [1, 2].map(seed => ({ map: ball(seed, 0.02), halves: null, counts: [10] }));
  // The second was seen to 8 Å only.
  const maps = made.map((reconstruction, i) => writeReconstruction(numberedFile(output, i + 1), reconstruction, null, [4.5, 8][i]));
  const { contour, script } = finishSeries(output, maps, line => notes.push(line));
  assert.deepEqual(
    maps.map(({ filteredAngstrom }) => filteredAngstrom),
    [8, 8],
  );
  const expected = made.map(({ map }, i) => (i === 0 ? lowPass(lowPass(map, 4.5), 8) : lowPass(map, 8)));
  for (const [i, { file }] of maps.entries()) {
    const { data } = readMap(file);
    data.forEach((value, v) => {
      assert.ok(Math.abs(value - expected[i].data[v]) < 1e-5);
    });
    const centre = (BOX / 2) * (1 + BOX + BOX ** 2);
    assert.ok(data[centre] > contour && data[0] < contour, `map ${i + 1}, contour ${contour}`);
  }
  assert.ok(existsSync(script));
  assert.equal(notes.length, 0);
  // A shorter series under the same name leaves the last of the longer one, which would be played with it.
  finishSeries(output, maps.slice(0, 1), line => notes.push(line));
  assert.match(notes[0], /film_002\.mrc is of an earlier, longer series/);
});

test('half-maps stay unfiltered, and the map is filtered to where they agree', () => {
  const halves = [ball(3, 0.4), ball(4, 0.4)] as [DensityMap, DensityMap];
  const map = { ...halves[0], data: halves[0].data.map((value, i) => (value + halves[1].data[i]) / 2) };
  const file = join(folder, 'one.mrc');
  const written = writeReconstruction(file, { map, halves, counts: [5, 5] }, null, null);
  assert.deepEqual(readMap(join(folder, 'one_half2.mrc')).data, halves[1].data);
  assert.ok(written.resolutionAngstrom! > 4.04 && written.resolutionAngstrom! < written.resolutionAtHalfAngstrom!);
  assert.equal(written.filteredAngstrom, written.resolutionAngstrom);
  assert.deepEqual(readMap(file).data, lowPass(map, written.resolutionAngstrom!).data);
});
