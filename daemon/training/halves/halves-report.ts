// What repeating a run on both halves of its particles has shown: the report.json of its halves.

import type { CountSuggestion } from '../../latent/analysis.js';
import type { CoordinateAgreement } from '../../latent/latent-alignment.js';

/** How well one model's latents are told by the other's. */
export interface LatentAgreement {
  /** Share of the variance over all coordinates, on particles that the map has not seen. */
  explained: number;
  /** z0, z1, … of the model that is told. */
  coordinates: CoordinateAgreement[];
}

/** One state: a cluster of half 1's latents, and what lies there of half 2's. */
export interface StateAgreement {
  state: number;
  /** Entries of either half: particles, or particles in one of their symmetric orientations. */
  entries: [number, number];
  /** Share of its half. */
  share: [number, number];
  /** Å where the FSC of the two maps falls below 0.143 and 0.5, in the mask where there is one; null where a half has none. */
  resolutionAngstrom: number | null;
  resolutionAtHalfAngstrom: number | null;
  /** Correlation of what sets the state apart from the mean of all, between the halves; and the highest such with another state. Null with one state. */
  difference: number | null;
  differenceToOthers: number | null;
}

/** report.json of a run's halves. */
export interface HalvesReport {
  format: 'limber-halves';
  version: 1;
  run: string;
  epochs: number;
  particles: [number, number];
  /** Symmetric orientations that each particle is used in. */
  copies: number;
  gaussians: [number, number];
  /** Mean ring correlation of either half's last epoch. */
  frc: [number | null, number | null];
  seeds: [number, number];
  latents: {
    /** What half 2's model tells of half 1's latents, and the other way. */
    half1FromHalf2: LatentAgreement;
    half2FromHalf1: LatentAgreement;
    /** The share explained where particles are paired at random: what is chance. */
    shuffledExplained: number;
  };
  clusters: {
    count: number;
    suggestion: CountSuggestion;
    /** Adjusted Rand index of the clusters that the two models put the same particles in. */
    adjustedRandIndex: number;
    /** The same, where half 2's particles are clustered anew instead of being carried over. */
    adjustedRandIndexAnew: number;
  };
  states: StateAgreement[];
  /** Å: what sets the states apart was compared up to here. */
  differenceResolutionAngstrom: number;
  /** Null where positions were not to vary. */
  displacements: DisplacementAgreement | null;
}

/** How the two models move the molecule between pairs of particles, at the Gaussians of half 1's neutral model, weighted by their amplitudes. */
export interface DisplacementAgreement {
  pairs: number;
  /** Of all components of all displacements. */
  correlation: number;
  /** Root mean square displacement by either model, and of their difference, Å. */
  rmsAngstrom: [number, number];
  disagreementAngstrom: number;
}
