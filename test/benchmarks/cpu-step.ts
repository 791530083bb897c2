// Milliseconds a particle of every operation of one training step on the CPU backend, run by hand:
//   node dist/test/benchmarks/cpu-step.js --gaussians 2048 --box 128 --batch 32 --threads 4
// Compare with the PyTorch yardstick on the same machine at the same time. Medians over the steps; the sum is that of the whole step.

import { parseArgs } from 'node:util';
import type { ProjectionGeometry, Tensor } from '../../daemon/compute/backend.js';
import { createCpuBackend } from '../../daemon/compute/cpu/cpu-backend.js';
import { ringGeometry } from '../../daemon/compute/ring-geometry.js';
import { Random } from '../../daemon/numerics/random.js';

const { values } = parseArgs({
  options: {
    gaussians: { type: 'string', default: '2048' },
    box: { type: 'string', default: '128' },
    batch: { type: 'string', default: '32' },
    threads: { type: 'string', default: '4' },
    latent: { type: 'string', default: '4' },
    sigma: { type: 'string', default: '' },
    steps: { type: 'string', default: '15' },
    plain: { type: 'boolean', default: false },
  },
});
const [n, box, batch, latent] = [values.gaussians, values.box, values.batch, values.latent].map(Number);
// As in the yardstick: σ grows with the box, all rings.
const sigma = values.sigma ? Number(values.sigma) : (1.5 * box) / 128;
const ring = ringGeometry(box, box / 2 - 1);
const geometry: ProjectionGeometry = { gaussians: n, ringGeometry: ring, referenceSigmaPixels: sigma, blurVariancePixels: 0 };
const backend = await createCpuBackend({ threads: Number(values.threads), fused: !values.plain });
const random = new Random(1);
const normals = (length: number, scale = 1) => Float32Array.from({ length }, () => scale * random.normal());

const HIDDEN = 512;
interface Layer {
  inputs: number;
  outputs: number;
  parameters: { value: Tensor; gradient: Tensor; m: Tensor; v: Tensor }[];
  y: Tensor;
  dY: Tensor;
}
const layer = (inputs: number, outputs: number): Layer => {
  const parameter = (shape: number[], scale: number) => {
    const size = shape.reduce((a, b) => a * b, 1);
    return {
      value: backend.tensor(shape, normals(size, scale)),
      gradient: backend.tensor(shape),
      m: backend.tensor(shape),
      v: backend.tensor(shape),
    };
  };
  return {
    inputs,
    outputs,
    parameters: [parameter([inputs, outputs], 1 / Math.sqrt(inputs)), parameter([outputs], 0)],
    y: backend.tensor([batch + 1, outputs]),
    dY: backend.tensor([batch + 1, outputs]),
  };
};
const encoder = [layer(5 * n, HIDDEN), layer(HIDDEN, HIDDEN), layer(HIDDEN, HIDDEN), layer(HIDDEN, latent)];
const decoder = [layer(latent, HIDDEN), layer(HIDDEN, HIDDEN), layer(HIDDEN, HIDDEN), layer(HIDDEN, 5 * n)];
const input = backend.tensor([batch, 5 * n], normals(batch * 5 * n));
const noise = backend.tensor([batch + 1, latent], normals((batch + 1) * latent, 0.05));
const z = backend.tensor([batch + 1, latent]);
const dZ = backend.tensor([batch + 1, latent]);
const neutral = backend.tensor([5 * n], normals(5 * n));
const vary = backend.tensor([5 * n], new Float32Array(5 * n).fill(1));
const gaussians = backend.tensor([batch, 5 * n]);
const dGaussians = backend.tensor([batch, 5 * n]);
const images = backend.tensor([batch, 2 * ring.planeSize], normals(batch * 2 * ring.planeSize));
const frc = backend.tensor([batch]);
const rotations = backend.tensor(
  [batch, 9],
  Float32Array.from({ length: 9 * batch }, (_, i) => [1, 0, 0, 0, 0.6, 0.8, 0, -0.8, 0.6][i % 9]),
);

const times = new Map<string, number[]>();
function timed(name: string, operation: () => void): void {
  const start = performance.now();
  operation();
  const list = times.get(name) ?? [];
  list.push((performance.now() - start) / batch);
  times.set(name, list);
}
const size = (l: Layer) => `${l.inputs}×${l.outputs}`;

function forward(layers: Layer[], x: Tensor, rows: number): void {
  layers.forEach((l, i) => {
    timed(`dense ${size(l)}`, () =>
      backend.dense(rows, i ? layers[i - 1].y : x, l.parameters[0].value, l.parameters[1].value, l.y, i < 3 ? 'relu' : 'linear'),
    );
  });
}
function backward(layers: Layer[], x: Tensor, dX: Tensor | null, rows: number): void {
  for (let i = 3; i >= 0; i--) {
    const l = layers[i];
    timed(`dense backward ${size(l)}`, () =>
      backend.denseBackward(
        rows,
        i ? layers[i - 1].y : x,
        l.parameters[0].value,
        l.y,
        l.dY,
        i < 3 ? 'relu' : 'linear',
        i ? layers[i - 1].dY : dX,
        l.parameters[0].gradient,
        l.parameters[1].gradient,
      ),
    );
  }
}

function step(count: number): void {
  const start = performance.now();
  forward(encoder, input, batch);
  timed('add', () => backend.add(batch * latent, encoder[3].y, noise, z));
  forward(decoder, z, batch + 1);
  timed('gaussians', () => backend.gaussians(batch, decoder[3].y, true, neutral, vary, gaussians));
  timed('project and correlate', () =>
    backend.projectAndCorrelate(batch, geometry, gaussians, false, rotations, images, -1 / batch, frc, dGaussians, null),
  );
  timed('gaussians backward', () => backend.gaussiansBackward(batch, gaussians, dGaussians, true, vary, decoder[3].dY));
  backward(decoder, z, dZ, batch + 1);
  timed('latent penalty', () => backend.latentPenaltyBackward(batch, encoder[3].y, dZ, 0.01));
  timed('add', () => backend.add(batch * latent, dZ, dZ, encoder[3].dY));
  backward(encoder, input, null, batch);
  timed('adam', () => {
    for (const { parameters } of [...encoder, ...decoder])
      for (const p of parameters)
        backend.adam(p.value, p.gradient, p.m, p.v, {
          learningRate: 1e-4,
          beta1: 0.9,
          beta2: 0.999,
          epsilon: 1e-8,
          weightDecay: 0,
          step: count,
        });
  });
  const list = times.get('whole step') ?? [];
  list.push((performance.now() - start) / batch);
  times.set('whole step', list);
}

const WARM_UP = 5;
for (let count = 1; count <= WARM_UP; count++) step(count);
times.clear();
for (let count = 1; count <= Number(values.steps); count++) step(count + WARM_UP);
const median = (list: number[]) => list.sort((a, b) => a - b)[list.length >> 1];
console.log(`N=${n} b=${box} batch=${batch} ${backend.description}`);
for (const [name, list] of times) {
  const perStep = list.length / Number(values.steps);
  console.log(
    `${name.padEnd(28)} ${(median(list) * perStep).toFixed(4)} ms/particle${perStep > 1 ? ` (${perStep} calls)` : ''}, best ${(list[0] * perStep).toFixed(4)}`,
  );
}
await backend.dispose();
