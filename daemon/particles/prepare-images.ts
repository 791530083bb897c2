// From stored particle images to what training compares with: centred, phase-flipped, of one contrast, and only the Fourier pixels of the rings in use.

import type { RingGeometry } from '../compute/ring-geometry.js';
import { fft2d } from '../numerics/fft.js';
import { Cancelled, type Reporter } from '../training/progress.js';
import { ctfValue } from './ctf.js';
import type { ParticleSet } from './particle-set.js';
import { RowStore } from './row-store.js';

/**
 * Turns images of one particle set into ring rows: out[2·planeSize] is the transform of the image with the particle's
 * centre moved to pixel b/2 of the computing box, multiplied by the sign of its CTF and by `contrast`.
 * Absolute scale does not matter, since every comparison is a correlation.
 */
export class ImagePreparer {
  private readonly re: Float64Array;
  private readonly im: Float64Array;
  private readonly image: Float32Array;
  /** Waves that move the particle's centre, along x for kx = −rings … rings and along y for ky = 0 … rings: cosines, then sines. */
  private readonly waveX: Float64Array;
  private readonly waveY: Float64Array;

  constructor(
    private readonly particles: ParticleSet,
    private readonly geometry: RingGeometry,
    private readonly contrast: 1 | -1,
  ) {
    const pixels = particles.boxSize ** 2;
    this.re = new Float64Array(pixels);
    this.im = new Float64Array(pixels);
    this.image = new Float32Array(pixels);
    this.waveX = new Float64Array(2 * (2 * geometry.rings + 1));
    this.waveY = new Float64Array(2 * (geometry.rings + 1));
  }

  /** Particles `first` and, unless it is −1, `second`: the two share one complex transform. Throws InputError on an unreadable or not finite image. */
  prepare(first: number, second: number, outFirst: Float32Array, outSecond: Float32Array | null): void {
    const { particles, re, im, image } = this;
    particles.readImage(first, image);
    re.set(image);
    im.fill(0);
    if (second >= 0) {
      particles.readImage(second, image);
      im.set(image);
    }
    fft2d(re, im, particles.boxSize, particles.boxSize);
    this.crop(first, outFirst, false);
    if (second >= 0 && outSecond) this.crop(second, outSecond, true);
  }

  private crop(particle: number, out: Float32Array, isImaginaryPart: boolean): void {
    const { particles, geometry, re, im } = this;
    const { rings, stride, planeSize, weights } = geometry;
    const b = particles.boxSize;
    const ctf = particles.ctf?.[particle] ?? null;
    const flip = ctf !== null && !particles.phaseFlipped && !particles.ctfPremultiplied;
    const perPixel = 1 / (b * particles.pixelSizeAngstrom);
    // The particle's centre lies at b//2 − origin (method.md section 1).
    const centreX = Math.floor(b / 2) - particles.shiftsPixels[2 * particle];
    const centreY = Math.floor(b / 2) - particles.shiftsPixels[2 * particle + 1];
    fillWave(this.waveX, -rings, (2 * Math.PI * centreX) / b, this.contrast);
    fillWave(this.waveY, 0, (2 * Math.PI * centreY) / b, 1);
    const [widthX, widthY] = [2 * rings + 1, rings + 1];
    for (let kx = -rings; kx <= rings; kx++) {
      const [xr, xi] = [this.waveX[kx + rings], this.waveX[widthX + kx + rings]];
      for (let ky = 0; ky <= rings; ky++) {
        const index = (kx + rings) * stride + ky;
        if (weights[index] === 0) continue;
        const i = ky * b + ((kx + b) % b);
        const j = ((b - ky) % b) * b + ((b - kx) % b);
        // Of re + i·im with both images real, the first image's transform is the Hermitian part, the second's the other.
        const fr = isImaginaryPart ? (im[i] + im[j]) / 2 : (re[i] + re[j]) / 2;
        const fi = isImaginaryPart ? (re[j] - re[i]) / 2 : (im[i] - im[j]) / 2;
        const sign = flip && ctfValue(ctf, kx * perPixel, ky * perPixel) < 0 ? -1 : 1;
        const [yr, yi] = [this.waveY[ky], this.waveY[widthY + ky]];
        const cosine = sign * (xr * yr - xi * yi);
        const sine = sign * (xr * yi + xi * yr);
        out[index] = fr * cosine - fi * sine;
        out[planeSize + index] = fr * sine + fi * cosine;
      }
    }
  }
}

/** wave[count] = factor · (−1)^k cos(k·angle) for k = first, first + 1, …, then as many sines. The sign moves the centre on to b/2 of the computing box. */
function fillWave(wave: Float64Array, first: number, angle: number, factor: number): void {
  const count = wave.length / 2;
  for (let i = 0; i < count; i++) {
    const k = first + i;
    const sign = k % 2 === 0 ? factor : -factor;
    wave[i] = sign * Math.cos(k * angle);
    wave[count + i] = sign * Math.sin(k * angle);
  }
}

/** Prepares every particle into a file of rows. `chosen`: rows of the particle set, in the order of the store. */
export async function prepareImages(
  particles: ParticleSet,
  chosen: ArrayLike<number>,
  geometry: RingGeometry,
  contrast: 1 | -1,
  path: string,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<RowStore> {
  const width = 2 * geometry.planeSize;
  const store = RowStore.create(path, chosen.length, width);
  const preparer = new ImagePreparer(particles, geometry, contrast);
  const pair = new Float32Array(2 * width);
  for (let i = 0; i < chosen.length; i += 2) {
    const alone = i + 1 === chosen.length;
    preparer.prepare(chosen[i], alone ? -1 : chosen[i + 1], pair.subarray(0, width), alone ? null : pair.subarray(width));
    store.write(i, alone ? pair.subarray(0, width) : pair);
    if (i % 64 === 0) {
      if (signal?.aborted) throw new Cancelled('stopped while preparing images');
      reporter.progress('preparing images', i, chosen.length);
      // A turn of the event loop, or no signal would ever be heard.
      await new Promise(resolve => setImmediate(resolve));
    }
  }
  reporter.progress('preparing images', chosen.length, chosen.length);
  return store;
}
