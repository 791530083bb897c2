// Projection with ring correlation and its gradient, one particle a piece of work.

import { imageTransform, imageTransformAdjoint, transformScratch } from './image-transform';
import { correlateRings, correlationGradient } from './ring-correlation';
import { nextPiece } from './simd';
import { draw, drawBackward, tableBytes } from './splat';

// @ts-ignore: decorator
@inline
function roundUp(bytes: usize): usize {
  return (bytes + 63) & ~63;
}

// @ts-ignore: decorator
@inline
function rowStrideOf(box: i32): i32 {
  return (box + 8 + 3) & ~3;
}

/** Bytes of scratch that a thread needs for a box and its rings. */
export function projectionScratchBytes(box: i32, rings: i32, stride: i32): i32 {
  const image = roundUp(<usize>(box * rowStrideOf(box)) << 2);
  const plane = roundUp(<usize>((2 * rings + 1) * stride) << 3);
  return <i32>(image + plane + roundUp(transformScratch(box, stride)) + roundUp(tableBytes(box)) + 3 * roundUp(<usize>(rings + 1) << 2));
}

/** See the contract. `gaussianStride`: floats between particles' Gaussians, 0 when shared. dGaussians and ringFrc may be 0. */
export function projectAndCorrelate(
  thread: i32, threads: i32, rows: i32, n: i32, box: i32, rings: i32, stride: i32, referenceSigma: f32, blur: f32, plan: usize, order: usize, ringStart: usize, ring: usize, weights: usize, shares: usize,
  gaussians: usize, gaussianStride: i32, rotations: usize, images: usize, scale: f32, frc: usize, dGaussians: usize, ringFrc: usize, scratch: usize, scratchStride: usize,
): void {
  const rowStride = rowStrideOf(box);
  const planeSize = (2 * rings + 1) * stride;
  const imageBytes = <usize>(box * rowStride) << 2;
  const picture = scratch + <usize>thread * scratchStride;
  const model = picture + roundUp(imageBytes);
  const transformSpace = model + roundUp(<usize>planeSize << 3);
  const tables = transformSpace + roundUp(transformScratch(box, stride));
  const toImage = tables + roundUp(tableBytes(box));
  const toModel = toImage + roundUp(<usize>(rings + 1) << 2);
  const ownRings = toModel + roundUp(<usize>(rings + 1) << 2);

  for (let particle = nextPiece(); particle < rows; particle = nextPiece()) {
    const row = gaussians + (<usize>(particle * gaussianStride) << 2);
    const rotation = rotations + <usize>(particle * 36);
    const image = images + (<usize>(particle * planeSize) << 3);
    memory.fill(picture, 0, imageBytes);
    draw(row, n, rotation, box, rowStride, referenceSigma, blur, picture, tables);
    imageTransform(picture, rowStride, box, rings, stride, plan, model, transformSpace);
    const correlations = ringFrc ? ringFrc + (<usize>(particle * (rings + 1)) << 2) : ownRings;
    store<f32>(frc + (<usize>particle << 2), correlateRings(model, image, planeSize, rings, order, ringStart, weights, shares, scale, correlations, toImage, toModel));
    if (!dGaussians) continue;
    correlationGradient(model, image, planeSize, ring, weights, toImage, toModel);
    imageTransformAdjoint(model, rowStride, box, rings, stride, plan, picture, transformSpace);
    drawBackward(row, n, rotation, box, rowStride, referenceSigma, blur, picture, tables, dGaussians + (<usize>(particle * 5 * n) << 2));
  }
}
