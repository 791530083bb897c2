// The CTF against closed forms: its value at zero, the radii of its zeros, the axes of astigmatism, the electron's wavelength.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ctfValue, electronWavelengthAngstrom, evaluateCtf } from '../../daemon/particles/ctf.js';
import type { CtfParameters } from '../../daemon/particles/particle-set.js';

const plain: CtfParameters = {
  defocusUAngstrom: 15000,
  defocusVAngstrom: 15000,
  defocusAngleDegrees: 0,
  voltageKv: 300,
  sphericalAberrationMm: 2.7,
  amplitudeContrast: 0.1,
  phaseShiftDegrees: 0,
};

test('the relativistic wavelength is 0.0196875 Å at 300 kV and 0.0250793 Å at 200 kV, from the constants of h, m and e', () => {
  // RELION's rounded 12.2643247 (method.md section 1) lies 6e-6 above the exact constant.
  assert.ok(Math.abs(electronWavelengthAngstrom(300) / 0.0196875 - 1) < 1e-5);
  assert.ok(Math.abs(electronWavelengthAngstrom(200) / 0.0250793 - 1) < 1e-5);
  // λ = h / √(2 m e V (1 + eV / 2mc²)) with CODATA constants.
  const [h, m, e, c] = [6.62607015e-34, 9.1093837e-31, 1.602176634e-19, 299792458];
  for (const kv of [80, 120, 200, 300]) {
    const exact = (h / Math.sqrt(2 * m * e * kv * 1e3 * (1 + (e * kv * 1e3) / (2 * m * c * c)))) * 1e10;
    assert.ok(Math.abs(electronWavelengthAngstrom(kv) / exact - 1) < 1e-5);
  }
});

test("at frequency zero it is +Q0, RELION's sign for bright particles, and sin(asin Q0 + shift) with a phase plate", () => {
  assert.ok(Math.abs(ctfValue(plain, 0, 0) - 0.1) < 1e-12);
  assert.ok(Math.abs(ctfValue({ ...plain, phaseShiftDegrees: 90 }, 0, 0) - Math.sqrt(1 - 0.01)) < 1e-12);
});

test('zero n lies where π λ δf k² − ½ π Cs λ³ k⁴ + asin Q0 = n π, the smaller root of a quadratic in k²', () => {
  const wavelength = electronWavelengthAngstrom(plain.voltageKv);
  const a = (Math.PI / 2) * 2.7e7 * wavelength ** 3;
  const b = Math.PI * wavelength * 15000;
  for (const n of [1, 2, 5, 10]) {
    const c = n * Math.PI - Math.asin(0.1);
    const k = Math.sqrt((b - Math.sqrt(b * b - 4 * a * c)) / (2 * a));
    // The slope there is about 2πλδf k < 1e3, so rounding of k at 1e-16 moves the value by far less than 1e-10.
    for (const angle of [0, 1, 2.5]) assert.ok(Math.abs(ctfValue(plain, k * Math.cos(angle), k * Math.sin(angle))) < 1e-10, `zero ${n}`);
    assert.equal(Math.sign(ctfValue(plain, k * 0.99, 0)), n % 2 === 1 ? 1 : -1);
  }
});

test('underfocus, as positive defocus is: at low resolution more defocus brings the first zero nearer, so the CTF grows faster', () => {
  assert.ok(ctfValue({ ...plain, defocusUAngstrom: 20000, defocusVAngstrom: 20000 }, 0.02, 0) > ctfValue(plain, 0.02, 0));
  assert.ok(ctfValue({ ...plain, defocusUAngstrom: -20000, defocusVAngstrom: -20000 }, 0.02, 0) < 0);
});

test('with astigmatism it has the defocus U along the angle, V across it, and their mean half-way', () => {
  const astigmatic = { ...plain, defocusUAngstrom: 20000, defocusVAngstrom: 12000, defocusAngleDegrees: 30 };
  const along = (degrees: number, k: number) =>
    ctfValue(astigmatic, k * Math.cos((degrees * Math.PI) / 180), k * Math.sin((degrees * Math.PI) / 180));
  const round = (defocus: number, k: number) => ctfValue({ ...plain, defocusUAngstrom: defocus, defocusVAngstrom: defocus }, k, 0);
  for (const k of [0.01, 0.05, 0.1, 0.25]) {
    for (const [degrees, defocus] of [
      [30, 20000],
      [210, 20000],
      [120, 12000],
      [75, 16000],
      [-15, 16000],
    ]) {
      // The phase reaches some 80 rad; sines of it are good to about 1e-13.
      assert.ok(Math.abs(along(degrees, k) - round(defocus, k)) < 1e-11, `${degrees}° at ${k}`);
    }
  }
});

test('the phase shift adds to the argument: 180° turn the sign everywhere', () => {
  for (const k of [0, 0.03, 0.2]) assert.ok(Math.abs(ctfValue({ ...plain, phaseShiftDegrees: 180 }, k, k) + ctfValue(plain, k, k)) < 1e-11);
});

test('many frequencies at once give the same as one by one', () => {
  const astigmatic = { ...plain, defocusVAngstrom: 14000, defocusAngleDegrees: -50 };
  const kx = Float32Array.from({ length: 50 }, (_, i) => (i - 25) * 0.01);
  const ky = Float32Array.from({ length: 50 }, (_, i) => i * 0.004);
  const out = new Float32Array(50);
  evaluateCtf(astigmatic, kx, ky, out);
  out.forEach((value, i) => void assert.equal(value, Math.fround(ctfValue(astigmatic, kx[i], ky[i]))));
});
