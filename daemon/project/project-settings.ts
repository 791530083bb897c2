// project.json: what a project is made of, with versioned, plain fields.

export interface ProjectSettings {
  format: 'limber-project';
  version: 1;
  name: string;
  /** Absolute paths, or relative to the project folder. */
  particles: string;
  imagesDir: string | null;
  map: string | null;
  mask: string | null;
  model: string | null;
  /** Schoenflies symbol, C1 without symmetry. */
  symmetry: string;
  /** Of the stored images; the star file's own unless --pixel-size was given. */
  pixelSizeAngstrom: number;
  boxSize: number;
  particleCount: number;
  /** +1, or −1 where the images have inverted contrast: the mean correlation with the projected consensus map decides. */
  contrast: 1 | -1;
  /** Mean correlation of the (phase-flipped, centred) images with the projected consensus map; null without a map. */
  contrastCorrelation: number | null;
  /** Absolute contour for the consensus map; null without a map. */
  contour: number | null;
}
