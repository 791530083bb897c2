// The codec: what is sent arrives as it was, and what is no message is refused with a ProtocolError and nothing else.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pack } from 'msgpackr';
import { Random } from '../../daemon/numerics/random.js';
import { decodeClientMessage, decodeServerMessage, encodeMessage, ProtocolError } from '../../protocol/codec.js';
import type {
  ClientMessage,
  DecodedFrame,
  ErrorCode,
  HalvesSummary,
  OrientationSummary,
  ParticleChoice,
  RegionTurn,
  ServerMessage,
  StepMotion,
  TrainingDefaults,
  TrainingRequest,
} from '../../protocol/messages.js';

const random = new Random(7);
const below = (n: number) => Math.floor(random.uniform() * n);
const pick = <T>(choices: readonly T[]): T => choices[below(choices.length)];
const someRun = () => pick(['a', 'run-1', 'Z.9_x', 'r'.repeat(64)]);
const someId = () => pick([0, 1, 127, 128, 65_535, 65_536, 2 ** 32 - 1]);
const somePoint = () => Array.from({ length: 1 + below(64) }, () => pick([0, -0.25, 1, 1e-30, random.uniform() * 1e6]));
const someFloats = (n: number) => Float32Array.from({ length: n }, () => pick([random.uniform(), -1e30, 0, Number.NaN, Infinity]));

const someClientMessage: (() => ClientMessage)[] = [
  () => ({ type: 'get-latents', id: someId(), run: someRun() }),
  () => ({ type: 'get-epochs', id: someId(), run: someRun() }),
  () => ({ type: 'decode', id: someId(), run: someRun(), z: somePoint(), atoms: pick([true, false]) }),
  () => ({ type: 'scrub', sequence: someId(), run: someRun(), z: somePoint(), atoms: pick([true, false]) }),
  () => ({ type: 'frame-drawn', sequence: someId() }),
  () => ({
    type: 'start-training',
    id: someId(),
    run: someRun(),
    settings: pick<TrainingRequest>([
      {},
      { epochs: 3, resolutionAngstrom: 7.5 },
      { latentDims: 4, seed: 0, preset: 'paper', vary: ['amplitude', 'width'], batch: 16, learningRate: 1e-4, symmetryExpansion: 'off' },
      { focus: 'rbd', continueFrom: 'run1', subset: Uint32Array.of(1, 5, 70_000) },
    ]),
  }),
  () => ({ type: 'get-halves', id: someId(), run: someRun() }),
  () => ({ type: 'get-orientations', id: someId(), run: someRun() }),
  () => ({ type: 'start-neutral', id: someId(), settings: pick([{}, { gaussians: 512, resolutionAngstrom: 8, seed: 3 }]) }),
  () => ({ type: 'start-orientations', id: someId(), run: someRun() }),
  () => ({ type: 'start-halves', id: someId(), run: someRun() }),
  () => ({ type: 'get-embeddings', id: someId(), run: someRun() }),
  () => ({ type: 'start-embedding', id: someId(), run: someRun(), method: 'umap', ...pick([{}, { dims: 3, seed: 0 }]) }),
  () => ({ type: 'start-clustering', id: someId(), run: someRun(), method: 'gmm', ...pick([{}, { count: 4, seed: 2 }]) }),
  () => ({
    type: 'start-reconstruction',
    id: someId(),
    name: 'open',
    run: pick([null, 'a']),
    particles: pick<ParticleChoice>([
      { which: 'all' },
      { which: 'cluster', cluster: 2 },
      { which: 'nearest', z: [0.5, -1] },
      { which: 'nearest', z: [0.5], count: 500 },
      {
        which: 'points',
        points: [
          [0, 1],
          [0.5, 0.5],
        ],
        count: 1000,
      },
      { which: 'rows', rows: Uint32Array.of(1, 70_000) },
    ]),
    ...pick([{}, { halves: true, resolutionAngstrom: 7.5 }]),
  }),
  () => ({ type: 'delete-map', id: someId(), name: 'open' }),
  () => ({ type: 'save-region', id: someId(), name: 'rbd', spheres: Float32Array.of(1, -2, 3.5, 8) }),
  () => ({ type: 'find-motions', id: someId(), run: someRun(), regions: pick([['rbd'], ['rbd', 'head']]), count: 2 }),
  () => ({ type: 'measure-motion', id: someId(), run: someRun(), from: [0, -1.5], to: [0.5, 1], regions: pick([[], ['rbd']]) }),
  () => ({
    type: 'find-path',
    id: someId(),
    run: someRun(),
    shape: pick(['dense', 'line']),
    from: [0, -1.5],
    to: [0.5, 1],
    ...pick([{}, { points: 20 }, { reach: 0.5, bandwidth: 1e-3 }]),
  }),
  () => ({ type: 'stop-path' }),
  () => ({ type: 'cancel-job', id: someId(), job: 'train-1' }),
];

