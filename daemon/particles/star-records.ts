// Particles as a RELION star file describes them (method.md section 1): 3.0 in one block, 3.1 and later with optics groups.

import { InputError } from '../formats/input-error.js';
import { isPlausiblePixelSize } from '../formats/mrc.js';
import { readStar, type StarFile, type StarTable } from '../formats/star.js';
import { eulerToMatrix } from '../numerics/rotations.js';
import type { ParticleRecords } from './particle-records.js';
import type { CtfParameters } from './particle-set.js';

/** Reads a star file's particles. Throws InputError: malformed, no particles, no orientations, a pixel size or CTF value that cannot be, optics groups that differ in size. */
export function readStarRecords(file: string): ParticleRecords {
  const star = readStar(file);
  const particles = particleTable(star);
  const columns = new ParticleColumns(star, particles);
  const notes: string[] = [];
  const place = (row: number) => `${file}, line ${particles.line(row)}`;
  const { values: shifts, unit: shiftUnit } = readShifts(columns, notes);
  const ctf = readCtf(columns);
  if (!ctf) notes.push(`${file}: no rlnDefocusU column; the images are taken as they are, without a CTF`);
  const halfSets = columns.numbers('rlnRandomSubset');
  noteAberrations(columns, notes);
  return {
    file,
    count: particles.rowCount,
    ...readImageReferences(particles, place),
    rotations: readRotations(columns),
    shifts,
    shiftUnit,
    ctf,
    phaseFlipped: readFlag(columns, 'rlnCtfDataArePhaseFlipped'),
    ctfPremultiplied: readFlag(columns, 'rlnCtfDataAreCtfPremultiplied'),
    halfSet: Uint8Array.from({ length: particles.rowCount }, (_, row) =>
      halfSets?.[row] === 1 || halfSets?.[row] === 2 ? halfSets[row] : 0,
    ),
    pixelSizeAngstrom: readPixelSize(columns, notes),
    boxSize: uniformValue(columns, 'rlnImageSize', 0),
    notes,
    place,
  };
}

/** The block that holds the particles: data_particles, or in older files the one with image names. Throws InputError where there is none, or no row in it. */
export function particleTable(star: StarFile): StarTable {
  const tables = [...star.blocks.values()];
  const table = star.blocks.get('particles') ?? tables.find(candidate => candidate.hasColumn('rlnImageName'));
  if (!table?.hasColumn('rlnImageName')) {
    throw new InputError(`${star.file}: no column _rlnImageName; give the particle star file of a consensus refinement (run_data.star)`);
  }
  if (table.rowCount === 0) throw new InputError(`${star.file}: no particles in data_${table.name}; give a star file with at least one`);
  return table;
}

/** Columns of the particles, a value missing there taken from the particle's optics group. */
class ParticleColumns {
  private readonly optics: StarTable | null;
  /** n: row of the optics table; null where there is none. */
  private readonly opticsRow: Uint32Array | null;

  constructor(
    star: StarFile,
    readonly particles: StarTable,
  ) {
    this.optics = star.blocks.get('optics') ?? null;
    this.opticsRow = this.optics && joinOptics(this.optics, particles, star.file);
  }

  get file(): string {
    return this.particles.file;
  }

  get count(): number {
    return this.particles.rowCount;
  }

  /** One number a particle; null where neither the particles nor the optics groups have the column. */
  numbers(column: string): Float64Array | null {
    if (this.particles.hasColumn(column)) return this.particles.numbers(column);
    if (!this.optics?.hasColumn(column) || !this.opticsRow) return null;
    const ofGroup = this.optics.numbers(column);
    return Float64Array.from(this.opticsRow, row => ofGroup[row]);
  }

  /** As `numbers`; throws InputError, ending in `cure`, where the column is missing. */
  required(column: string, cure: string): Float64Array {
    const values = this.numbers(column);
    if (!values) throw new InputError(`${this.file}: no column _${column}; ${cure}`);
    return values;
  }

  place(row: number): string {
    return `${this.file}, line ${this.particles.line(row)}`;
  }
}

