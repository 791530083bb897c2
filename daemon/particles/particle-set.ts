// All particles of a project: where each image lies on disk, and how it looks at the molecule. Images stay on disk.

/** The CTF parameters of one particle, in the units of their names (method.md section 1). */
export interface CtfParameters {
  defocusUAngstrom: number;
  defocusVAngstrom: number;
  defocusAngleDegrees: number;
  voltageKv: number;
  sphericalAberrationMm: number;
  amplitudeContrast: number;
  phaseShiftDegrees: number;
}

export interface ParticleSet {
  /** The file it was read from. */
  file: string;
  count: number;
  /** Pixels along each side of the stored images; they are square and all of one size. */
  boxSize: number;
  pixelSizeAngstrom: number;
  /** n × 9, row-major A of each particle: a point r of the volume lands at (A·r)_xy − shift. */
  rotations: Float32Array;
  /** n × 2, rlnOrigin x y in pixels: shifting the image by +shift centres it. */
  shiftsPixels: Float32Array;
  /** null: the file has no CTF, images are taken as they are. */
  ctf: CtfParameters[] | null;
  /** rlnCtfDataArePhaseFlipped: the sign of the CTF is already undone in the images. */
  phaseFlipped: boolean;
  /** rlnCtfDataAreCtfPremultiplied. */
  ctfPremultiplied: boolean;
  /** n: 1 or 2 from rlnRandomSubset, 0 where the file does not say. */
  halfSet: Uint8Array;
  /** Lines the user should read: what was assumed, and how to say otherwise. */
  notes: string[];
  /** Reads image i (0-based row of the file) into out[boxSize²], rows y, x fastest. Throws InputError naming the stack and the image on a truncated stack or a value that is not finite. */
  readImage(i: number, out: Float32Array): void;
  close(): void;
}
