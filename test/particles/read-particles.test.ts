// Particle sets: RELION's conventions against images that RELION made, and every kind of wrong input against its one clear line.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { InputError } from '../../daemon/formats/input-error.js';
import { createStackWriter, readMap } from '../../daemon/formats/mrc.js';
import type { ParticleSet } from '../../daemon/particles/particle-set.js';
import { readParticles, writeParticleSubset } from '../../daemon/particles/read-particles.js';

const folder = mkdtempSync(join(tmpdir(), 'limber-particles-'));
after(() => rmSync(folder, { recursive: true }));
const shared = join('..', 'shared', 'data');
const skip = existsSync(shared) ? false : `${shared} is not there`;

// --- Against RELION's own images -------------------------------------------------------------------------------------------------

/** Value of a 65³ map between its voxels, 0 outside. */
function trilinear(data: Float32Array, n: number, x: number, y: number, z: number): number {
  const [i, j, k] = [Math.floor(x), Math.floor(y), Math.floor(z)];
  let sum = 0;
  for (let corner = 0; corner < 8; corner++) {
    const [a, b, c] = [corner & 1, (corner >> 1) & 1, corner >> 2];
    const [u, v, w] = [i + a, j + b, k + c];
    if (u < 0 || v < 0 || w < 0 || u >= n || v >= n || w >= n) continue;
    sum += data[(w * n + v) * n + u] * (a ? x - i : 1 - x + i) * (b ? y - j : 1 - y + j) * (c ? z - k : 1 - z + k);
  }
  return sum;
}

/**
 * Rotate and sum, straight from method.md: P(x, y) = Σ_z V(Aᵀ(x, y, z)), the stored image being P moved by −shift (round the edges, as these
 * were made). `centre`: voxel the map turns about. The 64 px images show the field of the 65 px map, so a pixel is 65/64 voxels.
 */
function naiveProjection(map: Float32Array, particles: ParticleSet, i: number, centre: number): Float32Array {
  const [n, box] = [65, particles.boxSize];
  const a = particles.rotations.subarray(9 * i, 9 * i + 9);
  const [shiftX, shiftY] = particles.shiftsPixels.subarray(2 * i, 2 * i + 2);
  const wrap = (pixel: number) => ((pixel % box) + box) % box;
  const image = new Float32Array(box * box);
  for (let row = 0; row < box; row++) {
    for (let column = 0; column < box; column++) {
      const x = (wrap(column + shiftX) - box / 2) * (n / box);
      const y = (wrap(row + shiftY) - box / 2) * (n / box);
      for (let z = -32; z <= 32; z++) {
        const [vx, vy, vz] = [0, 1, 2].map(axis => a[axis] * x + a[3 + axis] * y + a[6 + axis] * z + centre);
        image[row * box + column] += trilinear(map, n, vx, vy, vz);
      }
    }
  }
  return image;
}

function correlation(a: Float32Array, b: Float32Array): number {
  const mean = (v: Float32Array) => v.reduce((sum, x) => sum + x, 0) / v.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += (a[i] - meanA) * (b[i] - meanB);
    aa += (a[i] - meanA) ** 2;
    bb += (b[i] - meanB) ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}

for (const [name, centre, why] of [
  ['rln_proj_64_centered', 32, 'turned about voxel 65//2'],
  ['rln_proj_64_shifted', 32, 'the same, moved by up to 13 pixels'],
  // Cropping the transform from 65 to 64 keeps voxel 0 in place, so pixel 64//2 = 32 of the small map is voxel 32 · 65/64 = 32.5 of the large one.
  ['rln_proj_64', 32.5, 'made of the map after it was brought to 64 voxels'],
] as const) {
  test(`${name} (${why}): a naive rotate-and-sum with the rotations and shifts read here meets RELION's image above 0.998`, {
    skip,
  }, () => {
    const map = readMap(join(shared, 'relion', 'clean70SRibosome_vol_65p.mrc'));
    const particles = readParticles(join(shared, 'relion', `${name}.star`), name === 'rln_proj_64' ? { pixelSizeAngstrom: 5 } : {});
    const image = new Float32Array(64 * 64);
    for (let i = 0; i < particles.count; i++) {
      particles.readImage(i, image);
      const found = correlation(image, naiveProjection(map.data, particles, i, centre));
      // Trilinear against RELION's Fourier interpolation leaves about 0.001; a transposed matrix or an opposite shift gives below 0.8.
      assert.ok(found > 0.998, `image ${i + 1}: ${found}`);
    }
    particles.close();
  });
}

