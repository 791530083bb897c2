// The training operations on all cores: worker threads and SIMD kernels on one shared WebAssembly memory (kernels/).
//
// Every sum is taken in an order that depends on neither the number of threads nor who did which part, so the same call gives
// the same bits on any number of threads of one machine.

import { availableParallelism } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import type { Activation, AdamSettings, Backend, ProjectionGeometry, Tensor } from '../backend.js';
import { equalShares, type RingGeometry } from '../ring-geometry.js';
import { loadKernels } from './kernel-module.js';
import { layProjectionTables, type ProjectionTables } from './projection-tables.js';
import { SharedHeap } from './shared-heap.js';
import { ThreadPool } from './thread-pool.js';

export interface CpuOptions {
  /** Threads, the caller's included; default all cores, at most 16. One needs no workers. */
  threads?: number;
  /** False does without fused multiply-add even where the machine has it. */
  fused?: boolean;
}

interface CpuTensor extends Tensor {
  /** Byte address in the shared memory. */
  address: number;
}

const FREED = -1;

/**
 * The address of a tensor that an operation uses up to element `length`. A kernel checks nothing: a tensor too small or given back
 * would corrupt its neighbours, so it is refused here.
 */
function at(tensor: Tensor, length = tensor.length): number {
  const { address } = tensor as CpuTensor;
  if (address === FREED) throw new Error('a tensor was used after it was given back');
  if (tensor.length < length)
    throw new Error(`a tensor of shape ${tensor.shape.join(' × ')} is too small for an operation on ${length} numbers`);
  return address;
}

/** Below this many numbers an operation is done by the caller alone: waking the others would take longer. */
const WORTH_SHARING = 16384;
/** k of one block and bytes for a tile at the edge, as in kernels/matrix-product.ts. */
const DEPTH = 256;
const EDGE_BYTES = 192;
const PIECE_ROWS = 48;
const PANEL = 8;
/** Up to so many rows are multiplied without packing. */
const FEW_ROWS = 3;
const MAX_THREADS = 16;

/** Threads where nobody asks for a number: all cores, up to where more no longer help. */
export function defaultThreads(): number {
  return Math.min(availableParallelism(), MAX_THREADS);
}

/** Starts the workers and compiles the kernels. */
export async function createCpuBackend({ threads = defaultThreads(), fused = true }: CpuOptions = {}): Promise<CpuBackend> {
  if (!Number.isInteger(threads) || threads < 1) throw new Error(`the number of threads must be a whole number from 1, not ${threads}`);
  const kernels = loadKernels(fused);
  const heap = new SharedHeap();
  const pool = await ThreadPool.start(kernels, heap.memory, threads);
  return new CpuBackend(heap, pool, kernels.fused);
}

/** Quick enough for Ctrl-C, rare enough to cost nothing. */
const TURN_INTERVAL_MS = 20;

export class CpuBackend implements Backend {
  readonly name = 'cpu';
  readonly description: string;
  /** By box and rings, which determine the rest of a ring geometry. */
  private readonly tables = new Map<string, ProjectionTables>();
  /** Work space shared by all threads (packed matrices) and per thread, by purpose; each grows when a larger shape comes. */
  private readonly spaces = new Map<string, { address: number; bytes: number }>();

  /** When the event loop last had its turn. */
  private lastTurn = 0;

  constructor(
    private readonly heap: SharedHeap,
    private readonly pool: ThreadPool,
    readonly fused: boolean,
  ) {
    this.description = `${pool.threads} ${pool.threads === 1 ? 'thread' : 'threads'}, SIMD${fused ? ' with fused multiply-add' : ''}`;
  }

  tensor(shape: readonly number[], data?: Float32Array): Tensor {
    const length = shape.reduce((product, n) => product * n, 1);
    const tensor: CpuTensor = { shape, length, address: this.heap.allocate(length * 4) };
    if (data) this.write(tensor, data);
    return tensor;
  }

  free(tensor: Tensor): void {
    this.heap.release(at(tensor));
    (tensor as CpuTensor).address = FREED;
  }

  write(tensor: Tensor, data: Float32Array, offset = 0): void {
    this.heap.floats(at(tensor), tensor.length).set(data, offset);
  }

