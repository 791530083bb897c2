// Ring correlations of projected Gaussians as one function of tensors, for TensorFlow.js to differentiate (method.md sections 2 and 3).
//
// A Gaussian is the product of one along x and one along y, so a picture is a matrix product of two tables of N × b; its transform is two
// more, with tables of waves. Nothing of N × b × b is ever made.

import type { ProjectionGeometry } from '../backend.js';
import { WINDOW_SIGMAS } from '../cpu/plain-backend.js';
import type { RingGeometry } from '../ring-geometry.js';
import type { TensorFlow, TfTensor } from './array.js';

/** What only box and rings determine. */
export interface ProjectionTables {
  /** [b]: 0, 1, …, b − 1. */
  pixels: TfTensor;
  /** [b, 2·(2K+1)]: cos(2πkx·x/b) for kx = −K … K, then −sin. */
  wavesX: TfTensor;
  /** [b, 2·stride]: cos(2πky·y/b) for ky = 0 … stride − 1, then sin. */
  wavesY: TfTensor;
  /** [planeSize, K+1]: the weight of a pixel in the column of its ring. */
  rings: TfTensor;
}

/** Kept until they are disposed of. */
export function layProjectionTables(
  tf: TensorFlow,
  { boxSize: b, rings, stride, planeSize, weights, ring }: RingGeometry,
): ProjectionTables {
  const columns = 2 * rings + 1;
  const angle = (k: number, t: number) => (2 * Math.PI * ((k * t) % b)) / b;
  const wavesX = new Float32Array(b * 2 * columns);
  const wavesY = new Float32Array(b * 2 * stride);
  for (let t = 0; t < b; t++) {
    for (let c = 0; c < columns; c++) {
      wavesX[t * 2 * columns + c] = Math.cos(angle(c - rings, t));
      wavesX[t * 2 * columns + columns + c] = -Math.sin(angle(c - rings, t));
    }
    for (let k = 0; k < stride; k++) {
      wavesY[t * 2 * stride + k] = Math.cos(angle(k, t));
      wavesY[t * 2 * stride + stride + k] = Math.sin(angle(k, t));
    }
  }
  const ringColumns = new Float32Array(planeSize * (rings + 1));
  for (let i = 0; i < planeSize; i++) ringColumns[i * (rings + 1) + ring[i]] = weights[i];
  return {
    pixels: tf.keep(tf.range(0, b, 1, 'float32')),
    wavesX: tf.keep(tf.tensor2d(wavesX, [b, 2 * columns])),
    wavesY: tf.keep(tf.tensor2d(wavesY, [b, 2 * stride])),
    rings: tf.keep(tf.tensor2d(ringColumns, [planeSize, rings + 1])),
  };
}

/** gaussians[B,5N] seen along rotations[B,9] → pictures[B,b,b], y slow, the centre at pixel b/2. */
export function drawPictures(
  tf: TensorFlow,
  geometry: ProjectionGeometry,
  { pixels }: ProjectionTables,
  gaussians: TfTensor,
  rotations: TfTensor,
): TfTensor {
  const { gaussians: n, ringGeometry, referenceSigmaPixels, blurVariancePixels } = geometry;
  const { boxSize: b } = ringGeometry;
  const rows = gaussians.shape[0];
  const planar = tf.reshape(gaussians, [rows, 5, n]);
  const viewed = tf.reshape(tf.slice(rotations, [0, 0], [rows, 6]), [rows, 2, 3]);
  const centres = tf.add(tf.mul(tf.matMul(viewed, tf.slice(planar, [0, 0, 0], [rows, 3, n])), b), b / 2);
  const widths = tf.slice(planar, [0, 4, 0], [rows, 1, n]);
  const variances = tf.add(tf.square(tf.mul(widths, referenceSigmaPixels)), blurVariancePixels);
  // [B,2,N,b]: exp(−(t − u)²/2σ²) along x, then along y.
  const distances = tf.sub(pixels, tf.expandDims(centres, 3));
  const whole = tf.exp(tf.div(tf.square(distances), tf.expandDims(tf.mul(variances, -2), 3)));
  // Within the window of the other backends, which is where the exponential is above its value at the edge.
  const [alongX, alongY] = tf.unstack(tf.mul(whole, tf.step(tf.sub(whole, Math.exp(-(WINDOW_SIGMAS ** 2) / 2)))), 1);
  const peaks = tf.div(tf.slice(planar, [0, 3, 0], [rows, 1, n]), tf.mul(variances, 2 * Math.PI));
  return tf.matMul(tf.mul(alongY, tf.reshape(peaks, [rows, n, 1])), alongX, true);
}