test('relion31.star: optics values, defocus, and Å shifts divided by the pixel size of 2.806 Å', { skip }, () => {
  const particles = readParticles(join(shared, 'relion', 'relion31.star'));
  assert.deepEqual([particles.count, particles.boxSize, particles.pixelSizeAngstrom], [5, 256, 2.806]);
  assert.ok(Math.abs(particles.shiftsPixels[1] - -0.64686 / 2.806) < 1e-6);
  assert.deepEqual(particles.ctf![1], {
    defocusUAngstrom: 12906.018499,
    defocusVAngstrom: 12643.518499,
    defocusAngleDegrees: -160.39,
    voltageKv: 300,
    sphericalAberrationMm: 0.01,
    amplitudeContrast: 0.1,
    phaseShiftDegrees: 0,
  });
  particles.close();
});

test('tomodrgn-10076: the missing folder ends in a line that gives the cure, the cure works, and 13.1 Å come from the lone detector pixel size', {
  skip,
}, () => {
  const file = join(shared, 'tomodrgn-10076', '10076_both_32_sim.star');
  refuses(() => readParticles(file), /data\/10076_classD_32_sim\.mrcs.*10076_both_32_sim\.star.*--images-dir/);
  const particles = readParticles(file, { imagesDir: join(shared, 'tomodrgn-10076') });
  assert.deepEqual([particles.count, particles.boxSize, particles.pixelSizeAngstrom], [1296, 32, 13.1]);
  assert.match(particles.notes.join(), /rlnDetectorPixelSize without rlnMagnification/);
  // The last row is image 720 of the second stack: its bytes are the last image of that file.
  const image = new Float32Array(1024);
  particles.readImage(1295, image);
  const bytes = readFileSync(join(shared, 'tomodrgn-10076', '10076_classE_32_sim.mrcs'));
  for (let i = 0; i < 1024; i++) assert.equal(image[i], bytes.readFloatLE(bytes.length - 4096 + 4 * i));
  particles.close();
});

// --- Against small files made here -----------------------------------------------------------------------------------------------

let made = 0;

interface Columns {
  [column: string]: string | number;
}

interface MadeSet {
  particles?: Columns[];
  optics?: Columns[] | null;
  block?: string;
  /** Name of the stack on disk, below the set's folder. */
  stack?: string;
  images?: number;
  box?: [number, number];
  stackPixelSize?: number;
  opticsLast?: boolean;
}

const particle: Columns = { rlnImageName: '000001@stack.mrcs', rlnAngleRot: 10, rlnAngleTilt: 20, rlnAnglePsi: 30, rlnOpticsGroup: 1 };
const opticsGroup: Columns = { rlnOpticsGroup: 1, rlnImagePixelSize: 2 };

function table(name: string, rows: Columns[]): string {
  const columns = Object.keys(rows[0]);
  return `data_${name}\n\nloop_\n${columns.map((column, i) => `_${column} #${i + 1}\n`).join('')}${rows.map(row => columns.map(column => row[column]).join(' ')).join('\n')}\n\n`;
}

/** A star file and a stack whose pixel p of image n is 100·n + p. */
function makeSet(set: MadeSet = {}): string {
  const place = join(folder, `set${made++}`);
  const stackPath = join(place, set.stack ?? 'stack.mrcs');
  mkdirSync(join(stackPath, '..'), { recursive: true });
  const [width, height] = set.box ?? [4, 4];
  const writer = createStackWriter(stackPath, width, height, set.stackPixelSize ?? 3);
  for (let n = 0; n < (set.images ?? 2); n++) writer.write(Float32Array.from({ length: width * height }, (_, p) => 100 * n + p));
  writer.close();
  const optics = set.optics === null ? '' : table('optics', set.optics ?? [opticsGroup]);
  const particles = table(set.block ?? 'particles', set.particles ?? [particle]);
  const file = join(place, 'particles.star');
  writeFileSync(file, set.opticsLast ? particles + optics : optics + particles);
  return file;
}

function refuses(action: () => unknown, expected: RegExp): void {
  assert.throws(action, (error: Error) => {
    assert.ok(error instanceof InputError, `${error.name}: ${error.stack}`);
    assert.match(error.message, expected);
    assert.ok(!error.message.includes('\n'), 'one line');
    return true;
  });
}

