// The microscope: the contrast transfer function in RELION's sign, −sin(γ − K3), applied to one image in Fourier space (method.md section 1).

import { transformAlongRows, transpose } from './small-fourier.js';

/** Of one particle; underfocus is positive. */
export interface MicroscopeSettings {
  defocusUAngstrom: number;
  defocusVAngstrom: number;
  defocusAngleDegrees: number;
}

export const VOLTAGE_KV = 300;
export const SPHERICAL_ABERRATION_MM = 2.7;
export const AMPLITUDE_CONTRAST = 0.1;

/** Relativistic electron wavelength, Å, of an acceleration voltage in volts. */
export function wavelengthAngstrom(volts: number): number {
  return 12.2643247 / Math.sqrt(volts * (1 + 0.978466e-6 * volts));
}

/** The CTF of one particle as a function of spatial frequency (kx, ky), 1/Å; near +Q0 at the origin, so that particles are white. */
export function contrastTransfer(settings: MicroscopeSettings): (kx: number, ky: number) => number {
  const lambda = wavelengthAngstrom(VOLTAGE_KV * 1000);
  const mean = (settings.defocusUAngstrom + settings.defocusVAngstrom) / 2;
  const half = (settings.defocusUAngstrom - settings.defocusVAngstrom) / 2;
  const double = (2 * settings.defocusAngleDegrees * Math.PI) / 180;
  const [along, aside] = [half * Math.cos(double), half * Math.sin(double)];
  const spherical = 0.5 * SPHERICAL_ABERRATION_MM * 1e7 * lambda * lambda;
  const amplitudePhase = Math.asin(AMPLITUDE_CONTRAST);
  return (kx, ky) => {
    const k2 = kx * kx + ky * ky;
    // k² · defocus, with defocus = mean + half · cos 2(angle of k − angle of U)
    const defocusTerm = mean * k2 + along * (kx * kx - ky * ky) + aside * 2 * kx * ky;
    return -Math.sin(Math.PI * lambda * (spherical * k2 * k2 - defocusTerm) - amplitudePhase);
  };
}

/** Multiplies the transform of image[b·b] by the CTF, in place. */
export function applyCtf(image: Float64Array, boxSize: number, pixelSizeAngstrom: number, settings: MicroscopeSettings): void {
  const b = boxSize;
  const re = image;
  const im = new Float64Array(b * b);
  transformAlongRows(re, im, b, 1);
  transpose(re, b);
  transpose(im, b);
  transformAlongRows(re, im, b, 1);
  // After one transposition kx runs slowest. The CTF is even and real, so the image stays real.
  const transfer = contrastTransfer(settings);
  const frequency = (i: number) => (i < b / 2 ? i : i - b) / (b * pixelSizeAngstrom);
  for (let i = 0; i < b; i++)
    for (let j = 0; j < b; j++) {
      const [kx, ky] = [frequency(i), frequency(j)];
      // The Nyquist lines of an even box stand for both signs of their frequency.
      const value = (2 * i === b || 2 * j === b ? (transfer(kx, ky) + transfer(-kx, ky)) / 2 : transfer(kx, ky)) / (b * b);
      re[i * b + j] *= value;
      im[i * b + j] *= value;
    }
  transformAlongRows(re, im, b, -1);
  transpose(re, b);
  transpose(im, b);
  transformAlongRows(re, im, b, -1);
}
