// The training operations on a graphics processor: one WGSL kernel a file (kernels/), queued, nothing read back but what `read` asks for.
//
// Every sum has one order, so the same call gives the same bits on the same device.

import type { Activation, AdamSettings, Backend, ProjectionGeometry, Tensor } from '../backend.js';
import { equalShares, type RingGeometry } from '../ring-geometry.js';
import { CommandQueue, type Commands, type DeviceArray } from './command-queue.js';
import type { Gpu } from './device.js';
import { layProjectionTables, type ProjectionTables } from './projection-tables.js';

interface WebgpuTensor extends Tensor {
  /** null once given back. */
  array: DeviceArray | null;
}

/** The array of a tensor that an operation uses up to element `length`; a tensor too small or given back is refused. */
function at(tensor: Tensor, length = tensor.length): DeviceArray {
  const { array } = tensor as WebgpuTensor;
  if (!array) throw new Error('a tensor was used after it was given back');
  if (tensor.length < length)
    throw new Error(`a tensor of shape ${tensor.shape.join(' × ')} is too small for an operation on ${length} numbers`);
  return array;
}

/** Pixels along a side that a workgroup draws, as in kernels/draw.wgsl. */
const DRAWN_TILE = 32;
/** Columns that a workgroup of a matrix product makes, rows in a group of which it makes one or two, and its step along the depth, as in kernels/matrix-product.wgsl. */
const PRODUCT_COLUMNS = 64;
const PRODUCT_ROWS = 32;
const PRODUCT_STEP = 16;
/** A matrix product of fewer workgroups leaves a large device idle: they make one group of rows, and its depth is cut into parts, no shorter than this. */
const ENOUGH_GROUPS = 256;
const SHORTEST_PART = 64;
/** Invocations in a workgroup of the kernels that treat a column, a row or a Gaussian each. */
const GROUP = 64;
/** Quiet NaN. */
const NOT_A_NUMBER = 0x7fc00000;

/** One side of a matrix product: element (row or column r, depth k) is at batch · batchStride + r · stride + k · depthStride. */
interface Side {
  array: DeviceArray;
  stride: number;
  depthStride: number;
  batchStride?: number;
}

export function createWebgpuBackend({ device, description }: Gpu): WebgpuBackend {
  return new WebgpuBackend(new CommandQueue(device), description);
}

export class WebgpuBackend implements Backend {
  readonly name = 'webgpu';
  /** A Gaussian is drawn within this many σ, as by the other backends. */
  static readonly windowSigmas = 4;
  /** By box and rings, which determine the rest of a ring geometry. */
  private readonly tables = new Map<string, ProjectionTables>();
  /** Work space by purpose; each grows when a larger shape comes. */
  private readonly spaces = new Map<string, DeviceArray>();
  /** Stands where a kernel takes an array that this call does not have. */
  private readonly nothing: DeviceArray;
  private bytes = 0;

  constructor(
    private readonly queue: Commands,
    readonly description: string,
  ) {
    this.nothing = queue.allocate(4);
  }

  tensor(shape: readonly number[], data?: Float32Array): Tensor {
    const length = shape.reduce((product, n) => product * n, 1);
    const tensor: WebgpuTensor = { shape, length, array: this.queue.allocate(length * 4) };
    this.bytes += length * 4;
    if (data) this.write(tensor, data);
    return tensor;
  }

  free(tensor: Tensor): void {
    this.queue.release(at(tensor));
    this.bytes -= tensor.length * 4;
    (tensor as WebgpuTensor).array = null;
  }

  write(tensor: Tensor, data: Float32Array, offset = 0): void {
    if (offset + data.length > tensor.length)
      throw new RangeError(`${data.length} numbers from ${offset} on do not fit into a tensor of shape ${tensor.shape.join(' × ')}`);
    this.queue.write(at(tensor), offset * 4, data);
  }

  read(tensor: Tensor): Promise<Float32Array> {
    return this.queue.read(at(tensor));
  }

  fill(tensor: Tensor, value: number): void {
    this.queue.dispatchEach('fill', tensor.length, { whole: [tensor.length], floats: [value] }, [at(tensor)]);
  }