function reading<T>(file: string, options: Parameters<typeof readParticles>[1], use: (particles: ParticleSet) => T): T {
  const particles = readParticles(file, options);
  try {
    return use(particles);
  } finally {
    particles.close();
  }
}

test('images are counted from 1 in the file, and each row gets its own', () => {
  const rows = [2, 1, 2].map(n => ({ ...particle, rlnImageName: `${n}@stack.mrcs` }));
  reading(makeSet({ particles: rows }), {}, particles => {
    const image = new Float32Array(16);
    [1, 0, 1].forEach((n, row) => {
      particles.readImage(row, image);
      assert.deepEqual(
        [...image],
        Array.from({ length: 16 }, (_, p) => 100 * n + p),
      );
    });
  });
});

test('the optics block may come last, and a value in the particle row overrides that of its group', () => {
  const ctf = { rlnDefocusU: 10000, rlnSphericalAberration: 2.7, rlnAmplitudeContrast: 0.07 };
  const optics = [
    { ...opticsGroup, rlnOpticsGroup: 2, rlnVoltage: 200, rlnAmplitudeContrast: 0.1 },
    { ...opticsGroup, rlnOpticsGroup: 1, rlnVoltage: 300, rlnAmplitudeContrast: 0.1 },
  ];
  const rows = [1, 2].map(group => ({ ...particle, ...ctf, rlnOpticsGroup: group }));
  reading(makeSet({ particles: rows, optics, opticsLast: true }), {}, particles => {
    assert.deepEqual(
      particles.ctf!.map(p => p.voltageKv),
      [300, 200],
    );
    assert.deepEqual(
      particles.ctf!.map(p => p.amplitudeContrast),
      [0.07, 0.07],
    );
    // Without its own column, V is U.
    assert.deepEqual(
      particles.ctf!.map(p => p.defocusVAngstrom),
      [10000, 10000],
    );
  });
});

test('shifts: Å columns win over pixel columns and are divided by the pixel size, pixel columns are taken as they are', () => {
  const both = [{ ...particle, rlnOriginX: 7, rlnOriginY: 7, rlnOriginXAngst: 3, rlnOriginYAngst: -5 }];
  reading(makeSet({ particles: both }), {}, particles => assert.deepEqual([...particles.shiftsPixels], [1.5, -2.5]));
  const pixels = [{ ...particle, rlnOriginX: 7, rlnOriginY: -2 }];
  reading(makeSet({ particles: pixels }), {}, particles => assert.deepEqual([...particles.shiftsPixels], [7, -2]));
  // A calibrated pixel size does not move a particle: its Å were made with the file's own.
  reading(makeSet({ particles: both }), { pixelSizeAngstrom: 2.05 }, particles => {
    assert.deepEqual([...particles.shiftsPixels], [1.5, -2.5]);
    assert.equal(particles.pixelSizeAngstrom, 2.05);
  });
});

test('pixel size: 10⁴ · detector / magnification in the old dialect, then the stack header, each said where it is a guess', () => {
  const { rlnOpticsGroup: _, ...old } = particle;
  const detector = { ...old, rlnDetectorPixelSize: 5, rlnMagnification: 40000 };
  reading(makeSet({ particles: [detector], optics: null, block: '' }), {}, particles => assert.equal(particles.pixelSizeAngstrom, 1.25));
  reading(makeSet({ particles: [old], optics: null, block: 'images' }), {}, particles => {
    assert.equal(particles.pixelSizeAngstrom, 3);
    assert.match(particles.notes.join(), /header says 3 Å/);
  });
  reading(makeSet({ particles: [old], optics: null }), { pixelSizeAngstrom: 1.1 }, particles =>
    assert.equal(particles.pixelSizeAngstrom, 1.1),
  );
});

test('half-sets are 1 and 2, and 0 where the file does not say; the flags of phase flipping are read from the optics group', () => {
  const rows = [1, 2].map(half => ({ ...particle, rlnRandomSubset: half }));
  reading(makeSet({ particles: rows, optics: [{ ...opticsGroup, rlnCtfDataArePhaseFlipped: 1 }] }), {}, particles => {
    assert.deepEqual([...particles.halfSet], [1, 2]);
    assert.equal(particles.phaseFlipped, true);
    assert.equal(particles.ctfPremultiplied, false);
  });
  reading(makeSet(), {}, particles => assert.deepEqual([...particles.halfSet], [0]));
});

