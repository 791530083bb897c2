// The plain reference of every operation: one thread, simple loops, sums of sines instead of fast transforms. Slow and easy to check by eye.

import { hash32 } from '../../numerics/integer-hash.js';
import type { Activation, AdamSettings, Backend, ProjectionGeometry, Tensor } from '../backend.js';
import { equalShares } from '../ring-geometry.js';

interface PlainTensor extends Tensor {
  data: Float32Array;
}

const dataOf = (tensor: Tensor) => (tensor as PlainTensor).data;

/** A Gaussian is drawn within this many σ; beyond, it is below 4·10⁻⁴ of its peak. */
export const WINDOW_SIGMAS = 4;

export class PlainBackend implements Backend {
  readonly name = 'cpu';
  readonly description = 'plain reference, one thread';

  /** `windowSigmas` Infinity draws every Gaussian over the whole box. */
  constructor(private readonly windowSigmas = WINDOW_SIGMAS) {}

  tensor(shape: readonly number[], data?: Float32Array): Tensor {
    const length = shape.reduce((product, n) => product * n, 1);
    const tensor: PlainTensor = { shape, length, data: new Float32Array(length) };
    if (data) tensor.data.set(data);
    return tensor;
  }

  free(): void {}

  write(tensor: Tensor, data: Float32Array, offset = 0): void {
    dataOf(tensor).set(data, offset);
  }

  async read(tensor: Tensor): Promise<Float32Array> {
    return dataOf(tensor).slice();
  }

  fill(tensor: Tensor, value: number): void {
    dataOf(tensor).fill(value);
  }

  dense(rows: number, x: Tensor, w: Tensor, bias: Tensor, y: Tensor, activation: Activation): void {
    const [inputs, outputs] = w.shape;
    const [X, W, b, Y] = [dataOf(x), dataOf(w), dataOf(bias), dataOf(y)];
    const sums = new Float64Array(outputs);
    for (let r = 0; r < rows; r++) {
      sums.set(b);
      for (let i = 0; i < inputs; i++) {
        const xi = X[r * inputs + i];
        if (xi === 0) continue;
        for (let o = 0; o < outputs; o++) sums[o] += xi * W[i * outputs + o];
      }
      for (let o = 0; o < outputs; o++) Y[r * outputs + o] = activation === 'relu' ? Math.max(sums[o], 0) : sums[o];
    }
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
    const [X, W, Y, DY] = [dataOf(x), dataOf(w), dataOf(y), dataOf(dY)];
    if (activation === 'relu') for (let i = 0; i < rows * outputs; i++) if (Y[i] <= 0) DY[i] = 0;
    const DB = dataOf(dBias).fill(0);
    for (let r = 0; r < rows; r++) for (let o = 0; o < outputs; o++) DB[o] += DY[r * outputs + o];
    const sums = new Float64Array(outputs);
    for (let i = 0; i < inputs; i++) {
      sums.fill(0);
      for (let r = 0; r < rows; r++) {
        const xi = X[r * inputs + i];
        if (xi !== 0) for (let o = 0; o < outputs; o++) sums[o] += xi * DY[r * outputs + o];
      }
      dataOf(dW).set(sums, i * outputs);
    }
    if (!dX) return;
    for (let r = 0; r < rows; r++) {
      for (let i = 0; i < inputs; i++) {
        let sum = 0;
        for (let o = 0; o < outputs; o++) sum += DY[r * outputs + o] * W[i * outputs + o];
        dataOf(dX)[r * inputs + i] = sum;
      }
    }
  }

  dropout(rows: number, x: Tensor, rate: number, key: number): void {
    const X = dataOf(x);
    const count = rows * x.shape[x.shape.length - 1];
    const threshold = Math.floor(rate * 2 ** 32);
    const factor = Math.fround(1 / (1 - rate));
    for (let e = 0; e < count; e++) X[e] = hash32((hash32(e) + key) >>> 0) < threshold ? 0 : X[e] * factor;
  }