  async read(tensor: Tensor): Promise<Float32Array> {
    // Nothing else in a training step lets the event loop turn, and without that no signal, timer or message would ever arrive.
    if (performance.now() - this.lastTurn > TURN_INTERVAL_MS) {
      await setImmediate();
      this.lastTurn = performance.now();
    }
    return new Float32Array(this.heap.floats(at(tensor), tensor.length));
  }

  fill(tensor: Tensor, value: number): void {
    this.share(tensor.length, 'fill', tensor.length, at(tensor), value);
  }

  dense(rows: number, x: Tensor, w: Tensor, bias: Tensor, y: Tensor, activation: Activation): void {
    const [inputs, outputs] = w.shape;
    if (rows <= FEW_ROWS) {
      const numbers = [
        at(x, rows * inputs),
        rows,
        inputs,
        at(w),
        outputs,
        at(bias, outputs),
        Number(activation === 'relu'),
        at(y, rows * outputs),
      ];
      this.share(inputs * outputs, 'multiplyFew', ...numbers);
      return;
    }
    const packed = this.space('left', rows * inputs * 4);
    this.share(rows * inputs, 'packLeft', at(x, rows * inputs), rows, inputs, packed);
    this.multiply(packed, rows, inputs, at(w), outputs, false, at(bias, outputs), activation === 'relu', at(y, rows * outputs));
  }

  denseBackward(
    rows: number,
    x: Tensor,
    w: Tensor,
    y: Tensor,
    dY: Tensor,
    activation: Activation,
    dX: Tensor | null,
    dW: Tensor,
    dBias: Tensor,
  ): void {
    const [inputs, outputs] = w.shape;
    const right = this.space('right', rows * (outputs + PANEL) * 4);
    const left = dX ? this.space('left', rows * outputs * 4) : 0;
    this.share(
      rows * outputs,
      'prepareGradient',
      at(y, rows * outputs),
      at(dY, rows * outputs),
      rows,
      outputs,
      Number(activation === 'relu'),
      at(dBias, outputs),
      right,
      left,
    );
    const [scratch, stride] = this.scratch('product', PIECE_ROWS * rows * 4 + EDGE_BYTES);
    this.share(
      rows * inputs * outputs,
      'multiplyTransposed',
      at(x, rows * inputs),
      rows,
      inputs,
      right,
      outputs,
      at(dW, inputs * outputs),
      scratch,
      stride,
    );
    if (dX) this.multiply(left, rows, outputs, at(w), inputs, true, 0, false, at(dX, rows * inputs));
  }

  dropout(rows: number, x: Tensor, rate: number, key: number): void {
    const count = rows * x.shape[x.shape.length - 1];
    this.share(4 * count, 'dropout', count, at(x, count), Math.floor(rate * 2 ** 32), 1 / (1 - rate), key);
  }

  batchStatistics(rows: number, x: Tensor, statistics: Tensor, running: Tensor, momentum: number): void {
    const width = x.shape[x.shape.length - 1];
    this.share(
      4 * rows * width,
      'batchStatistics',
      ...[rows, width, at(x, rows * width), at(statistics, 2 * width), at(running, 2 * width), momentum, 1 - momentum],
    );
  }

  batchNormalise(rows: number, x: Tensor, statistics: Tensor, epsilon: number, scale: Tensor, shift: Tensor, y: Tensor): void {
    const width = scale.length;
    this.share(
      2 * rows * width,
      'batchNormalise',
      ...[rows, width, at(x, rows * width), at(statistics, 2 * width), epsilon, at(scale), at(shift, width), at(y, rows * width)],
    );
  }

  batchNormaliseBackward(
    rows: number,
    batchRows: number,
    x: Tensor,
    statistics: Tensor,
    epsilon: number,
    scale: Tensor,
    dY: Tensor,
    dX: Tensor,
    dScale: Tensor,
    dShift: Tensor,
  ): void {
    const width = scale.length;
    this.share(
      4 * rows * width,
      'batchNormaliseBackward',
      ...[rows, batchRows, width, at(x, rows * width), at(statistics, 2 * width), epsilon, at(scale)],
      ...[at(dY, rows * width), at(dX, rows * width), at(dScale, width), at(dShift, width)],
    );
  }