  dense(rows: number, x: Tensor, w: Tensor, bias: Tensor, y: Tensor, activation: Activation): void {
    const [inputs, outputs] = w.shape;
    this.multiply(
      [rows, inputs, outputs],
      { array: at(x, rows * inputs), stride: inputs, depthStride: 1 },
      { array: at(w), stride: 1, depthStride: outputs },
      at(y, rows * outputs),
      { bias: at(bias, outputs), isRelu: activation === 'relu' },
    );
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
    const gradient = at(dY, rows * outputs);
    if (activation === 'relu')
      this.queue.dispatchEach('mask-inactive', rows * outputs, { whole: [rows * outputs] }, [at(y, rows * outputs), gradient]);
    this.sumColumns(rows, outputs, gradient, at(dBias, outputs));
    this.multiply(
      [inputs, rows, outputs],
      { array: at(x, rows * inputs), stride: 1, depthStride: inputs },
      { array: gradient, stride: 1, depthStride: outputs },
      at(dW, inputs * outputs),
    );
    if (!dX) return;
    this.multiply(
      [rows, outputs, inputs],
      { array: gradient, stride: outputs, depthStride: 1 },
      { array: at(w), stride: outputs, depthStride: 1 },
      at(dX, rows * inputs),
    );
  }

  dropout(rows: number, x: Tensor, rate: number, key: number): void {
    const count = rows * x.shape[x.shape.length - 1];
    const whole = [count, Math.floor(rate * 2 ** 32), key];
    this.queue.dispatchEach('dropout', count, { whole, floats: [1 / (1 - rate)] }, [at(x, count)]);
  }

  batchStatistics(rows: number, x: Tensor, statistics: Tensor, running: Tensor, momentum: number): void {
    const width = x.shape[x.shape.length - 1];
    const arrays = [at(x, rows * width), at(statistics, 2 * width), at(running, 2 * width)];
    this.queue.dispatch('batch-statistics', { whole: [rows, width], floats: [momentum, 1 - momentum] }, arrays, [groupsOf(width)]);
  }

  batchNormalise(rows: number, x: Tensor, statistics: Tensor, epsilon: number, scale: Tensor, shift: Tensor, y: Tensor): void {
    const width = scale.length;
    const count = rows * width;
    const arrays = [at(x, count), at(statistics, 2 * width), at(scale), at(shift, width), at(y, count)];
    this.queue.dispatchEach('batch-normalise', count, { whole: [count, width], floats: [epsilon] }, arrays);
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
    const count = rows * width;
    const given = [at(x, count), at(statistics, 2 * width), at(scale), at(dY, count)];
    const made = [at(dX, count), at(dScale, width), at(dShift, width)];
    const parameters = { whole: [rows, batchRows, width], floats: [epsilon] };
    this.queue.dispatch('batch-normalise-backward', parameters, [...given, ...made], [groupsOf(width)]);
  }

  add(count: number, a: Tensor, b: Tensor, out: Tensor): void {
    this.queue.dispatchEach('add', count, { whole: [count] }, [at(a, count), at(b, count), at(out, count)]);
  }

  latentPenaltyBackward(rows: number, z: Tensor, dZ: Tensor, weight: number): void {
    const dims = z.shape[z.shape.length - 1];
    const arrays = [at(z, rows * dims), at(dZ, rows * dims)];
    this.queue.dispatch('latent-penalty-backward', { whole: [rows, dims], floats: [weight / rows] }, arrays, [groupsOf(rows)]);
  }

  latentPullBackward(rows: number, z: Tensor, places: Tensor, dZ: Tensor, weight: number): void {
    const count = rows * z.shape[z.shape.length - 1];
    const arrays = [z, places, dZ].map(tensor => at(tensor, count));
    this.queue.dispatch('latent-pull-backward', { whole: [count], floats: [weight / rows] }, arrays, [groupsOf(count)]);
  }

  gaussians(rows: number, offsets: Tensor, hasOrigin: boolean, neutral: Tensor, vary: Tensor, out: Tensor): void {
    const width = vary.length;
    const count = rows * width;
    const neutralStride = neutral.length === width ? 0 : width;
    const arrays = [
      at(offsets, count + Number(hasOrigin) * width),
      at(neutral, neutralStride === 0 ? width : count),
      at(vary),
      at(out, count),
    ];
    this.queue.dispatchEach('gaussians', count, { whole: [count, width, count, Number(hasOrigin), neutralStride] }, arrays);
  }