  batchStatistics(rows: number, x: Tensor, statistics: Tensor, running: Tensor, momentum: number): void {
    const width = x.shape[x.shape.length - 1];
    const [X, S, R] = [dataOf(x), dataOf(statistics), dataOf(running)];
    for (let c = 0; c < width; c++) {
      let [sum, squares] = [0, 0];
      for (let r = 0; r < rows; r++) sum += X[r * width + c];
      const mean = sum / rows;
      for (let r = 0; r < rows; r++) squares += (X[r * width + c] - mean) ** 2;
      S[c] = mean;
      S[width + c] = squares / rows;
    }
    for (let i = 0; i < 2 * width; i++) R[i] = momentum * R[i] + (1 - momentum) * S[i];
  }

  batchNormalise(rows: number, x: Tensor, statistics: Tensor, epsilon: number, scale: Tensor, shift: Tensor, y: Tensor): void {
    const width = scale.length;
    const [X, S, a, b, Y] = [dataOf(x), dataOf(statistics), dataOf(scale), dataOf(shift), dataOf(y)];
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < width; c++) Y[r * width + c] = (a[c] * (X[r * width + c] - S[c])) / Math.sqrt(S[width + c] + epsilon) + b[c];
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
    const [X, S, a, DY, DX] = [dataOf(x), dataOf(statistics), dataOf(scale), dataOf(dY), dataOf(dX)];
    for (let c = 0; c < width; c++) {
      const deviation = Math.sqrt(S[width + c] + epsilon);
      const normalised = (r: number) => (X[r * width + c] - S[c]) / deviation;
      let [sum, along] = [0, 0];
      for (let r = 0; r < rows; r++) {
        sum += DY[r * width + c];
        along += DY[r * width + c] * normalised(r);
      }
      // Through the mean and the variance every row of the batch moves all rows, those outside the batch too.
      for (let r = 0; r < rows; r++) {
        const through = r < batchRows ? (sum + normalised(r) * along) / batchRows : 0;
        DX[r * width + c] = (a[c] / deviation) * (DY[r * width + c] - through);
      }
      dataOf(dShift)[c] = sum;
      dataOf(dScale)[c] = along;
    }
  }

  add(count: number, a: Tensor, b: Tensor, out: Tensor): void {
    for (let i = 0; i < count; i++) dataOf(out)[i] = dataOf(a)[i] + dataOf(b)[i];
  }

  latentPenaltyBackward(rows: number, z: Tensor, dZ: Tensor, weight: number): void {
    const dims = z.shape[z.shape.length - 1];
    for (let r = 0; r < rows; r++) {
      const row = dataOf(z).subarray(r * dims, (r + 1) * dims);
      const length = Math.hypot(...row);
      if (length > 1) for (let d = 0; d < dims; d++) dataOf(dZ)[r * dims + d] += (weight * row[d]) / (length * rows);
    }
  }

  latentPullBackward(rows: number, z: Tensor, places: Tensor, dZ: Tensor, weight: number): void {
    const count = rows * z.shape[z.shape.length - 1];
    for (let i = 0; i < count; i++) dataOf(dZ)[i] += (weight * (dataOf(z)[i] - dataOf(places)[i])) / rows;
  }

  gaussians(rows: number, offsets: Tensor, hasOrigin: boolean, neutral: Tensor, vary: Tensor, out: Tensor): void {
    const width = vary.length;
    const neutralStride = neutral.length === width ? 0 : width;
    const [O, base, mask, G] = [dataOf(offsets), dataOf(neutral), dataOf(vary), dataOf(out)];
    for (let r = 0; r < rows; r++) {
      for (let i = 0; i < width; i++) {
        const origin = hasOrigin ? O[rows * width + i] : 0;
        const sigmoid = 1 / (1 + Math.exp(-(base[r * neutralStride + i] + mask[i] * (O[r * width + i] - origin))));
        G[r * width + i] = sigmoid + kindShift(i, width);
      }
    }
  }

  gaussiansBackward(rows: number, out: Tensor, dOut: Tensor, hasOrigin: boolean, vary: Tensor, dOffsets: Tensor): void {
    const width = vary.length;
    const [G, DG, mask, DO] = [dataOf(out), dataOf(dOut), dataOf(vary), dataOf(dOffsets)];
    if (hasOrigin) DO.fill(0, rows * width, (rows + 1) * width);
    for (let r = 0; r < rows; r++) {
      for (let i = 0; i < width; i++) {
        const sigmoid = G[r * width + i] - kindShift(i, width);
        const d = DG[r * width + i] * mask[i] * sigmoid * (1 - sigmoid);
        DO[r * width + i] = d;
        if (hasOrigin) DO[rows * width + i] -= d;
      }
    }
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
    const { gaussians: n, ringGeometry: g } = geometry;
    const rings = g.rings + 1;
    const shares = geometry.ringShares ?? equalShares(g.rings);
    const transform = plainTransform(g.boxSize, g.rings, g.stride);
    for (let r = 0; r < rows; r++) {
      const row = dataOf(gaussians).subarray(shared ? 0 : r * 5 * n, (shared ? 0 : r * 5 * n) + 5 * n);
      const A = dataOf(rotations).subarray(r * 9, r * 9 + 9);
      const image = dataOf(images).subarray(r * 2 * g.planeSize, (r + 1) * 2 * g.planeSize);
      const P = transform.forward(this.draw(geometry, row, A));

      const cross = new Float64Array(rings);
      const modelPower = new Float64Array(rings);
      const imagePower = new Float64Array(rings);
      for (let i = 0; i < g.planeSize; i++) {
        const w = g.weights[i];
        const [pr, pi, ir, ii] = [P[i], P[g.planeSize + i], image[i], image[g.planeSize + i]];
        cross[g.ring[i]] += w * (pr * ir + pi * ii);
        modelPower[g.ring[i]] += w * (pr * pr + pi * pi);
        imagePower[g.ring[i]] += w * (ir * ir + ii * ii);
      }
      // A ring in which one side has nothing correlates with nothing: zero, with no gradient.
      const correlation = cross.map((c, k) =>
        k > 0 && modelPower[k] > 0 && imagePower[k] > 0 ? c / Math.sqrt(modelPower[k] * imagePower[k]) : 0,
      );
      if (ringFrc) dataOf(ringFrc).set(correlation, r * rings);
      dataOf(frc)[r] = correlation.reduce((sum, c, k) => sum + shares[k] * c, 0);
      if (!dGaussians) continue;

      // d(correlation)/dP = w (I / √(p i) − correlation · P / p)
      const dP = new Float64Array(2 * g.planeSize);
      for (let i = 0; i < g.planeSize; i++) {
        const k = g.ring[i];
        if (correlation[k] === 0) continue;
        const toImage = 1 / Math.sqrt(modelPower[k] * imagePower[k]);
        const factor = scale * g.weights[i] * shares[k];
        for (const plane of [0, g.planeSize])
          dP[plane + i] = factor * (image[plane + i] * toImage - (correlation[k] / modelPower[k]) * P[plane + i]);
      }
      this.drawBackward(geometry, row, A, transform.adjoint(dP), dataOf(dGaussians).subarray(r * 5 * n, (r + 1) * 5 * n));
    }
  }

  stretchBackward(rows: number, gaussians: Tensor, links: Tensor, dGaussians: Tensor, weight: number, reach: number): void {
    const [, n, most] = links.shape;
    const [G, L, DG] = [dataOf(gaussians), dataOf(links), dataOf(dGaussians)];
    for (let r = 0; r < rows; r++)
      for (let a = 0; a < n; a++)
        for (let m = 0; m < most; m++) {
          const [b, rest, share] = [0, 1, 2].map(plane => L[(plane * n + a) * most + m]);
          const apart = [0, 1, 2].map(axis => G[r * 5 * n + axis * n + a] - G[r * 5 * n + axis * n + b]);
          const length = Math.hypot(...apart);
          if (share === 0 || length === 0) continue;
          const stretch = length - rest;
          const slope = (((weight / rows) * share * 2 * reach ** 2) / (stretch ** 2 + reach ** 2) ** 2) * stretch;
          apart.forEach((value, axis) => {
            DG[r * 5 * n + axis * n + a] += (slope * value) / length;
          });
        }
  }

  /** Projection P(t) = Σ A (2πσ²)⁻¹ exp(−|t − (Rc)_xy|² / 2σ²), σ in pixels, centre at pixel b/2 (method.md section 2). */
  draw(geometry: ProjectionGeometry, row: ArrayLike<number>, A: ArrayLike<number>): Float64Array {
    const {
      gaussians: n,
      ringGeometry: { boxSize: b },
    } = geometry;
    const image = new Float64Array(b * b);
    for (let i = 0; i < n; i++) {
      const s = this.seen(geometry, row, A, i);
      const peak = row[3 * n + i] / (2 * Math.PI * s.variance);
      for (let y = s.y0; y <= s.y1; y++)
        for (let x = s.x0; x <= s.x1; x++) image[y * b + x] += peak * Math.exp(-((x - s.u) ** 2 + (y - s.v) ** 2) / (2 * s.variance));
    }
    return image;
  }

  private drawBackward(
    geometry: ProjectionGeometry,
    row: ArrayLike<number>,
    A: ArrayLike<number>,
    dImage: Float64Array,
    dRow: Float32Array,
  ): void {
    const {
      gaussians: n,
      ringGeometry: { boxSize: b },
      referenceSigmaPixels,
    } = geometry;
    for (let i = 0; i < n; i++) {
      const s = this.seen(geometry, row, A, i);
      let [sum, sumX, sumY, sumR2] = [0, 0, 0, 0];
      for (let y = s.y0; y <= s.y1; y++) {
        for (let x = s.x0; x <= s.x1; x++) {
          const r2 = (x - s.u) ** 2 + (y - s.v) ** 2;
          const weighted = dImage[y * b + x] * Math.exp(-r2 / (2 * s.variance));
          sum += weighted;
          sumX += weighted * (x - s.u);
          sumY += weighted * (y - s.v);
          sumR2 += weighted * r2;
        }
      }
      const amplitude = row[3 * n + i];
      const norm = 1 / (2 * Math.PI * s.variance);
      const dU = (amplitude * norm * sumX) / s.variance;
      const dV = (amplitude * norm * sumY) / s.variance;
      for (let axis = 0; axis < 3; axis++) dRow[axis * n + i] = b * (A[axis] * dU + A[3 + axis] * dV);
      dRow[3 * n + i] = norm * sum;
      // variance = (width · reference)² + blur
      const dVariance = amplitude * norm * (sumR2 / (2 * s.variance * s.variance) - sum / s.variance);
      dRow[4 * n + i] = dVariance * 2 * row[4 * n + i] * referenceSigmaPixels ** 2;
    }
  }

  /** Where Gaussian i falls in the image, pixels, and the window it is drawn in. */
  private seen(geometry: ProjectionGeometry, row: ArrayLike<number>, A: ArrayLike<number>, i: number) {
    const {
      gaussians: n,
      ringGeometry: { boxSize: b },
      referenceSigmaPixels,
      blurVariancePixels,
    } = geometry;
    const [x, y, z] = [row[i], row[n + i], row[2 * n + i]];
    const u = b * (A[0] * x + A[1] * y + A[2] * z) + b / 2;
    const v = b * (A[3] * x + A[4] * y + A[5] * z) + b / 2;
    const variance = (row[4 * n + i] * referenceSigmaPixels) ** 2 + blurVariancePixels;
    const reach = this.windowSigmas * Math.sqrt(variance);
    const first = (t: number) => Math.max(Math.ceil(t - reach), 0);
    const last = (t: number) => Math.min(Math.floor(t + reach), b - 1);
    return { u, v, variance, x0: first(u), x1: last(u), y0: first(v), y1: last(v) };
  }

  sumRows(rows: number, x: Tensor, out: Tensor): void {
    const width = out.length;
    const sums = new Float64Array(width);
    for (let r = 0; r < rows; r++) for (let i = 0; i < width; i++) sums[i] += dataOf(x)[r * width + i];
    dataOf(out).set(sums);
  }

  scaleKinds(rows: number, x: Tensor, factors: readonly number[]): void {
    const width = x.shape[x.shape.length - 1];
    for (let i = 0; i < rows * width; i++) dataOf(x)[i] *= factors[Math.floor((5 * (i % width)) / width)];
  }

  adam(parameter: Tensor, gradient: Tensor, m: Tensor, v: Tensor, settings: AdamSettings): void {
    const { learningRate, beta1, beta2, epsilon, weightDecay, l2 = 0, step } = settings;
    const [P, G, M, V] = [dataOf(parameter), dataOf(gradient), dataOf(m), dataOf(v)];
    const correction1 = 1 / (1 - beta1 ** step);
    const correction2 = 1 / (1 - beta2 ** step);
    for (let i = 0; i < P.length; i++) {
      const g = G[i] + 2 * l2 * P[i];
      M[i] = beta1 * M[i] + (1 - beta1) * g;
      V[i] = beta2 * V[i] + (1 - beta2) * g * g;
      P[i] -= learningRate * ((M[i] * correction1) / (Math.sqrt(V[i] * correction2) + epsilon) + weightDecay * P[i]);
    }
  }

  async dispose(): Promise<void> {}
}

