// The two tables beside the images: the star file that a program reads, and the truth that it must not see.

import { AMPLITUDE_CONTRAST, SPHERICAL_ABERRATION_MM, VOLTAGE_KV } from './ctf.js';
import type { ImageGeometry } from './projection.js';
import { isCarrierPresent, type MovingMolecule } from './scatterers.js';
import type { ParticleTruth } from './truth.js';

/** RELION 3.1 with an optics block; origins in Å; images count from 1. Under symmetry, rot speaks of the drawn copy. */
export function formatStar(truth: readonly ParticleTruth[], stack: string, geometry: ImageGeometry, copies: number): string {
  const { boxSize, pixelSizeAngstrom } = geometry;
  const ctf = truth[0].ctf !== null;
  const block = (name: string, columns: string[]) => [
    '',
    '# version 30001',
    '',
    `data_${name}`,
    '',
    'loop_',
    ...columns.map((column, i) => `_rln${column} #${i + 1}`),
  ];
  const optics: [string, string | number][] = [
    ['OpticsGroup', 1],
    ['OpticsGroupName', 'opticsGroup1'],
    ...(ctf
      ? ([
          ['AmplitudeContrast', AMPLITUDE_CONTRAST],
          ['SphericalAberration', SPHERICAL_ABERRATION_MM],
          ['Voltage', VOLTAGE_KV],
        ] as [string, number][])
      : []),
    ['ImagePixelSize', pixelSizeAngstrom],
    ['ImageSize', boxSize],
    ['ImageDimensionality', 2],
  ];
  const defocusColumns = ctf ? ['DefocusU', 'DefocusV', 'DefocusAngle', 'PhaseShift'] : [];
  const columns = [
    'ImageName',
    'AngleRot',
    'AngleTilt',
    'AnglePsi',
    'OriginXAngst',
    'OriginYAngst',
    ...defocusColumns,
    'OpticsGroup',
    'RandomSubset',
  ];
  const rows = truth.map((particle, i) => {
    const rot = ((particle.rot + (360 * particle.copy) / copies + 540) % 360) - 180;
    const angles = [rot, particle.tilt, particle.psi].map(value => value.toFixed(4));
    const origins = [particle.originXPixels, particle.originYPixels].map(value => (value * pixelSizeAngstrom).toFixed(6));
    const microscope = particle.ctf
      ? [particle.ctf.defocusUAngstrom, particle.ctf.defocusVAngstrom, particle.ctf.defocusAngleDegrees, 0].map(value => value.toFixed(4))
      : [];
    return [`${String(i + 1).padStart(6, '0')}@${stack}`, ...angles, ...origins, ...microscope, 1, particle.halfSet].join(' ');
  });
  const head = block(
    'optics',
    optics.map(([name]) => name),
  );
  return [...head, optics.map(([, value]) => value).join(' '), ...block('particles', columns), ...rows, ''].join('\n');
}

/**
 * Tab-separated: particle from 1; of a molecule with compositions its `state` from 1; per motion its step from 0 and its value, both nan where what moves is
 * absent; 0 or 1 per optional part; the molecule's own orientation; copy under symmetry.
 */
export function formatTruth(truth: readonly ParticleTruth[], molecule: MovingMolecule, geometry: ImageGeometry): string {
  const { motions, compositions } = molecule;
  // The name is free where a particle has no other state than its only motion's.
  const single = motions.length === 1 && !compositions;
  const motionColumns = motions.flatMap(motion => [single ? 'state' : `state_${motion.name}`, motion.name]);
  const header = [
    'particle',
    ...(compositions ? ['state'] : []),
    ...motionColumns,
    ...molecule.parts.map(part => part.name),
    'view_rot',
    'view_tilt',
    'view_psi',
    'origin_x_angstrom',
    'origin_y_angstrom',
    'copy',
  ];
  const rows = truth.map((particle, i) => [
    i + 1,
    ...(particle.composition === null ? [] : [particle.composition + 1]),
    ...motions.flatMap((motion, m): (number | string)[] => {
      if (!isCarrierPresent(molecule, m, particle.present)) return ['nan', 'nan'];
      return [particle.steps[m], Number(motion.values[particle.steps[m]].toFixed(4))];
    }),
    ...particle.present.map(Number),
    particle.rot,
    particle.tilt,
    particle.psi,
    Number((particle.originXPixels * geometry.pixelSizeAngstrom).toFixed(6)),
    Number((particle.originYPixels * geometry.pixelSizeAngstrom).toFixed(6)),
    particle.copy,
  ]);
  return [header, ...rows].map(row => row.join('\t')).join('\n') + '\n';
}