  gaussiansBackward(rows: number, out: Tensor, dOut: Tensor, hasOrigin: boolean, vary: Tensor, dOffsets: Tensor): void {
    const width = vary.length;
    const count = rows * width;
    const arrays = [at(out, count), at(dOut, count), at(vary), at(dOffsets, count + Number(hasOrigin) * width)];
    this.queue.dispatch('gaussians-backward', { whole: [rows, width, Number(hasOrigin)] }, arrays, [groupsOf(width)]);
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
    const { boxSize: b, rings, stride, planeSize } = ringGeometry;
    const { queue } = this;
    const t = this.projectionTables(ringGeometry);
    this.share(t, geometry.ringShares ?? equalShares(rings));
    const side = 2 * (rings + 1);
    const rowStride = shared ? 0 : 5 * n;
    const row = at(gaussians, (shared ? 1 : rows) * 5 * n);
    const turned = at(rotations, rows * 9);
    const compared = at(images, rows * 2 * planeSize);

    const seen = this.space('Gaussians as seen', rows * n * 16);
    const picture = this.space('pictures', rows * b * b * 4);
    const alongX = this.space('transforms along x', rows * b * side * 4);
    const waves = this.space('transforms', rows * side * side * 4);
    const sums = this.space('rings', rows * (rings + 1) * 16);

    const sizes = { whole: [n, rowStride], floats: [b, referenceSigmaPixels, blurVariancePixels] };
    queue.dispatch('see', sizes, [row, turned, seen], [groupsOf(n), rows]);
    const tiles = Math.ceil(b / DRAWN_TILE);
    queue.dispatch('draw', { whole: [n, b], floats: [WebgpuBackend.windowSigmas] }, [seen, picture], [tiles, tiles, rows]);

    // The transform of a real picture, by its definition: two matrix products with one table, along x and then along y.
    const table = { array: t.waves, stride: 1, depthStride: side };
    this.multiply([rows * b, b, side], { array: picture, stride: b, depthStride: 1 }, table, alongX);
    const transposed = { array: alongX, stride: 1, depthStride: side, batchStride: b * side };
    this.multiply([side, b, side], transposed, table, waves, { batches: rows });

    const planes = { whole: [rings, stride, planeSize] };
    queue.dispatch('ring-sums', planes, [waves, compared, t.order, t.ringStart, t.weights, sums], [rings, rows]);
    const frcRings = ringFrc ? at(ringFrc, rows * (rings + 1)) : this.nothing;
    const correlation = { whole: [rings, Number(ringFrc !== null), NOT_A_NUMBER], floats: [scale] };
    queue.dispatch('ring-correlation', correlation, [t.shares, sums, at(frc, rows), frcRings], [rows]);
    if (!dGaussians) return;

    queue.dispatch('ring-gradient', planes, [compared, t.ring, t.weights, sums, waves], [groupsOf((rings + 1) ** 2), rows]);
    // Back the same way: first along y, then along x.
    const alongY = { array: t.waves, stride: side, depthStride: 1 };
    const dWaves = { array: waves, stride: side, depthStride: 1, batchStride: side * side };
    this.multiply([b, side, side], alongY, dWaves, alongX, { batches: rows });
    this.multiply([rows * b, side, b], { array: alongX, stride: side, depthStride: 1 }, alongY, picture);
    queue.dispatch(
      'draw-backward',
      { whole: [n, b, rowStride], floats: [referenceSigmaPixels, WebgpuBackend.windowSigmas] },
      [seen, row, turned, picture, at(dGaussians, rows * 5 * n)],
      [groupsOf(n), rows],
    );
  }

  stretchBackward(rows: number, gaussians: Tensor, links: Tensor, dGaussians: Tensor, weight: number, reach: number): void {
    const [, n, most] = links.shape;
    const arrays = [at(gaussians, rows * 5 * n), at(links, 3 * n * most), at(dGaussians, rows * 5 * n)];
    const floats = [(2 * reach ** 2 * weight) / rows, reach ** 2];
    this.queue.dispatch('stretch-backward', { whole: [n, most], floats }, arrays, [groupsOf(n), rows]);
  }

  sumRows(rows: number, x: Tensor, out: Tensor): void {
    this.sumColumns(rows, out.length, at(x, rows * out.length), at(out));
  }