function joinOptics(optics: StarTable, particles: StarTable, file: string): Uint32Array {
  const rows = new Uint32Array(particles.rowCount);
  if (!optics.hasColumn('rlnOpticsGroup') || !particles.hasColumn('rlnOpticsGroup')) {
    if (optics.rowCount !== 1)
      throw new InputError(
        `${file}: ${optics.rowCount} optics groups and no column _rlnOpticsGroup to tell which particle is in which; add it to both tables`,
      );
    return rows;
  }
  const rowOfGroup = new Map(Array.from(optics.numbers('rlnOpticsGroup'), (group, row) => [group, row]));
  particles.numbers('rlnOpticsGroup').forEach((group, row) => {
    const found = rowOfGroup.get(group);
    if (found === undefined)
      throw new InputError(`${file}, line ${particles.line(row)}: optics group ${group} is not in data_optics; add it there`);
    rows[row] = found;
  });
  return rows;
}

/** `000012@folder/stack.mrcs` counts from 1; a name without @ is a file of one image. */
function readImageReferences(
  particles: StarTable,
  place: (row: number) => string,
): Pick<ParticleRecords, 'stackNames' | 'stackOf' | 'imageOf'> {
  const numberOfStack = new Map<string, number>();
  const stackOf = new Uint32Array(particles.rowCount);
  const imageOf = new Uint32Array(particles.rowCount);
  for (let row = 0; row < particles.rowCount; row++) {
    const name = particles.value(row, 'rlnImageName');
    const at = name.indexOf('@');
    const image = at < 0 ? 1 : Number(name.slice(0, at));
    const stack = name.slice(at + 1);
    if (!Number.isInteger(image) || image < 1 || stack === '') {
      throw new InputError(`${place(row)}: image "${name}" is not of the form 000001@stack.mrcs, counted from 1; mend or remove this row`);
    }
    let number = numberOfStack.get(stack);
    if (number === undefined) numberOfStack.set(stack, (number = numberOfStack.size));
    stackOf[row] = number;
    imageOf[row] = image - 1;
  }
  return { stackNames: [...numberOfStack.keys()], stackOf, imageOf };
}

function readRotations(columns: ParticleColumns): Float32Array {
  const [rot, tilt, psi] = ['rlnAngleRot', 'rlnAngleTilt', 'rlnAnglePsi'].map(column =>
    columns.required(column, 'particles need orientations: give the star file of a consensus refinement (run_data.star)'),
  );
  const rotations = new Float32Array(9 * columns.count);
  for (let row = 0; row < columns.count; row++) eulerToMatrix(rot[row], tilt[row], psi[row], rotations, 9 * row);
  return rotations;
}

/** rlnOriginX/YAngst (3.1 and later) or rlnOriginX/Y (3.0, pixels); 0 where the file has neither. */
function readShifts(columns: ParticleColumns, notes: string[]): { values: Float64Array; unit: 'pixel' | 'angstrom' } {
  const unit = columns.particles.hasColumn('rlnOriginXAngst') ? 'angstrom' : 'pixel';
  const suffix = unit === 'angstrom' ? 'Angst' : '';
  const x = columns.numbers(`rlnOriginX${suffix}`);
  const y = columns.numbers(`rlnOriginY${suffix}`);
  if (!x && !y) notes.push(`${columns.file}: no rlnOriginX and rlnOriginY columns; the particles are taken as centred`);
  else if (!x || !y)
    throw new InputError(
      `${columns.file}: no column _rlnOrigin${x ? 'Y' : 'X'}${suffix} beside _rlnOrigin${x ? 'X' : 'Y'}${suffix}; add it`,
    );
  const values = new Float64Array(2 * columns.count);
  for (let row = 0; row < columns.count; row++) {
    values[2 * row] = x?.[row] ?? 0;
    values[2 * row + 1] = y?.[row] ?? 0;
  }
  return { values, unit };
}

