// The Gaussians as spheres: radius from the width, colour from the amplitude; moved by writing into the buffers that are already on screen.
import { Spheres } from 'molstar/lib/mol-geo/geometry/spheres/spheres.js';
import type { SpheresValues } from 'molstar/lib/mol-gl/renderable/spheres.js';
import { Sphere3D } from 'molstar/lib/mol-math/geometry.js';
import { Shape } from 'molstar/lib/mol-model/shape.js';
import { Color } from 'molstar/lib/mol-util/color/index.js';
import { packIntToRGBArray } from 'molstar/lib/mol-util/number-packing.js';
import { ValueCell } from 'molstar/lib/mol-util/value-cell.js';
import type { DecodedFrame } from '../../protocol/messages.js';
import { type Rgb, viridis } from '../panels/colour-ramps.js';

/** What the spheres show; `frame` is replaced as the molecule moves. */
export interface SpheresData {
  frame: DecodedFrame;
  /** Amplitudes at the two ends of the colour ramp. */
  amplitudeRange: [number, number];
  background: 'light' | 'dark';
}

/** How much of the radius the molecule may move before near and far planes cut it; a settled frame measures anew. */
const SPHERE_SLACK = 1.25;
/** Mol* stores sizes in hundredths of an Å. */
const SIZE_STEPS_PER_ANGSTROM = 100;

export function buildSpheres(data: SpheresData, previous?: Shape<Spheres>): Shape<Spheres> {
  const { count } = data.frame;
  // The geometry's buffers are ours to write into; a frame's arrays belong to whoever decoded it.
  const centers = data.frame.positions.slice(0, 3 * count);
  const groups = Float32Array.from({ length: count }, (_, i) => i);
  const spheres = Spheres.create(centers, groups, count, previous?.geometry);
  const { center, radius } = spheres.boundingSphere;
  spheres.setBoundingSphere(Sphere3D.create(center, radius * SPHERE_SLACK));
  return Shape.create(
    'Gaussians',
    data,
    spheres,
    group => Color.fromRgb(...amplitudeColour(data, group)),
    group => data.frame.sigmas[group],
    group => gaussianLabel(data.frame, group),
  );
}

/** True when the frame could be written; false when it has another number of Gaussians and needs new buffers. */
export function writeSpheres(values: SpheresValues, data: SpheresData, frame: DecodedFrame): boolean {
  const { count, positions, sigmas } = frame;
  if (values.centerBuffer.ref.value.length !== 3 * count || (values.lodLevels.ref.value as unknown[]).length > 0) return false;
  data.frame = frame;
  values.centerBuffer.ref.value.set(positions.subarray(0, 3 * count));
  ValueCell.update(values.centerBuffer, values.centerBuffer.ref.value);
  const packed = values.tPositionGroup.ref.value;
  const colours = values.tColor.ref.value;
  const sizes = values.tSize.ref.value;
  for (let i = 0; i < count; i++) {
    packed.array[4 * i] = positions[3 * i];
    packed.array[4 * i + 1] = positions[3 * i + 1];
    packed.array[4 * i + 2] = positions[3 * i + 2];
    const [r, g, b] = amplitudeColour(data, i);
    colours.array[3 * i] = r;
    colours.array[3 * i + 1] = g;
    colours.array[3 * i + 2] = b;
    packIntToRGBArray(Math.round(sigmas[i] * SIZE_STEPS_PER_ANGSTROM), sizes.array, 3 * i);
  }
  ValueCell.update(values.tPositionGroup, packed);
  ValueCell.update(values.tColor, colours);
  ValueCell.update(values.tSize, sizes);
  return true;
}

/** The 2nd and 98th percentile of the amplitudes: a few outliers must not take the whole ramp. */
export function amplitudeRangeOf(frame: DecodedFrame): [number, number] {
  const sorted = Float32Array.from(frame.amplitudes.subarray(0, frame.count)).sort();
  if (sorted.length === 0) return [0, 1];
  const low = sorted[Math.floor(0.02 * (sorted.length - 1))];
  const high = sorted[Math.ceil(0.98 * (sorted.length - 1))];
  // Equal amplitudes all take the middle of the ramp.
  return high > low ? [low, high] : [low - 1e-3, low + 1e-3];
}

function amplitudeColour({ frame, amplitudeRange: [low, high], background }: SpheresData, i: number): Rgb {
  return viridis((frame.amplitudes[i] - low) / (high - low), background);
}

export function gaussianLabel(frame: DecodedFrame, i: number): string {
  return `Gaussian ${i + 1}: amplitude ${frame.amplitudes[i].toPrecision(3)}, σ ${frame.sigmas[i].toFixed(2)} Å`;
}
