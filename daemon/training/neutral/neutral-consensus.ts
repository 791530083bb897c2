// The map that a project's neutral model is fitted to: its consensus map, or where it has none, a reconstruction from its aligned particles.

import { InputError } from '../../formats/input-error.js';
import { consensusContour } from '../../maps/contour.js';
import { weightShells } from '../../maps/filter.js';
import { fourierShellCorrelation, resolutionAt } from '../../maps/fsc.js';
import { ceilingOfHalves, ceilingOfMap } from '../../maps/noise-ceiling.js';
import { reconstruct, spreadPairs } from '../../maps/reconstruct.js';
import type { ParticleSet } from '../../particles/particle-set.js';
import type { ProjectFolder } from '../../project/project-folder.js';
import type { Reporter } from '../progress.js';
import { type Consensus, rotationCentre } from './map-projections.js';

export interface ConsensusOptions {
  /** Å; nothing finer is asked of a reconstruction. */
  resolutionAngstrom: number;
  /** null: all of the machine. */
  threads: number | null;
}

/** Particles reconstructed at most: at 8 Å more change the map of a molecule less than fitting it does. */
const MOST_PARTICLES = 20_000;

/** Throws InputError where the particles show nothing, Cancelled after an abort. */
export async function neutralConsensus(
  project: ProjectFolder,
  particles: ParticleSet,
  options: ConsensusOptions,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<Consensus> {
  const { settings } = project;
  const map = project.readMap();
  const mask = project.readMask();
  if (map && settings.map !== null) {
    const contour = settings.contour ?? consensusContour(map);
    return { name: settings.map, map, mask, contour, ceiling: ceilingOfMap(map, contour, mask), centreAngstrom: rotationCentre(map) };
  }
  const middle = Math.floor(settings.boxSize / 2) * settings.pixelSizeAngstrom;
  const centreAngstrom = mask ? rotationCentre(mask) : ([middle, middle, middle] as const);
  const { map: raw, halves } = await reconstruct(
    particles,
    spreadPairs(particles.count, MOST_PARTICLES),
    {
      centreAngstrom,
      contrast: settings.contrast,
      symmetry: settings.symmetry,
      resolutionAngstrom: options.resolutionAngstrom,
      halves: true,
      threads: options.threads ?? undefined,
    },
    reporter,
    signal,
  );
  if (!halves) throw new Error('half-maps were asked for and did not come');
  const halfCorrelation = fourierShellCorrelation(halves[0], halves[1], mask);
  const ceiling = signalOnly(ceilingOfHalves(halfCorrelation.correlation));
  if (!(ceiling[1] > 0))
    throw new InputError(
      `${particles.file}: a reconstruction shows no molecule; check orientations and images, or give limber new a --map`,
    );
  reporter.note(
    `no map was given: the neutral model is fitted to a reconstruction of the particles, whose half-maps agree to ${resolutionAt(halfCorrelation, 0.143).toFixed(1)} Å (FSC 0.143)`,
  );
  // Each shell by how far it can be trusted, as after a refinement.
  const weighted = weightShells(raw, ceiling);
  return { name: 'a reconstruction of the particles', map: weighted, mask, contour: consensusContour(weighted), ceiling, centreAngstrom };
}

/** From the first shell without any signal on, what follows is chance. */
function signalOnly(ceiling: Float64Array): Float64Array {
  const end = ceiling.findIndex((value, shell) => shell > 0 && !(value > 0));
  return ceiling.map((value, shell) => (shell === 0 ? 1 : end >= 0 && shell >= end ? 0 : value));
}