/** null where there is no defocus. Angle and phase shift are 0 and V equals U where their columns are missing, as in RELION. */
function readCtf(columns: ParticleColumns): CtfParameters[] | null {
  const defocusU = columns.numbers('rlnDefocusU');
  if (!defocusU) return null;
  const defocusV = columns.numbers('rlnDefocusV') ?? defocusU;
  const angle = columns.numbers('rlnDefocusAngle');
  const phaseShift = columns.numbers('rlnPhaseShift');
  const cure = 'it is needed beside the defocus: add it to the particles or their optics group';
  const voltage = columns.required('rlnVoltage', cure);
  const sphericalAberration = columns.required('rlnSphericalAberration', cure);
  const amplitudeContrast = columns.required('rlnAmplitudeContrast', cure);
  return Array.from({ length: columns.count }, (_, row) => {
    if (!(voltage[row] >= 10 && voltage[row] <= 3000))
      throw new InputError(`${columns.place(row)}: a voltage of ${voltage[row]} kV; rlnVoltage is in kV, 300 for example`);
    if (!(amplitudeContrast[row] >= 0 && amplitudeContrast[row] <= 1)) {
      throw new InputError(`${columns.place(row)}: rlnAmplitudeContrast is ${amplitudeContrast[row]}; it lies between 0 and 1`);
    }
    return {
      defocusUAngstrom: defocusU[row],
      defocusVAngstrom: defocusV[row],
      defocusAngleDegrees: angle?.[row] ?? 0,
      voltageKv: voltage[row],
      sphericalAberrationMm: sphericalAberration[row],
      amplitudeContrast: amplitudeContrast[row],
      phaseShiftDegrees: phaseShift?.[row] ?? 0,
    };
  });
}

/** rlnImagePixelSize; else 10⁴ · rlnDetectorPixelSize (µm) / rlnMagnification; else rlnDetectorPixelSize alone, which then can only be Å. */
function readPixelSize(columns: ParticleColumns, notes: string[]): number | null {
  const imagePixelSize = uniformValue(columns, 'rlnImagePixelSize', 1e-3);
  if (imagePixelSize !== null) return checkedPixelSize(columns.file, 'rlnImagePixelSize', imagePixelSize);
  const detector = uniformValue(columns, 'rlnDetectorPixelSize', 1e-3);
  if (detector === null) return null;
  const magnification = uniformValue(columns, 'rlnMagnification', 1e-3);
  if (magnification !== null)
    return checkedPixelSize(columns.file, '10000 · rlnDetectorPixelSize / rlnMagnification', (1e4 * detector) / magnification);
  notes.push(`${columns.file}: rlnDetectorPixelSize without rlnMagnification is taken as ${detector} Å per pixel`);
  return checkedPixelSize(columns.file, 'rlnDetectorPixelSize', detector);
}

function checkedPixelSize(file: string, source: string, angstrom: number): number {
  if (isPlausiblePixelSize(angstrom)) return angstrom;
  throw new InputError(`${file}: a pixel size of ${angstrom} Å (${source}) cannot be; write the images' true pixel size there`);
}

/** The one value a column has for all particles, within a relative tolerance; null without the column. */
function uniformValue(columns: ParticleColumns, column: string, tolerance: number): number | null {
  const values = columns.numbers(column);
  if (!values) return null;
  const odd = values.findIndex(value => !(Math.abs(value - values[0]) <= tolerance * Math.abs(values[0])));
  if (odd >= 0) {
    throw new InputError(
      `${columns.place(odd)}: ${column} is ${values[odd]}, that of the first particle ${values[0]}; particles of different size cannot be mixed yet: resample them or select one optics group`,
    );
  }
  return values[0];
}

function readFlag(columns: ParticleColumns, column: string): boolean {
  return (uniformValue(columns, column, 0) ?? 0) !== 0;
}

/** Columns that change the images' transform and that the model does not use. */
function noteAberrations(columns: ParticleColumns, notes: string[]): void {
  const ideal: Readonly<Record<string, number>> = {
    rlnBeamTiltX: 0,
    rlnBeamTiltY: 0,
    rlnMagMat00: 1,
    rlnMagMat01: 0,
    rlnMagMat10: 0,
    rlnMagMat11: 1,
  };
  const used = Object.keys(ideal).filter(column => columns.numbers(column)?.some(value => value !== ideal[column]));
  if (used.length > 0) notes.push(`${columns.file}: ${used.join(', ')} are not corrected for`);
}