test('stacks are found above the star file (RELION names them from the project folder) and below --images-dir by ever shorter tails', () => {
  const named = [{ ...particle, rlnImageName: '1@Extract/job7/stack.mrcs' }];
  const project = makeSet({ particles: named, stack: 'Extract/job7/stack.mrcs' });
  const deeper = join(project, '..', 'Refine3D', 'job9');
  mkdirSync(deeper, { recursive: true });
  writeFileSync(join(deeper, 'run_data.star'), readFileSync(project));
  reading(join(deeper, 'run_data.star'), {}, particles => assert.equal(particles.count, 1));
  for (const stack of ['images/Extract/job7/stack.mrcs', 'images/job7/stack.mrcs', 'images/stack.mrcs']) {
    const file = makeSet({ particles: named, stack });
    reading(file, { imagesDir: join(file, '..', 'images') }, particles => assert.equal(particles.count, 1));
  }
});

test('two stacks of one name in different folders are not taken for one another', () => {
  const rows = ['a', 'b'].map(name => ({ ...particle, rlnImageName: `1@${name}/stack.mrcs` }));
  const file = makeSet({ particles: rows, stack: 'images/stack.mrcs' });
  refuses(() => readParticles(file, { imagesDir: join(file, '..', 'images') }), /a\/stack\.mrcs and b\/stack\.mrcs both lead to/);
});

test('more stacks than are kept open at once can be read in any order', () => {
  const rows = Array.from({ length: 150 }, (_, i) => ({ ...particle, rlnImageName: `1@stack${i}.mrcs` }));
  const file = makeSet({ particles: rows });
  const writeStack = (i: number) => {
    const writer = createStackWriter(join(file, '..', `stack${i}.mrcs`), 4, 4, 2);
    writer.write(new Float32Array(16).fill(i));
    writer.close();
  };
  rows.forEach((_, i) => void writeStack(i));
  const openFiles = () => (existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0);
  const before = openFiles();
  reading(file, {}, particles => {
    const image = new Float32Array(16);
    for (let i = 0; i < 450; i++) {
      const row = (i * 67) % 150;
      particles.readImage(row, image);
      assert.equal(image[5], row);
    }
    assert.ok(openFiles() <= before + 64);
  });
  assert.ok(openFiles() <= before, 'close gives every file back');
});

const without = (column: string): Columns => Object.fromEntries(Object.entries(particle).filter(([name]) => name !== column));

for (const [what, make, expected] of [
  [
    'no orientation',
    () => makeSet({ particles: [without('rlnAngleTilt')] }),
    /particles\.star: no column _rlnAngleTilt; .*consensus refinement/,
  ],
  ['no image names', () => makeSet({ particles: [without('rlnImageName')] }), /no column _rlnImageName/],
  [
    'an orientation that is not a number',
    () => makeSet({ particles: [{ ...particle, rlnAngleRot: 'nan' }] }),
    /line \d+: rlnAngleRot is "nan"/,
  ],
  ['a missing stack', () => makeSet({ stack: 'elsewhere.mrcs' }), /^stack\.mrcs: no such stack.*particles\.star.*--images-dir/],
  [
    'an image beyond the stack',
    () => makeSet({ particles: [{ ...particle, rlnImageName: '3@stack.mrcs' }] }),
    /line 16: image 3 of .*stack\.mrcs, which has 2/,
  ],
  [
    'image 0',
    () => makeSet({ particles: [{ ...particle, rlnImageName: '0@stack.mrcs' }] }),
    /line 16: image "0@stack\.mrcs".*counted from 1/,
  ],
  ['oblong images', () => makeSet({ box: [4, 6] }), /4 × 6 pixels; particles must be square/],
  [
    'a box size other than the file says',
    () => makeSet({ optics: [{ ...opticsGroup, rlnImageSize: 8 }] }),
    /images of 8 pixels, but those in .*stack\.mrcs have 4/,
  ],
  ['a pixel size of zero', () => makeSet({ optics: [{ ...opticsGroup, rlnImagePixelSize: 0 }] }), /pixel size of 0 Å/],
  ['a negative pixel size', () => makeSet({ optics: [{ ...opticsGroup, rlnImagePixelSize: -1 }] }), /pixel size of -1 Å/],
  [
    'a pixel size that is not a number',
    () => makeSet({ optics: [{ ...opticsGroup, rlnImagePixelSize: 'nan' }] }),
    /rlnImagePixelSize is "nan"/,
  ],
  [
    'a magnification of zero',
    () => makeSet({ particles: [{ ...particle, rlnDetectorPixelSize: 5, rlnMagnification: 0 }], optics: null }),
    /pixel size of Infinity Å/,
  ],
  ['no pixel size at all', () => makeSet({ optics: null, stackPixelSize: 0 }), /no pixel size.*--pixel-size/],
  [
    'optics groups of different pixel size',
    () =>
      makeSet({
        particles: [1, 2].map(g => ({ ...particle, rlnOpticsGroup: g })),
        optics: [opticsGroup, { rlnOpticsGroup: 2, rlnImagePixelSize: 3 }],
      }),
    /rlnImagePixelSize is 3.*first particle 2/,
  ],
  [
    'an optics group that is not there',
    () => makeSet({ particles: [{ ...particle, rlnOpticsGroup: 5 }] }),
    /line 16: optics group 5 is not in data_optics/,
  ],
  ['a defocus without voltage', () => makeSet({ particles: [{ ...particle, rlnDefocusU: 10000 }] }), /no column _rlnVoltage/],
  [
    'a voltage in volts',
    () =>
      makeSet({
        particles: [{ ...particle, rlnDefocusU: 1e4, rlnVoltage: 300000, rlnSphericalAberration: 2.7, rlnAmplitudeContrast: 0.1 }],
      }),
    /voltage of 300000 kV/,
  ],
  ['a missing file', () => join(folder, 'missing.star'), /missing\.star: cannot be read \(ENOENT\)/],
  ['a stack in place of a star file', () => join(makeSet(), '..', 'stack.mrcs'), /stack alone has no orientations/],
  ['a truncated stack', () => truncated(makeSet()), /stack\.mrcs: truncated/],
] as const) {
  test(`${what} ends in one clear line`, () => refuses(() => readParticles(make()), expected));
}

