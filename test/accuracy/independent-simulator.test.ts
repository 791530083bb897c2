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
import { readModel } from '../../daemon/models/read-model.js';
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

test('the bound of poses, of a slide and of a trimer, is what they are wrong by where images say nothing, and nothing where they say all', {
  skip: missing ?? false,
}, () => {
  for (const [kind, perState] of [
    ['linear', '10'],
    ['trimer', '9'],
  ]) {
    const poses = (noise: string) => {
      const made = join(folder, `${kind}-noise-${noise}`);
      const flags = ['--kind', kind, '--noise', noise, '--per-state', perState, '--oracle', '100', '--turned', '3', '--moved', '2'];
      execFileSync('python3', [INDEPENDENT_PROGRAM, made, ...flags]);
      return JSON.parse(readFileSync(join(made, 'truth.json'), 'utf8')).oracle.poses as { degrees: number; pixels: number };
    };
    const [blind, clear] = [poses('1e6'), poses('1e-6')];
    // Medians of 2,000 drawn lengths: good to three per cent.
    assert.ok(Math.abs(blind.degrees / 3 - 1) < 0.06 && Math.abs(blind.pixels / 2 - 1) < 0.06, `${kind}: ${JSON.stringify(blind)}`);
    assert.ok(clear.degrees < 0.01 && clear.pixels < 0.01, `${kind}: ${JSON.stringify(clear)}`);
  }
});

test('map, focus and model of a molecule with a turning piece lie in one frame, and the images of a trimer fit its map in all orientations that symmetry makes equal', {
  skip: missing ?? false,
}, async () => {
  // The leaning block is a chain of its own, the domain the first residues of one.
  for (const [kind, chain, last] of [
    ['assembly', 'C', Number.POSITIVE_INFINITY],
    ['trimer', 'A', 36],
  ] as const) {
    const made = join(folder, kind);
    execFileSync('python3', [INDEPENDENT_PROGRAM, made, '--kind', kind, '--noise', '0', '--per-state', '4', '--oracle', '10']);
    const [map, focus] = ['consensus.mrc', 'focus.mrc'].map(name => readMap(join(made, name)));
    const model = await readModel(join(made, 'model.pdb'));
    const at = (data: Float32Array, i: number) => {
      const [x, y, z] = [0, 1, 2].map(k => Math.round(model.positions[3 * i + k] / map.voxelSizeAngstrom[k]));
      return data[(z * map.size[1] + y) * map.size[0] + x];
    };
    const isTurning = (i: number) => model.authChains[i] === chain && model.residueNumbers[i] <= last;
    const atoms = [...model.residueNumbers.keys()];
    // An atom lies within half a voxel's diagonal of the one that is looked at: 0.9 pixels of σ 1.7.
    assert.ok(atoms.filter(isTurning).every(i => at(focus.data, i) > 0.9));
    assert.ok(atoms.filter(i => !isTurning(i)).filter(i => at(focus.data, i) > 0.5).length < atoms.length / 10);
    const inside = atoms.map(i => at(map.data, i));
    // Voxels that a random place would have: most of the box is empty.
    const mean = map.data.reduce((sum, value) => sum + value / map.data.length, 0);
    assert.ok(
      inside.every(value => value > 3 * mean),
      `${Math.min(...inside)} and ${mean}`,
    );
    const particles = readParticles(join(made, 'particles.star'));
    try {
      const rings = computingRings(particles.boxSize, particles.pixelSizeAngstrom, 16);
      const projector = new MapProjector(map, { boxLengthAngstrom: particles.boxSize * particles.pixelSizeAngstrom });
      const { correlation } = detectContrast(particles, projector, rings);
      assert.ok(correlation > 0.9, `${kind}: ${correlation}`);
    } finally {
      particles.close();
    }
  }
});