/** pictures[B,b,b] → their transforms as real and imaginary planes, each [B,planeSize] in the layout of RingGeometry. */
function transform(tf: TensorFlow, { boxSize: b, rings, stride, planeSize }: RingGeometry, tables: ProjectionTables, pictures: TfTensor) {
  const rows = pictures.shape[0];
  const columns = 2 * rings + 1;
  const alongX = tf.matMul(tf.reshape(pictures, [rows * b, b]), tables.wavesX);
  const turned = tf.transpose(tf.reshape(alongX, [rows, b, 2 * columns]), [0, 2, 1]);
  const alongBoth = tf.matMul(tf.reshape(turned, [rows * 2 * columns, b]), tables.wavesY);
  const [re, im] = tf.unstack(tf.reshape(alongBoth, [rows, 2, columns, 2 * stride]), 1);
  const half = (part: TfTensor, first: number) => tf.slice(part, [0, 0, first], [rows, columns, stride]);
  const plane = (values: TfTensor) => tf.reshape(values, [rows, planeSize]);
  // (re + i·im)(cos − i·sin)
  return [plane(tf.add(half(re, 0), half(im, stride))), plane(tf.sub(half(im, 0), half(re, stride)))] as const;
}

/**
 * Correlation of every ring, [B,K+1], of Gaussians[B,5N] seen along rotations[B,9] with images[B,2·planeSize]; ring 0 is 0. Pictures are drawn
 * for `drawnAtOnce` particles together, as suits what computes.
 */
export function ringCorrelations(
  tf: TensorFlow,
  geometry: ProjectionGeometry,
  tables: ProjectionTables,
  gaussians: TfTensor,
  rotations: TfTensor,
  images: TfTensor,
  drawnAtOnce: number,
): TfTensor {
  const { ringGeometry } = geometry;
  const { planeSize } = ringGeometry;
  const rows = gaussians.shape[0];
  const pictures: TfTensor[] = [];
  for (let first = 0; first < rows; first += drawnAtOnce) {
    const count = Math.min(drawnAtOnce, rows - first);
    const [some, views] = [gaussians, rotations].map(all => tf.slice(all, [first, 0], [count, all.shape[1] as number]));
    pictures.push(drawPictures(tf, geometry, tables, some, views));
  }
  const [re, im] = transform(tf, ringGeometry, tables, tf.concat(pictures));
  const imageRe = tf.slice(images, [0, 0], [rows, planeSize]);
  const imageIm = tf.slice(images, [0, planeSize], [rows, planeSize]);
  const perRing = (a: TfTensor, b: TfTensor, c: TfTensor, d: TfTensor) => tf.matMul(tf.add(tf.mul(a, b), tf.mul(c, d)), tables.rings);
  const modelPower = perRing(re, re, im, im);
  const imagePower = perRing(imageRe, imageRe, imageIm, imageIm);
  // A ring in which one side has nothing correlates with nothing: zero, with no gradient. What is no number stays none.
  const isFull = tf.mul(tf.step(modelPower), tf.step(imagePower));
  const isEmpty = tf.sub(1, isFull);
  const sizes = tf.mul(tf.sqrt(tf.add(modelPower, isEmpty)), tf.sqrt(tf.add(imagePower, isEmpty)));
  return tf.mul(tf.div(perRing(re, imageRe, im, imageIm), sizes), isFull);
}