  add(count: number, a: Tensor, b: Tensor, out: Tensor): void {
    this.share(count, 'add', count, at(a, count), at(b, count), at(out, count));
  }

  latentPenaltyBackward(rows: number, z: Tensor, dZ: Tensor, weight: number): void {
    // A few hundred numbers: not worth a kernel.
    const dims = z.shape[z.shape.length - 1];
    const [Z, DZ] = [this.heap.floats(at(z, rows * dims), rows * dims), this.heap.floats(at(dZ, rows * dims), rows * dims)];
    for (let r = 0; r < rows; r++) {
      let squares = 0;
      for (let d = 0; d < dims; d++) squares += Z[r * dims + d] ** 2;
      const length = Math.sqrt(squares);
      if (length > 1) for (let d = 0; d < dims; d++) DZ[r * dims + d] += (weight * Z[r * dims + d]) / (length * rows);
    }
  }

  latentPullBackward(rows: number, z: Tensor, places: Tensor, dZ: Tensor, weight: number): void {
    const count = rows * z.shape[z.shape.length - 1];
    const [Z, P, DZ] = [z, places, dZ].map(tensor => this.heap.floats(at(tensor, count), count));
    for (let i = 0; i < count; i++) DZ[i] += (weight * (Z[i] - P[i])) / rows;
  }

  gaussians(rows: number, offsets: Tensor, hasOrigin: boolean, neutral: Tensor, vary: Tensor, out: Tensor): void {
    const width = vary.length;
    const isShared = neutral.length === width;
    const from = at(offsets, (rows + Number(hasOrigin)) * width);
    const origin = hasOrigin ? from + rows * width * 4 : 0;
    // An exponential costs as much as eight plain operations.
    this.share(
      8 * rows * width,
      'gaussians',
      ...[rows, width / 5, from, origin, at(neutral, (isShared ? 1 : rows) * width), isShared ? 0 : width],
      ...[at(vary), at(out, rows * width)],
    );
  }

  gaussiansBackward(rows: number, out: Tensor, dOut: Tensor, hasOrigin: boolean, vary: Tensor, dOffsets: Tensor): void {
    const width = vary.length;
    this.share(
      rows * width,
      'gaussiansBackward',
      rows,
      width / 5,
      at(out, rows * width),
      at(dOut, rows * width),
      Number(hasOrigin),
      at(vary),
      at(dOffsets, (rows + Number(hasOrigin)) * width),
    );
  }

  projectAndCorrelate(
    rows: number,
    geometry: ProjectionGeometry,
    gaussians: Tensor,
    shared: boolean,
    rotations: Tensor,
    images: Tensor,
    scale: number,
    frc: Tensor,
    dGaussians: Tensor | null,
    ringFrc: Tensor | null,
  ): void {
    const { gaussians: n, referenceSigmaPixels, blurVariancePixels, ringGeometry } = geometry;
    const { boxSize, rings, stride, planeSize } = ringGeometry;
    if (boxSize < 8) throw new Error(`the CPU backend needs a computing box of at least 8 pixels, not ${boxSize}`);
    const t = this.projectionTables(ringGeometry);
    this.heap.floats(t.ringShares, rings + 1).set(geometry.ringShares ?? equalShares(rings));
    const [scratch, scratchStride] = this.scratch('projection', this.pool.call('projectionScratchBytes', boxSize, rings, stride));
    const run = rows > 1 ? this.pool.run.bind(this.pool) : this.pool.runAlone.bind(this.pool);
    run(
      'projectAndCorrelate',
      ...[
        rows,
        n,
        boxSize,
        rings,
        stride,
        referenceSigmaPixels,
        blurVariancePixels,
        t.plan,
        t.order,
        t.ringStart,
        t.ring,
        t.weights,
        t.ringShares,
      ],
      ...[
        at(gaussians, (shared ? 1 : rows) * 5 * n),
        shared ? 0 : 5 * n,
        at(rotations, rows * 9),
        at(images, rows * 2 * planeSize),
        scale,
        at(frc, rows),
        dGaussians ? at(dGaussians, rows * 5 * n) : 0,
        ringFrc ? at(ringFrc, rows * (rings + 1)) : 0,
        scratch,
        scratchStride,
      ],
    );
  }