function someFrame(): DecodedFrame {
  const count = below(50);
  return {
    run: someRun(),
    epoch: someId(),
    z: someFloats(1 + below(8)),
    count,
    positions: someFloats(3 * count),
    amplitudes: someFloats(count),
    sigmas: someFloats(count),
    atoms: pick([null, someFloats(3 * below(40))]),
  };
}

const row = { epoch: 3, frc: 0.25, loss: -0.25, seconds: 12.5 };
const halves: HalvesSummary = {
  particles: [2000, 2000],
  latentsExplained: [0.75, null],
  latentsByChance: -0.25,
  clusters: { count: 2, adjustedRandIndex: 0.5, adjustedRandIndexAnew: null },
  states: [
    {
      state: 1,
      entries: [1500, 1250],
      share: [0.75, 0.625],
      resolutionAngstrom: 7.5,
      resolutionAtHalfAngstrom: null,
      difference: 0.5,
      differenceToOthers: -0.5,
    },
  ],
  motion: { correlation: 0.875, rmsAngstrom: [1.5, null], disagreementAngstrom: 0.5 },
};
const orientations: OrientationSummary = {
  particles: 4000,
  against: 'neutral',
  frcBefore: 0.125,
  frcAfter: 0.25,
  medianDegrees: 1.5,
  degrees95: 4,
  medianAngstrom: 1,
  angstrom95: 3,
  inheritedFrom: null,
};
const defaults: TrainingDefaults = {
  latentDims: 4,
  vary: ['position'],
  resolutionAngstrom: null,
  epochs: 20,
  batch: 16,
  learningRate: 0.5,
  seed: 0,
  symmetryExpansion: 'on',
};
const turn: RegionTurn = {
  region: 'rbd',
  angleDegrees: 8.25,
  axis: [0, 0.5, -0.5],
  axisPoint: [80, 50.5, 26],
  shiftAngstrom: [1, 2, -3.5],
  residualAngstrom: 0.25,
  rmsAngstrom: 4,
  errorAngstrom: null,
  angleErrorDegrees: null,
  halvesDegrees: null,
};
const measured: RegionTurn = { ...turn, axisPoint: null, errorAngstrom: 0.5, angleErrorDegrees: 0.25, halvesDegrees: [8, 8.5] };
const someStep = (): StepMotion => ({ step: someFloats(2), insideAngstrom: [3, 2.5], outsideAngstrom: 0.25, turns: [turn, turn] });
const job = { job: 'train-1', run: 'a', stage: 'train', done: 3, total: 10 };
const someServerMessage: (() => ServerMessage)[] = [
  () => {
    const count = below(60);
    const dims = 1 + below(6);
    return {
      type: 'latents',
      id: someId(),
      run: someRun(),
      epoch: someId(),
      dims,
      count,
      z: someFloats(count * dims),
      frc: someFloats(count),
      particle: Uint32Array.from({ length: count }, someId),
      copy: pick([null, Uint32Array.from({ length: count }, someId)]),
      observability: pick([null, someFloats(count)]),
      pca: { mean: someFloats(dims), axes: someFloats(dims * dims), variances: someFloats(dims) },
    };
  },
  () => ({ type: 'decoded', id: someId(), ...someFrame() }),
  () => ({ type: 'frame', sequence: someId(), ...someFrame() }),
  () => {
    const dims = 1 + below(6);
    const curve = (vertices: number) => ({
      points: someFloats(vertices * dims),
      lengths: someFloats(vertices),
      freeEnergy: someFloats(vertices),
      standardError: someFloats(vertices),
      support: someFloats(vertices),
    });
    const path = {
      ...curve(4),
      shape: pick(['dense', 'line'] as const),
      dims,
      populations: Uint32Array.from({ length: 4 }, someId),
      track: curve(1 + below(30)),
      bandwidth: 0.25,
      reach: pick([null, 1.5]),
      counted: someId(),
      beyond: someId(),
      farther: someId(),
      leastSupport: 10,
      ceiling: 4.5,
      longestLink: pick([null, 0.5]),
      medianLink: pick([null, 0.125]),
    };
    return { type: 'path', id: someId(), run: someRun(), epoch: 3, path: pick([null, path]) };
  },
  () => ({ type: 'path-progress', id: someId(), stage: 'neighbours', done: 5, total: 10 }),
  () => ({ type: 'epochs', id: someId(), run: someRun(), epochs: pick([[], [row, row]]) }),
  () => ({ type: 'epoch', run: someRun(), row, latentsReady: true }),
  () => ({ type: 'halves', id: someId(), run: someRun(), report: pick([null, halves]) }),
  () => ({ type: 'orientations', id: someId(), run: someRun(), report: pick([null, orientations]) }),
  () => {
    const count = below(30);
    const whole = (n: number) => Uint32Array.from({ length: n }, someId);
    return {
      type: 'embeddings',
      id: someId(),
      run: someRun(),
      count,
      columns: pick([[], ['umap0', 'umap1'].map(name => ({ name, values: someFloats(count) }))]),
      clusters: pick([null, { labels: whole(count), sizes: whole(3), medoids: whole(3) }]),
      outdated: pick([true, false]),
    };
  },
  () => ({ type: 'map-deleted', id: someId(), name: 'open' }),
  () => ({ type: 'started', id: someId(), job: 'train-1' }),
  () => ({ type: 'cancelled', id: someId(), job: 'train-1' }),
  () => ({ type: 'region-saved', id: someId(), name: 'rbd', gaussians: pick([null, 40]) }),
  () => ({
    type: 'motions',
    id: someId(),
    run: someRun(),
    epoch: 3,
    own: [[someStep(), someStep()], []],
    joint: pick([null, { together: someStep(), apart: someStep() }]),
  }),
  () => ({
    type: 'motion',
    id: someId(),
    run: someRun(),
    epoch: 3,
    ...pick([
      { rmsAngstrom: 1.5, errorAngstrom: null, regions: [] },
      { rmsAngstrom: 1.5, errorAngstrom: 0.125, regions: [turn, measured] },
    ]),
  }),
  () => ({ type: 'progress', ...job, seconds: 1.5 }),
  () => ({ type: 'job-ended', job: 'train-1', run: pick([null, 'a']), error: pick([null, 'no space']) }),
  () => ({ type: 'error', id: pick([null, 4]), code: 'busy', message: 'später' }),
  () => ({
    type: 'project',
    project: {
      name: 'spike',
      particles: 4000,
      boxSize: 64,
      pixelSizeAngstrom: 3.5,
      contrast: -1,
      symmetry: 'C3',
      map: pick([
        null,
        { path: '/files/map', contour: 0.02, sizeVoxels: [64, 64, 65], voxelSizeAngstrom: [3.5, 3.5, 3.5], originAngstrom: [0, -1, 2.5] },
      ]),
      maps: pick([
        [],
        [
          {
            name: 'open',
            path: '/files/maps/open',
            version: '1:2:3',
            contour: -0.5,
            sizeVoxels: [64, 64, 64],
            voxelSizeAngstrom: [3.5, 3.5, 3.5],
            originAngstrom: [0, 0, 0],
            resolutionAngstrom: pick([null, 7.5]),
            source: pick([
              null,
              { run: 'a', which: 'nearest', cluster: null, z: [0.5, 1], particles: 2000, quick: true },
              { run: null, which: 'cluster', cluster: 2, z: null, particles: 7, quick: false },
            ]),
          },
        ],
      ]),
      model: pick([null, { path: '/files/model', format: 'pdb', atoms: 12 }]),
      neutral: pick([null, { gaussians: 96, resolutionAngstrom: 8 }]),
      runs: [
        {
          name: 'a',
          latentDims: 4,
          epoch: 1,
          epochs: 20,
          state: 'training',
          frc: pick([null, 0.5]),
          gaussians: 96,
          backend: 'cpu',
          particles: 4000,
          copies: 3,
          vary: ['position'],
          focus: pick([null, 'rbd']),
          continueFrom: pick([null, 'b']),
          embeddingsVersion: pick(['', '1:2:3']),
        },
      ],
      regions: pick([[], ['head', 'rbd']]),
      trainingDefaults: { default: defaults, paper: { ...defaults, resolutionAngstrom: 8, learningRate: 1e-4 } },
      jobs: [job],
    },
  }),
];