/** sigmoid − 0.5 for the centre, sigmoid for the amplitude, sigmoid + 0.5 for the width. */
function kindShift(i: number, width: number): number {
  const kind = Math.floor((5 * i) / width);
  return kind < 3 ? -0.5 : kind === 3 ? 0 : 0.5;
}

/** The half-plane transform of a real b×b image by its definition, first along x and then along y, and its adjoint. */
export function plainTransform(b: number, rings: number, stride: number) {
  const cos = Float64Array.from({ length: b }, (_, i) => Math.cos((2 * Math.PI * i) / b));
  const sin = Float64Array.from({ length: b }, (_, i) => Math.sin((2 * Math.PI * i) / b));
  const columns = 2 * rings + 1;
  const plane = columns * stride;
  const phase = (k: number, t: number) => (((k * t) % b) + b) % b;

  /** image[b·b] → 2·plane, real then imaginary: Σ image(x, y) e^(−2πi (kx x + ky y)/b). */
  function forward(image: ArrayLike<number>): Float64Array {
    const out = new Float64Array(2 * plane);
    const re = new Float64Array(b);
    const im = new Float64Array(b);
    for (let kx = -rings; kx <= rings; kx++) {
      re.fill(0);
      im.fill(0);
      for (let y = 0; y < b; y++) {
        for (let x = 0; x < b; x++) {
          const value = image[y * b + x];
          if (value === 0) continue;
          const p = phase(kx, x);
          re[y] += value * cos[p];
          im[y] -= value * sin[p];
        }
      }
      for (let ky = 0; ky <= rings; ky++) {
        let [sr, si] = [0, 0];
        for (let y = 0; y < b; y++) {
          const p = phase(ky, y);
          sr += re[y] * cos[p] + im[y] * sin[p];
          si += im[y] * cos[p] - re[y] * sin[p];
        }
        out[(kx + rings) * stride + ky] = sr;
        out[plane + (kx + rings) * stride + ky] = si;
      }
    }
    return out;
  }

  /** dTransform[2·plane] → dImage[b·b]: the transpose of `forward` as a real linear map. */
  function adjoint(dTransform: ArrayLike<number>): Float64Array {
    const dImage = new Float64Array(b * b);
    const re = new Float64Array(b);
    const im = new Float64Array(b);
    for (let kx = -rings; kx <= rings; kx++) {
      for (let y = 0; y < b; y++) {
        let [sr, si] = [0, 0];
        for (let ky = 0; ky <= rings; ky++) {
          const [gr, gi] = [dTransform[(kx + rings) * stride + ky], dTransform[plane + (kx + rings) * stride + ky]];
          const p = phase(ky, y);
          sr += gr * cos[p] - gi * sin[p];
          si += gi * cos[p] + gr * sin[p];
        }
        re[y] = sr;
        im[y] = si;
      }
      for (let x = 0; x < b; x++) {
        const p = phase(kx, x);
        for (let y = 0; y < b; y++) dImage[y * b + x] += re[y] * cos[p] - im[y] * sin[p];
      }
    }
    return dImage;
  }

  return { forward, adjoint };
}
