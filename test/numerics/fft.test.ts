// The Fourier transform against the sum that defines it, and against the theorems every transform obeys.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fft1d, fft2d, fft3d, frequency } from '../../daemon/numerics/fft.js';
import { Random } from '../../daemon/numerics/random.js';

function noise(length: number, seed: number): Float64Array {
  const random = new Random(seed);
  return Float64Array.from({ length }, () => random.normal());
}

/** The definition, term by term. */
function naiveDft(re: Float64Array, im: Float64Array): { re: Float64Array; im: Float64Array } {
  const n = re.length;
  const out = { re: new Float64Array(n), im: new Float64Array(n) };
  for (let k = 0; k < n; k++) {
    for (let x = 0; x < n; x++) {
      const angle = (-2 * Math.PI * ((k * x) % n)) / n;
      out.re[k] += re[x] * Math.cos(angle) - im[x] * Math.sin(angle);
      out.im[k] += re[x] * Math.sin(angle) + im[x] * Math.cos(angle);
    }
  }
  return out;
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i] - b[i]));
  return largest;
}

test('every length is the sum that defines the transform: powers of 2, 3, 5, mixed, primes and prime multiples beyond the butterflies', () => {
  for (const n of [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 15, 16, 17, 20, 23, 27, 30, 36, 46, 60, 64, 65, 97, 100, 106, 128, 210, 225, 254]) {
    const re = noise(n, n);
    const im = noise(n, n + 1000);
    const expected = naiveDft(re, im);
    fft1d(re, im);
    // Sums of n unit normals in double precision: rounding stays far below n · 1e-14.
    assert.ok(largestDifference(re, expected.re) < 1e-13 * (n + 10), `real part at n = ${n}`);
    assert.ok(largestDifference(im, expected.im) < 1e-13 * (n + 10), `imaginary part at n = ${n}`);
  }
});

test('forward then inverse gives the numbers back, in one, two and three dimensions with unlike odd and even sides', () => {
  for (const [nx, ny, nz] of [
    [48, 1, 1],
    [34, 7, 1],
    [20, 33, 6],
    [29, 8, 5],
  ]) {
    const re = noise(nx * ny * nz, 1);
    const im = noise(nx * ny * nz, 2);
    const keptRe = re.slice();
    const keptIm = im.slice();
    for (const inverse of [false, true]) {
      if (nz > 1) fft3d(re, im, [nx, ny, nz], inverse);
      else if (ny > 1) fft2d(re, im, nx, ny, inverse);
      else fft1d(re, im, inverse);
    }
    assert.ok(largestDifference(re, keptRe) < 1e-13);
    assert.ok(largestDifference(im, keptIm) < 1e-13);
  }
});

test('a plane wave in a volume has one coefficient, at its own frequency: the axes are x fastest, z slowest', () => {
  const [nx, ny, nz] = [12, 10, 9];
  const [kx, ky, kz] = [5, 7, 2];
  const re = new Float64Array(nx * ny * nz);
  const im = new Float64Array(nx * ny * nz);
  for (let z = 0, i = 0; z < nz; z++)
    for (let y = 0; y < ny; y++)
      for (let x = 0; x < nx; x++, i++) {
        const angle = 2 * Math.PI * ((kx * x) / nx + (ky * y) / ny + (kz * z) / nz);
        re[i] = Math.cos(angle);
        im[i] = Math.sin(angle);
      }
  fft3d(re, im, [nx, ny, nz]);
  const expected = new Float64Array(re.length);
  expected[(kz * ny + ky) * nx + kx] = re.length;
  assert.ok(largestDifference(re, expected) < 1e-10);
  assert.ok(largestDifference(im, new Float64Array(re.length)) < 1e-10);
});

test('Parseval: the transform keeps the power, up to the factor n of the unnormalised forward transform', () => {
  const [width, height] = [45, 26];
  const re = noise(width * height, 3);
  const im = noise(width * height, 4);
  const power = () => re.reduce((sum, value, i) => sum + value * value + im[i] * im[i], 0);
  const before = power();
  fft2d(re, im, width, height);
  assert.ok(Math.abs(power() / (before * width * height) - 1) < 1e-13);
});

test('shift theorem: moving an image by (dx, dy) multiplies its transform by e^(−2πi(kx dx/w + ky dy/h))', () => {
  const [width, height, dx, dy] = [24, 21, 5, 8];
  const image = noise(width * height, 5);
  const re = image.slice();
  const im = new Float64Array(image.length);
  fft2d(re, im, width, height);
  const movedRe = new Float64Array(image.length);
  const movedIm = new Float64Array(image.length);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) movedRe[((y + dy) % height) * width + ((x + dx) % width)] = image[y * width + x];
  fft2d(movedRe, movedIm, width, height);
  const expected = new Float64Array(image.length);
  for (let i = 0; i < image.length; i++) {
    const angle = -2 * Math.PI * ((frequency(i % width, width) * dx) / width + (frequency(Math.floor(i / width), height) * dy) / height);
    expected[i] = re[i] * Math.cos(angle) - im[i] * Math.sin(angle);
  }
  assert.ok(largestDifference(movedRe, expected) < 1e-11);
});

test('single-precision arrays are transformed in double precision: only the rounding of the stored result is left', () => {
  const n = 96;
  const exact = noise(n, 6);
  const re = Float32Array.from(exact);
  const im = new Float32Array(n);
  const wideRe = Float64Array.from(re);
  const wideIm = new Float64Array(n);
  fft1d(re, im);
  fft1d(wideRe, wideIm);
  assert.deepEqual(re, Float32Array.from(wideRe));
  assert.deepEqual(im, Float32Array.from(wideIm));
});
