// A backend that also counts: the arithmetic of every operation that is asked of it, and the memory of the tensors it holds.
//
// Counted is what the formulas need, an addition or a multiplication as one, a division or root as one: not what a clever kernel saves
// (rings left out of a transform) nor what a plain one wastes (pixels outside a Gaussian's window). So the rates of backends compare.

import type { Backend, ProjectionGeometry, Tensor } from './backend.js';

export interface BackendCounts {
  /** Floating-point operations since the beginning. */
  operations: number;
  /** Bytes of the tensors that are held now. */
  bytes: number;
}

/** Range reduction, a polynomial of degree six, the exponent put in. */
const EXPONENTIAL = 20;
/** Of one end of a link. */
const STRETCH = 24;
/** A Gaussian is drawn within ± so many σ (method.md section 2). */
const WINDOW_SIGMAS = 4;

type Counts = { [K in keyof Backend]?: Backend[K] extends (...args: infer A) => unknown ? (...args: A) => number : never };

/** Floating-point operations of each operation of the contract; those left out do none. */
const operationsOf: Counts = {
  // A product and a sum per weight and row, the bias, the comparison of ReLU.
  dense: (rows, _x, w, bias) => 2 * rows * (w.length + bias.length),
  denseBackward: (rows, _x, w, _y, _dY, _activation, dX, _dW, dBias) => (dX ? 4 : 2) * rows * w.length + 2 * rows * dBias.length,
  // The masks are made of whole numbers.
  dropout: (rows, x) => rows * x.shape[x.shape.length - 1],
  // A sum for the mean; a difference, its square and a sum for the variance; the running mean of both.
  batchStatistics: (rows, x) => (4 * rows + 6) * x.shape[x.shape.length - 1],
  // A difference, a product, a sum; a root, a division and a product for each column.
  batchNormalise: (rows, _x, _statistics, _epsilon, scale) => (3 * rows + 4) * scale.length,
  // x̂, the sums of dY and of dY · x̂, and dY less what goes through mean and variance.
  batchNormaliseBackward: (rows, _batchRows, _x, _statistics, _epsilon, scale) => (10 * rows + 6) * scale.length,
  add: count => count,
  latentPenaltyBackward: (rows, z) => 5 * rows * z.shape[z.shape.length - 1],
  latentPullBackward: (rows, z) => 3 * rows * z.shape[z.shape.length - 1],
  // sigmoid(neutral + vary · (offset − origin)) and its shift.
  gaussians: (rows, _offsets, _hasOrigin, _neutral, vary) => rows * vary.length * (EXPONENTIAL + 6),
  // vary · p · (1 − p) · dOut, and the sum for the origin.
  gaussiansBackward: (rows, _out, _dOut, _hasOrigin, vary) => 5 * rows * vary.length,
  projectAndCorrelate: (rows, geometry, _gaussians, _shared, _rotations, _images, _scale, _frc, dGaussians) =>
    rows * projectionOperations(geometry, dGaussians !== null),
  // The difference of both ends, its length, what it is too long, the slope, and the slope along the link.
  stretchBackward: (rows, _gaussians, links) => (rows * STRETCH * links.length) / 3,
  sumRows: (rows, _x, out) => rows * out.length,
  scaleKinds: (rows, x) => rows * x.shape[x.shape.length - 1],
  // m: 3, v: 4, step / (√(v · c) + ε) · m and the decay: 8; the L2 penalty: 2.
  adam: (parameter, _gradient, _m, _v, { l2 }) => (l2 ? 17 : 15) * parameter.length,
};

/** Floating-point operations of one particle's projection and ring correlation: Gaussians at the reference width, none cut by the edge. */
export function projectionOperations(
  { gaussians, ringGeometry, referenceSigmaPixels, blurVariancePixels }: ProjectionGeometry,
  withGradient: boolean,
): number {
  const { boxSize, weights } = ringGeometry;
  const side = Math.min(2 * WINDOW_SIGMAS * Math.sqrt(referenceSigmaPixels ** 2 + blurVariancePixels) + 1, boxSize);
  // Two rows of the rotation, then a table along each side.
  const tables = 14 + 2 * side * (EXPONENTIAL + 4);
  const draw = tables + 2 * side ** 2;
  // Sums of g·e times 1, t and t² in every column, the four moments along the row, and the chain rule at the end.
  const drawBackward = tables + 6 * side ** 2 + 8 * side + 40;
  // 2.5 n log₂ n for the real transform of n pixels, the usual count.
  const transform = 2.5 * boxSize ** 2 * Math.log2(boxSize ** 2);
  const compared = weights.reduce((sum, weight) => sum + Number(weight > 0), 0);
  // Re P·I*, |P|² and |I|² with their weights and sums; the gradient is a multiple of I and one of P.
  return (
    gaussians * (draw + Number(withGradient) * drawBackward) + (1 + Number(withGradient)) * transform + (withGradient ? 21 : 15) * compared
  );
}

/** `backend` itself to whoever computes, with the counts beside it. */
export function countOperations(backend: Backend): { backend: Backend; counts: BackendCounts } {
  const counts: BackendCounts = { operations: 0, bytes: 0 };
  const counted = new Proxy(backend, {
    get(target, name: keyof Backend) {
      const value = target[name];
      if (typeof value !== 'function') return value;
      const operations = operationsOf[name] as ((...args: unknown[]) => number) | undefined;
      return (...args: unknown[]) => {
        counts.operations += operations?.(...args) ?? 0;
        const result = (value as (...args: unknown[]) => unknown).apply(target, args);
        if (name === 'tensor') counts.bytes += 4 * (result as Tensor).length;
        if (name === 'free') counts.bytes -= 4 * (args[0] as Tensor).length;
        return result;
      };
    },
  });
  return { backend: counted, counts };
}