  stretchBackward(rows: number, gaussians: Tensor, links: Tensor, dGaussians: Tensor, weight: number, reach: number): void {
    const [, n, most] = links.shape;
    this.share(
      (2 * rows * links.length) / 3,
      'stretchBackward',
      ...[rows, n, most, at(gaussians, rows * 5 * n), at(links, 3 * n * most), at(dGaussians, rows * 5 * n)],
      ...[(2 * reach ** 2 * weight) / rows, reach ** 2],
    );
  }

  sumRows(rows: number, x: Tensor, out: Tensor): void {
    this.share(rows * out.length, 'sumRows', rows, out.length, at(x, rows * out.length), at(out));
  }

  scaleKinds(rows: number, x: Tensor, factors: readonly number[]): void {
    const width = x.shape[x.shape.length - 1];
    const plane = width / 5;
    factors.forEach((factor, kind) => {
      this.share(rows * plane, 'scalePlane', rows, plane, width, at(x, rows * width) + kind * plane * 4, factor);
    });
  }

  adam(parameter: Tensor, gradient: Tensor, m: Tensor, v: Tensor, settings: AdamSettings): void {
    const { learningRate, beta1, beta2, epsilon, weightDecay, l2 = 0, step } = settings;
    const rate = learningRate / (1 - beta1 ** step);
    const correction = 1 / (1 - beta2 ** step);
    const { length } = parameter;
    this.share(
      length,
      'adam',
      ...[length, at(parameter), at(gradient, length), at(m, length), at(v, length), beta1, 1 - beta1, beta2, 1 - beta2, rate, correction],
      ...[epsilon, learningRate * weightDecay, 2 * l2],
    );
  }

  /** Bytes of the shared memory in use: tensors, tables and work space. */
  get bytesHeld(): number {
    return this.heap.used;
  }

  async dispose(): Promise<void> {
    await this.pool.stop();
  }

  /** Runs a kernel on all threads where `work` numbers make that worth while. */
  private share(work: number, kernel: string, ...args: number[]): void {
    if (work < WORTH_SHARING) this.pool.runAlone(kernel, ...args);
    else this.pool.run(kernel, ...args);
  }

  private multiply(
    packed: number,
    rows: number,
    depth: number,
    w: number,
    columns: number,
    transposed: boolean,
    bias: number,
    relu: boolean,
    result: number,
  ): void {
    // Some four pieces a thread, so that one held up does not hold up the rest, but rows of w in runs of 256 to 512 bytes where there are enough of them.
    const perThread = (pieces: number) => Math.ceil(columns / (pieces * this.pool.threads * PANEL)) * PANEL;
    const pieceColumns = Math.min(Math.max(perThread(4), Math.min(perThread(1), 64)), 128);
    const [scratch, stride] = this.scratch('product', pieceColumns * DEPTH * 4 + EDGE_BYTES);
    this.share(
      rows * depth * columns,
      'multiply',
      ...[packed, rows, depth, w, columns, Number(transposed), bias, Number(relu), result, pieceColumns, scratch, stride],
    );
  }

  private projectionTables(geometry: RingGeometry): ProjectionTables {
    const key = `${geometry.boxSize} ${geometry.rings}`;
    let tables = this.tables.get(key);
    if (!tables) this.tables.set(key, (tables = layProjectionTables(this.heap, geometry)));
    return tables;
  }

  /** Work space of every thread: address of the first thread's, bytes from one to the next. */
  private scratch(purpose: string, bytes: number): [number, number] {
    const stride = Math.ceil(bytes / 64) * 64;
    return [this.space(`${purpose} of a thread`, stride * this.pool.threads), stride];
  }

  private space(purpose: string, bytes: number): number {
    const held = this.spaces.get(purpose);
    if (held && held.bytes >= bytes) return held.address;
    if (held) this.heap.release(held.address);
    const address = this.heap.allocate(bytes);
    this.spaces.set(purpose, { address, bytes });
    return address;
  }
}