const refusal = (bytes: Uint8Array, decode = decodeClientMessage as (bytes: Uint8Array) => unknown): ProtocolError => {
  try {
    decode(bytes);
  } catch (error) {
    assert.ok(error instanceof ProtocolError, `${(error as Error).stack}`);
    return error;
  }
  return assert.fail('the message was taken');
};

test('every message of a viewer arrives as it was sent, because encoding and checking are inverse on what the types allow', () => {
  for (let i = 0; i < 700; i++) {
    const message = someClientMessage[i % someClientMessage.length]();
    assert.deepEqual(decodeClientMessage(encodeMessage(message)), message);
  }
});

test('every message of the daemon arrives as it was sent, arrays bit for bit, because only their bytes travel', () => {
  for (let i = 0; i < 1100; i++) {
    const message = someServerMessage[i % someServerMessage.length]();
    assert.deepEqual(decodeServerMessage(encodeMessage(message)), message);
  }
});

test('arrays are restored wherever they begin in the message, because `bin` is not aligned', () => {
  const message = someServerMessage[0]();
  const bytes = encodeMessage(message);
  for (let shift = 0; shift < 8; shift++) {
    const moved = new Uint8Array(bytes.length + shift).subarray(shift);
    moved.set(bytes);
    assert.deepEqual(decodeServerMessage(moved), message);
  }
});

