// Which layers of the scene are shown, and how; and their names in Mol*'s state tree.

export interface SceneOptions {
  atomicModel: boolean;
  consensusMap: boolean;
  gaussians: boolean;
  density: boolean;
  arrows: boolean;
  /** Absolute, in the map's own values. */
  mapContour: number;
  /** Absolute, in amplitude per Å³ (method.md section 2); see suggestDensityContour. */
  densityContour: number;
  /** 0 to 1. */
  mapOpacity: number;
  densityOpacity: number;
  /** Sphere radius in units of a Gaussian's sigma. */
  gaussianScale: number;
  /** Arrow length in units of the displacement. */
  arrowScale: number;
  /** Only the longest so many displacements get an arrow. */
  arrowCount: number;
  background: 'light' | 'dark';
}

export const DEFAULT_OPTIONS: SceneOptions = {
  atomicModel: true,
  consensusMap: false,
  gaussians: false,
  density: true,
  arrows: true,
  mapContour: 0,
  densityContour: 0.01,
  mapOpacity: 0.2,
  densityOpacity: 0.35,
  gaussianScale: 0.5,
  arrowScale: 1,
  arrowCount: 400,
  background: 'light',
};

/** Colours that stay apart without colour vision, each for its ground. */
export const SCENE_COLOURS = {
  light: { ground: 0xffffff, map: 0x8a93a0, density: 0x4c9ac0, arrows: 0xd55e00, axes: 0x33363d },
  dark: { ground: 0x12161d, map: 0xa9b4c4, density: 0x56b4e9, arrows: 0xf0883e, axes: 0xe6ebf1 },
} as const;

/** Chains; the arrows' vermilion is left out (P. Tol's "bright" scheme, which stays apart without colour vision). */
export const CHAIN_COLOURS = [0x4477aa, 0x228833, 0xccbb44, 0xaa3377, 0x66ccee, 0x999999];

/** Names of our nodes in the state tree: a saved session brings them back under the same names. */
export const REF = {
  mapFile: 'limber-map-file',
  mapVolume: 'limber-map-volume',
  map: 'limber-map',
  modelFile: 'limber-model-file',
  movedModel: 'limber-moved-model',
  structure: 'limber-structure',
  gaussianModel: 'limber-gaussian-model',
  spheresShape: 'limber-spheres-shape',
  spheres: 'limber-spheres',
  densityShape: 'limber-density-shape',
  density: 'limber-density',
  motion: 'limber-motion',
  shaftsShape: 'limber-arrow-shafts-shape',
  shafts: 'limber-arrow-shafts',
  headsShape: 'limber-arrow-heads-shape',
  heads: 'limber-arrow-heads',
  axesShape: 'limber-turn-axes-shape',
  axes: 'limber-turn-axes',
} as const;