function truncated(file: string): string {
  truncateSync(join(file, '..', 'stack.mrcs'), 1024 + 100);
  return file;
}

for (const given of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 0.05, 500]) {
  test(`--pixel-size ${given} is refused before anything is read`, () =>
    refuses(() => readParticles(makeSet(), { pixelSizeAngstrom: given }), /--pixel-size .*Å per pixel/));
}

test('a pixel size that contradicts the file by more than 5 % names both and the cure; within 5 % it is a calibration and is said', () => {
  refuses(() => readParticles(makeSet(), { pixelSizeAngstrom: 4 }), /pixel size is 2 Å, --pixel-size says 4 Å; leave out/);
  reading(makeSet(), { pixelSizeAngstrom: 1.95 }, particles => assert.match(particles.notes.join(), /2 Å; 1\.95 Å is used/));
});

for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
  test(`an image with a pixel of ${bad} is named by stack, image and line when it is read; the others are not touched by it`, () => {
    const file = makeSet({ particles: [1, 2].map(n => ({ ...particle, rlnImageName: `${n}@stack.mrcs` })) });
    const stack = join(file, '..', 'stack.mrcs');
    const bytes = readFileSync(stack);
    bytes.writeFloatLE(bad, 1024 + 64 + 4 * 9);
    writeFileSync(stack, bytes);
    reading(file, {}, particles => {
      const image = new Float32Array(16);
      particles.readImage(0, image);
      refuses(() => particles.readImage(1, image), /stack\.mrcs: image 2 \(.*particles\.star, line 17\)/);
    });
  });
}

test('a subset is the input with fewer rows: columns, optics and the text of every value unchanged, and it is read back as those particles', () => {
  const rows = [1, 2, 1].map((n, i) => ({
    ...particle,
    rlnImageName: `${n}@stack.mrcs`,
    rlnAngleRot: `${i}.500000`,
    myOwnColumn: `"a b ${i}"`,
  }));
  const file = makeSet({ particles: rows });
  const output = join(file, '..', 'subset.star');
  writeParticleSubset(file, [2, 0], output);
  const lines = readFileSync(file, 'utf8').split('\n');
  const first = lines.findIndex(line => line.includes('a b 0'));
  assert.deepEqual(readFileSync(output, 'utf8').split('\n'), [
    ...lines.slice(0, first),
    lines[first + 2],
    lines[first],
    ...lines.slice(first + 3),
  ]);
  reading(output, {}, particles => assert.equal(particles.count, 2));
});