test('an array is msgpack `bin` of little-endian numbers, as the README promises to writers of other clients', () => {
  const bytes = encodeMessage({
    type: 'frame',
    sequence: 1,
    run: 'a',
    epoch: 1,
    z: Float32Array.of(1, -2),
    count: 0,
    positions: new Float32Array(),
    amplitudes: new Float32Array(),
    sigmas: new Float32Array(),
    atoms: null,
  });
  // Key "z" (0xa1 0x7a), bin 8 of 8 bytes (0xc4 0x08), then 1.0 = 0x3f800000 and −2.0 = 0xc0000000, low byte first.
  const expected = Buffer.from([0xa1, 0x7a, 0xc4, 8, 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]);
  assert.ok(Buffer.from(bytes).includes(expected));
});

test('random bytes are refused with ProtocolError and nothing else, because any program may connect', () => {
  for (let i = 0; i < 20_000; i++) {
    const bytes = Uint8Array.from({ length: below(40) }, () => below(256));
    // Half of them begin as a map, to come further.
    if (i % 2 && bytes.length > 0) bytes[0] = 0x80 + below(4);
    refusal(bytes);
    refusal(bytes, decodeServerMessage);
  }
});

test('a valid message with any one byte changed is taken or refused with ProtocolError, never another error', () => {
  for (let i = 0; i < 5000; i++) {
    const bytes = Uint8Array.from(encodeMessage(someClientMessage[i % someClientMessage.length]()));
    bytes[below(bytes.length)] = below(256);
    try {
      decodeClientMessage(bytes);
    } catch (error) {
      assert.ok(error instanceof ProtocolError, `${(error as Error).stack}`);
    }
  }
});

test('a message cut short or with bytes after it is refused, because neither is one value', () => {
  const bytes = encodeMessage({ type: 'decode', id: 5, run: 'a', z: [0.5, 1], atoms: false });
  for (let length = 0; length < bytes.length; length++) assert.equal(refusal(bytes.subarray(0, length)).code, 'malformed');
  assert.equal(refusal(Uint8Array.from([...bytes, 0xc0])).code, 'malformed');
});

test('a small message cannot ask for much memory or depth, because counts are held against the bytes that are there', () => {
  const bomb = Uint8Array.from({ length: 5 * 200_000 }, (_, i) => [0xdd, 0x01, 0xff, 0xff, 0xff][i % 5]);
  assert.equal(refusal(bomb).code, 'malformed');
  assert.equal(refusal(new Uint8Array(1_000_000).fill(0x91)).code, 'malformed');
});

test('extension types are refused, because a decoder acts on them: a date, a big integer, a record definition', () => {
  assert.equal(refusal(pack({ type: 'get-latents', id: 1, run: new Date(0) })).code, 'malformed');
  for (const value of [
    [0xc7, 9, 0x42, 1, 0, 0, 0, 0, 0, 0, 0, 0],
    [0xd4, 0x72, 0x40, 0x91, 0xa4, 0x74, 0x79, 0x70, 0x65, 0xa1, 0x61],
  ]) {
    const inMap = Uint8Array.of(0x81, 0xa4, 0x74, 0x79, 0x70, 0x65, ...value);
    assert.equal(refusal(inMap).message, 'the message is not one value of plain msgpack');
  }
});