  scaleKinds(rows: number, x: Tensor, factors: readonly number[]): void {
    const width = x.shape[x.shape.length - 1];
    const count = rows * width;
    this.queue.dispatchEach('scale-kinds', count, { whole: [count, width / 5], floats: factors }, [at(x, count)]);
  }

  adam(parameter: Tensor, gradient: Tensor, m: Tensor, v: Tensor, settings: AdamSettings): void {
    const { learningRate, beta1, beta2, epsilon, weightDecay, l2 = 0, step } = settings;
    const { length } = parameter;
    const rate = learningRate / (1 - beta1 ** step);
    const correction = 1 / (1 - beta2 ** step);
    this.queue.dispatchEach(
      'adam',
      length,
      { whole: [length], floats: [rate, beta1, 1 - beta1, beta2, 1 - beta2, correction, epsilon, learningRate * weightDecay, 2 * l2] },
      [at(parameter), at(gradient, length), at(m, length), at(v, length)],
    );
  }

  /** Bytes of tensors and work space on the device. */
  get bytesHeld(): number {
    return this.bytes + [...this.spaces.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  async dispose(): Promise<void> {
    await this.queue.close();
  }

  /** out[batch, rows, columns] = left · right over the depth, + bias and ReLU. */
  private multiply(
    [rows, depth, columns]: readonly [number, number, number],
    left: Side,
    right: Side,
    out: DeviceArray,
    { batches = 1, bias = null, isRelu = false }: { batches?: number; bias?: DeviceArray | null; isRelu?: boolean } = {},
  ): void {
    const tilesOf = (rowGroups: number) => [Math.ceil(columns / PRODUCT_COLUMNS), Math.ceil(rows / (rowGroups * PRODUCT_ROWS))] as const;
    const large = tilesOf(2);
    const rowGroups = rows > PRODUCT_ROWS && batches * large[0] * large[1] >= ENOUGH_GROUPS ? 2 : 1;
    const tiles = tilesOf(rowGroups);
    const wanted = batches > 1 ? 1 : Math.ceil(ENOUGH_GROUPS / (tiles[0] * tiles[1]));
    const mostParts = Math.max(Math.min(wanted, Math.floor(depth / SHORTEST_PART)), 1);
    const partDepth = Math.ceil(depth / mostParts / PRODUCT_STEP) * PRODUCT_STEP;
    const parts = Math.ceil(depth / partDepth);
    const ending = [Number(bias !== null), Number(isRelu)];
    const product = parts > 1 ? this.space('parts of a product', parts * rows * columns * 4) : out;
    this.queue.dispatch(
      'matrix-product',
      {
        whole: [
          ...[rows, columns, depth, parts, partDepth],
          ...[left.stride, left.depthStride, left.batchStride ?? 0],
          ...[right.depthStride, right.stride, right.batchStride ?? 0],
          ...(parts > 1 ? [0, 0] : ending),
        ],
        overrides: { rowGroups },
      },
      [left.array, right.array, bias ?? this.nothing, product],
      [...tiles, batches * parts],
    );
    if (parts > 1)
      this.queue.dispatchEach('sum-parts', rows * columns, { whole: [rows * columns, columns, parts, ...ending] }, [
        product,
        bias ?? this.nothing,
        out,
      ]);
  }

  private sumColumns(rows: number, width: number, x: DeviceArray, out: DeviceArray): void {
    this.queue.dispatch('sum-rows', { whole: [rows, width] }, [x, out], [groupsOf(width)]);
  }

  /** A run weighs its rings in one way, so this seldom writes. */
  private share(tables: ProjectionTables, shares: Float32Array): void {
    if (tables.laidShares?.every((share, k) => share === shares[k])) return;
    this.queue.write(tables.shares, 0, shares);
    tables.laidShares = shares.slice();
  }

  private projectionTables(geometry: RingGeometry): ProjectionTables {
    const key = `${geometry.boxSize} ${geometry.rings}`;
    let tables = this.tables.get(key);
    if (!tables) this.tables.set(key, (tables = layProjectionTables(this.queue, geometry)));
    return tables;
  }

  private space(purpose: string, bytes: number): DeviceArray {
    let space = this.spaces.get(purpose);
    if (!space || space.bytes < bytes) {
      if (space) this.queue.release(space);
      this.spaces.set(purpose, (space = this.queue.allocate(bytes)));
    }
    return space;
  }
}

const groupsOf = (count: number) => Math.ceil(count / GROUP);
