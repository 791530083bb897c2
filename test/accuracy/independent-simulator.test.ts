// Our reading of orientations, shifts and CTF against images that another program drew by RELION's conventions alone.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readMap } from '../../daemon/formats/mrc.js';
import { detectContrast } from '../../daemon/maps/contrast.js';
import { MapProjector } from '../../daemon/maps/project-map.js';
import { computingRings } from '../../daemon/particles/computing-box.js';
import type { ParticleSet } from '../../daemon/particles/particle-set.js';
import { readParticles } from '../../daemon/particles/read-particles.js';
import { INDEPENDENT_PROGRAM, missingForIndependent } from './simulators.js';

const missing = missingForIndependent();
const folder = mkdtempSync(join(tmpdir(), 'limber-independent-'));
after(() => rmSync(folder, { recursive: true }));

test("the other program's noise-free images agree with its map, and with every convention the wrong way round they agree less", {
  skip: missing ?? false,
}, () => {
  const flags = ['--kind', 'linear', '--noise', '0', '--ctf', '--shifts', '3', '--per-state', '3', '--oracle', '20'];
  execFileSync('python3', [INDEPENDENT_PROGRAM, folder, ...flags]);
  const particles = readParticles(join(folder, 'particles.star'));
  try {
    const rings = computingRings(particles.boxSize, particles.pixelSizeAngstrom, 16);
    const projector = new MapProjector(readMap(join(folder, 'consensus.mrc')), {
      boxLengthAngstrom: particles.boxSize * particles.pixelSizeAngstrom,
    });
    const agreement = (set: ParticleSet) => detectContrast(set, projector, rings).correlation;
    const right = agreement(particles);
    // The domain that moves, a twelfth of the mass, and what the CTF leaves of each ring are between this and 1.
    assert.ok(right > 0.7, `${right}`);
    const wrong: [string, Partial<ParticleSet>][] = [
      ['shifts', { shiftsPixels: particles.shiftsPixels.map(shift => -shift) }],
      ['rotations', { rotations: particles.rotations.map((_, i, all) => all[i - (i % 9) + 3 * (i % 3) + (Math.floor(i / 3) % 3)]) }],
      [
        'defocus',
        {
          ctf: particles.ctf!.map(
            ctf => ctf && { ...ctf, defocusUAngstrom: -ctf.defocusUAngstrom, defocusVAngstrom: -ctf.defocusVAngstrom },
          ),
        },
      ],
    ];
    for (const [convention, change] of wrong) {
      const worse = agreement({ ...particles, ...change, readImage: (i, out) => particles.readImage(i, out) });
      assert.ok(worse < right - 0.1, `${convention}: ${worse} against ${right}`);
    }
    const { truth, oracle } = JSON.parse(readFileSync(join(folder, 'truth.json'), 'utf8'));
    assert.equal(truth.position.length, particles.count);
    // Without noise only views along the slide hide the state.
    assert.ok(oracle.rankCorrelation > 0.99, `${oracle.rankCorrelation}`);
  } finally {
    particles.close();
  }
});