test('each wrong field is named with the message it came in and the id to answer, because that is all a client writer sees', () => {
  const decode = { type: 'decode', id: 9, run: 'a', z: [1], atoms: false };
  const cases: [Record<string, unknown>, ErrorCode, string][] = [
    [{ ...decode, z: [Number.NaN] }, 'bad-value', 'z[0]'],
    [{ ...decode, z: [0, Infinity] }, 'bad-value', 'z[1]'],
    [{ ...decode, z: [] }, 'bad-value', 'z'],
    [{ ...decode, z: new Array(65).fill(0) }, 'bad-value', 'z'],
    [{ ...decode, z: ['1'] }, 'malformed', 'z[0]'],
    [{ ...decode, z: '1' }, 'malformed', 'z'],
    [{ ...decode, atoms: 1 }, 'malformed', 'atoms'],
    [{ ...decode, atoms: undefined }, 'malformed', 'atoms'],
    [{ ...decode, run: '../secrets' }, 'bad-value', 'run'],
    [{ ...decode, run: '.hidden' }, 'bad-value', 'run'],
    [{ ...decode, run: '' }, 'bad-value', 'run'],
    [{ ...decode, run: 'r'.repeat(65) }, 'bad-value', 'run'],
    [{ ...decode, run: 'a\n' }, 'bad-value', 'run'],
    [{ ...decode, run: 'a/b' }, 'bad-value', 'run'],
    [{ ...decode, run: null }, 'malformed', 'run'],
    [{ ...decode, extra: 1 }, 'malformed', 'extra'],
    [{ type: 'start-training', id: 9, run: 'a', settings: { latentdims: 3 } }, 'malformed', 'settings.latentdims'],
    [{ type: 'start-training', id: 9, run: 'a', settings: { epochs: 0 } }, 'bad-value', 'settings.epochs'],
    [{ type: 'start-training', id: 9, run: 'a', settings: { resolutionAngstrom: -1 } }, 'bad-value', 'settings.resolutionAngstrom'],
    [{ type: 'start-reconstruction', id: 9, name: 'm', run: null, particles: { which: 'some' } }, 'bad-value', 'particles.which'],
    [{ type: 'start-reconstruction', id: 9, name: 'm', run: null, particles: { which: 'cluster' } }, 'malformed', 'particles.cluster'],
    [{ type: 'start-reconstruction', id: 9, name: 'm', run: null, particles: { which: 'all', z: [1] } }, 'malformed', 'particles.z'],
    [{ type: 'start-reconstruction', id: 9, name: '../m', run: null, particles: { which: 'all' } }, 'bad-value', 'name'],
    [{ type: 'start-embedding', id: 9, run: 'a', method: 'tsne' }, 'bad-value', 'method'],
    [{ type: 'fly', id: 9 }, 'unknown-type', 'fly'],
    [{ type: 'constructor', id: 9 }, 'unknown-type', 'constructor'],
    [{ id: 9 }, 'malformed', 'type'],
  ];
  for (const [message, code, named] of cases) {
    // `undefined` is no msgpack value: such a field is left out, as another program would.
    const sent = Object.fromEntries(Object.entries(message).filter(([, value]) => value !== undefined));
    const error = refusal(pack(sent));
    assert.equal(error.code, code, JSON.stringify(message));
    assert.equal(error.id, 9);
    assert.ok(error.message.includes(named), `${error.message} names ${named}`);
    assert.ok(!error.message.includes('\n'));
  }
});

test('an id that is none is not answered to: fractions, negatives, strings and NaN give null', () => {
  for (const id of [1.5, -1, '4', Number.NaN, 2 ** 40, null]) assert.equal(refusal(pack({ type: 'get-latents', id, run: 'a' })).id, null);
});

test('a viewer passes over fields it does not know, so that a newer daemon may say more; counts and arrays must agree', () => {
  assert.deepEqual(decodeServerMessage(pack({ type: 'started', id: 1, job: 'train-1', queue: 2 })), {
    type: 'started',
    id: 1,
    job: 'train-1',
  });
  const frame = {
    type: 'frame',
    sequence: 1,
    run: 'a',
    epoch: 1,
    z: new Uint8Array(4),
    count: 2,
    positions: new Uint8Array(24),
    amplitudes: new Uint8Array(8),
    sigmas: new Uint8Array(4),
    atoms: null,
  };
  assert.match(refusal(pack(frame), decodeServerMessage).message, /sigmas/);
  assert.match(refusal(pack({ ...frame, sigmas: new Uint8Array(7) }), decodeServerMessage).message, /sigmas has 7 bytes/);
});
