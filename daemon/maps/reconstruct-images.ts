// A particle's image as samples for insertion: its transform about the particle's centre, times its CTF, and the CTF squared.

import type { LineTransforms } from '../compute/cpu/line-transforms.js';
import { evaluateCtf } from '../particles/ctf.js';
import type { CtfParameters } from '../particles/particle-set.js';
import { type SamplePlane, STRIDE } from './insertion.js';

/** What all images of a reconstruction share. */
export interface ImageOptics {
  boxSize: number;
  pixelSizeAngstrom: number;
  /** −1: the images have inverted contrast. */
  contrast: 1 | -1;
  phaseFlipped: boolean;
  ctfPremultiplied: boolean;
}

/** What each image has of its own. */
export interface ImagePose {
  /** Row-major A. */
  rotation: Float64Array;
  shiftXPixels: number;
  shiftYPixels: number;
  ctf: CtfParameters | null;
}

export interface PosedImage {
  /** boxSize², rows y, x fastest. */
  image: Float32Array;
  pose: ImagePose;
}

export class SamplePreparer {
  private readonly re: Float32Array;
  private readonly im: Float32Array;
  private readonly kx: Float32Array;
  private readonly ky: Float32Array;
  private readonly ctf: Float32Array;

  constructor(
    private readonly optics: ImageOptics,
    private readonly plane: SamplePlane,
    private readonly transforms: Pick<LineTransforms, 'floats' | 'lines'>,
  ) {
    const { boxSize, pixelSizeAngstrom } = optics;
    this.re = transforms.floats(boxSize ** 2);
    this.im = transforms.floats(boxSize ** 2);
    const { rings, size } = plane;
    const perCycle = 1 / (boxSize * pixelSizeAngstrom);
    this.kx = Float32Array.from({ length: size }, (_, i) => (i % (rings + 1)) * perCycle);
    this.ky = Float32Array.from({ length: size }, (_, i) => (Math.floor(i / (rings + 1)) - rings) * perCycle);
    this.ctf = new Float32Array(size);
  }

  /**
   * Turns `first` and, unless it is null, `second` into samples (the two share one complex transform): STRIDE numbers each, CTF·I about the particle's
   * centre and CTF², written to `out` from the offsets on; what lies outside the rings stays as it is.
   */
  prepare(first: PosedImage, second: PosedImage | null, out: Float32Array, firstOffset: number, secondOffset: number): void {
    const { re, im, transforms } = this;
    const { boxSize: b } = this.optics;
    const { rings } = this.plane;
    re.set(first.image);
    if (second) im.set(second.image);
    else im.fill(0);
    transforms.lines(b, re, im, 0, 1, b, b, false);
    // Along y only the columns |kx| ≤ rings.
    transforms.lines(b, re, im, 0, b, rings + 1, 1, false);
    transforms.lines(b, re, im, b - rings, b, rings, 1, false);
    this.extract(first.pose, false, out, firstOffset);
    if (second) this.extract(second.pose, true, out, secondOffset);
  }

  private extract(pose: ImagePose, isImaginaryPart: boolean, out: Float32Array, offset: number): void {
    const { re, im, ctf } = this;
    const { boxSize: b, contrast, phaseFlipped, ctfPremultiplied } = this.optics;
    const { rings, first, last } = this.plane;
    if (pose.ctf) evaluateCtf(pose.ctf, this.kx, this.ky, ctf);
    else ctf.fill(1);
    // The particle's centre lies at b//2 − origin (method.md section 1): the phase e^(2πi k·centre/b) brings it to the origin.
    const phaseX = (2 * Math.PI * (Math.floor(b / 2) - pose.shiftXPixels)) / b;
    const phaseY = (2 * Math.PI * (Math.floor(b / 2) - pose.shiftYPixels)) / b;
    const cosX = Float64Array.from({ length: rings + 1 }, (_, kx) => Math.cos(phaseX * kx));
    const sinX = Float64Array.from({ length: rings + 1 }, (_, kx) => Math.sin(phaseX * kx));
    for (let ky = -rings; ky <= rings; ky++) {
      const cosY = contrast * Math.cos(phaseY * ky);
      const sinY = contrast * Math.sin(phaseY * ky);
      const row = ((ky + b) % b) * b;
      const mirrorRow = ((b - ky) % b) * b;
      for (let kx = first[ky + rings]; kx <= last[ky + rings]; kx++) {
        const i = row + kx;
        const j = mirrorRow + ((b - kx) % b);
        // Of re + i·im with both images real, the first image's transform is the Hermitian part, the second's the other.
        const fr = isImaginaryPart ? (im[i] + im[j]) / 2 : (re[i] + re[j]) / 2;
        const fi = isImaginaryPart ? (re[j] - re[i]) / 2 : (im[i] - im[j]) / 2;
        const cosine = cosX[kx] * cosY - sinX[kx] * sinY;
        const sine = sinX[kx] * cosY + cosX[kx] * sinY;
        const sample = (ky + rings) * (rings + 1) + kx;
        const c = ctf[sample];
        // Images premultiplied hold CTF² times the projection already, flipped ones |CTF| times it.
        const factor = ctfPremultiplied && pose.ctf ? 1 : phaseFlipped ? Math.abs(c) : c;
        const o = offset + STRIDE * sample;
        out[o] = factor * (fr * cosine - fi * sine);
        out[o + 1] = factor * (fr * sine + fi * cosine);
        out[o + 2] = c * c;
      }
    }
  }
}
