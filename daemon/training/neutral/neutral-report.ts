// What a neutral model is said to be: its report on disk, and how well it agrees with its map.

import { GOAL, LEAST_CEILING } from './neutral-model.js';

/** neutral/neutral.json: what the model is, for people and for the daemon. Arrays begin with ring or shell 1; number k is at boxAngstrom / k. */
export interface NeutralReport {
  gaussians: number;
  resolutionAngstrom: number;
  referenceSigmaAngstrom: number;
  boxAngstrom: number;
  centreAngstrom: [number, number, number];
  seed: number;
  /** Ring correlation with unseen projections of the map. */
  ringFrc: number[];
  /** What it was fitted to. The rest is missing from models made before it was measured. */
  fittedTo?: string;
  /** Fourier shell correlation of the Gaussians' density with that map, both in the project's mask where there is one. */
  fsc?: number[];
  /** The same when the model had seen nothing but the map: settling on the particles takes it to what they have in common. */
  fscBeforeSettling?: number[];
  /** The highest that the noise of the map leaves to a perfect model. */
  noiseCeiling?: number[];
}

/** The shell of `report.fsc`, of those that count, that is lowest against what the map's noise allows, what a model is judged by. */
export interface LowestShell {
  fsc: number;
  angstrom: number;
  /** 1 where the map shows no noise. */
  ceiling: number;
  /** Whether every shell is above 0.95 of its ceiling (paper: above 0.95). */
  isGoalReached: boolean;
}

/** null for a report from before the correlation was measured. */
export function lowestShell({ fsc, noiseCeiling, boxAngstrom }: NeutralReport): LowestShell | null {
  if (!fsc || !noiseCeiling || fsc.length === 0) return null;
  const margin = fsc.map((value, i) => value - GOAL * noiseCeiling[i]);
  const seen = margin.filter((_, i) => noiseCeiling[i] >= LEAST_CEILING);
  if (seen.length === 0) return null;
  const i = margin.indexOf(Math.min(...seen));
  return { fsc: fsc[i], angstrom: boxAngstrom / (i + 1), ceiling: noiseCeiling[i], isGoalReached: margin[i] >= 0 };
}

/** For people: "FSC with FILE at least 0.983 (at 12.2 Å)". */
export function describeAgreement(report: NeutralReport): string {
  const lowest = lowestShell(report);
  if (!lowest) return 'FSC with the map not measured';
  const noise = lowest.ceiling < 1 ? `, where the map's noise leaves ${lowest.ceiling.toFixed(3)}` : '';
  const verdict = lowest.isGoalReached ? '' : `, below the goal of ${GOAL}`;
  return `FSC with ${report.fittedTo} at least ${lowest.fsc.toFixed(3)} (at ${lowest.angstrom.toFixed(1)} Å${noise})${verdict}`;
}
