// The contrast transfer function with RELION's sign (method.md section 1): CTF = −sin(γ − K3), so that it is +Q0 at frequency zero.
//
//   γ(k) = −π λ δf(α) k² + (π/2) Cs λ³ k⁴ − phase shift,   K3 = asin(Q0),
//   δf(α) = U cos²(α − α0) + V sin²(α − α0), positive for underfocus, α the direction of k, α0 the direction of U.
import type { CtfParameters } from './particle-set.js';

const DEGREE = Math.PI / 180;
const ANGSTROM_PER_MM = 1e7;

/** Relativistic electron wavelength, Å: 0.0196875 at 300 kV. */
export function electronWavelengthAngstrom(voltageKv: number): number {
  const volts = voltageKv * 1e3;
  return 12.2643247 / Math.sqrt(volts * (1 + 0.978466e-6 * volts));
}

/** The numbers that do not depend on k: CTF = sin(xx·kx² + xy·kx·ky + yy·ky² + fourth·k⁴ + constant). */
interface CtfCoefficients {
  xx: number;
  xy: number;
  yy: number;
  fourth: number;
  constant: number;
}

function coefficients(ctf: CtfParameters): CtfCoefficients {
  const wavelength = electronWavelengthAngstrom(ctf.voltageKv);
  const cosine = Math.cos(ctf.defocusAngleDegrees * DEGREE);
  const sine = Math.sin(ctf.defocusAngleDegrees * DEGREE);
  const { defocusUAngstrom: u, defocusVAngstrom: v } = ctf;
  const perDefocus = Math.PI * wavelength;
  return {
    xx: perDefocus * (u * cosine * cosine + v * sine * sine),
    xy: perDefocus * 2 * (u - v) * cosine * sine,
    yy: perDefocus * (u * sine * sine + v * cosine * cosine),
    fourth: -(Math.PI / 2) * ctf.sphericalAberrationMm * ANGSTROM_PER_MM * wavelength ** 3,
    constant: Math.asin(ctf.amplitudeContrast) + ctf.phaseShiftDegrees * DEGREE,
  };
}

function valueAt(c: CtfCoefficients, kx: number, ky: number): number {
  const square = kx * kx + ky * ky;
  return Math.sin(c.xx * kx * kx + c.xy * kx * ky + c.yy * ky * ky + c.fourth * square * square + c.constant);
}

/** CTF at one spatial frequency, 1/Å along the image's x and y. */
export function ctfValue(ctf: CtfParameters, kxPerAngstrom: number, kyPerAngstrom: number): number {
  return valueAt(coefficients(ctf), kxPerAngstrom, kyPerAngstrom);
}

/** CTF of one particle at many frequencies: out[i] at (kx[i], ky[i]), 1/Å, in whatever order the caller keeps its half plane. */
export function evaluateCtf(ctf: CtfParameters, kxPerAngstrom: Float32Array, kyPerAngstrom: Float32Array, out: Float32Array): void {
  const c = coefficients(ctf);
  for (let i = 0; i < out.length; i++) out[i] = valueAt(c, kxPerAngstrom[i], kyPerAngstrom[i]);
}
