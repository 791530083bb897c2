// The registry of `npm run accuracy`: every set that is measured, a line each.

import { assemblyTrial, independentAssembly, ownAssembly } from './assembly.js';
import { classMapsTrial } from './class-maps.js';
import { hingeTrial } from './hinge.js';
import { iggTrial } from './igg.js';
import { missingForIgg } from './igg-set.js';
import { linearEndsTrial } from './linear-ends.js';
import { neutralTrial } from './neutral.js';
import { orientationTrial } from './orientations.js';
import { HARD, PLAIN, simulatedTrial } from './simulated.js';
import { independentSimulator, missingForIndependent, ownSimulator, type SimulatedKind } from './simulators.js';
import { independentTrimer, missingForSpike, ownSpike, spikeTrial } from './spike.js';
import type { Trial, TrialContext } from './trial.js';
import { missingForTwoStates, TWO_STATES_CHOICES, twoStatesTrial } from './two-states.js';
import { undoneMotionTrial } from './undone-motion.js';

export interface AccuracySet {
  /** Words with hyphens between them; `--sets` takes the whole name, or one of its words for all sets that have it. */
  name: string;
  /** Whether other seeds make other data; otherwise one seed is enough. */
  isSeeded: boolean;
  /** What is missing on this machine to measure it, in a few words; null: nothing. */
  missing: () => string | null;
  trial: (seed: number, context: TrialContext) => Promise<Trial>;
}

const KINDS: readonly SimulatedKind[] = ['linear', 'cyclic', 'mixture'];
const nothing = () => null;
let python: string | null | undefined;
// A process is started to find out: once is enough.
const pythonMissing = () => (python === undefined ? (python = missingForIndependent()) : python);

export const SETS: readonly AccuracySet[] = [
  ...[PLAIN, HARD].flatMap(conditions =>
    [ownSimulator, independentSimulator].flatMap(simulator =>
      KINDS.map((kind): AccuracySet => {
        const name = [kind, ...(simulator === independentSimulator ? ['independent'] : []), ...(conditions === HARD ? ['hard'] : [])].join(
          '-',
        );
        return {
          name,
          isSeeded: true,
          missing: simulator === independentSimulator ? pythonMissing : nothing,
          trial: (seed, context) => simulatedTrial(name, kind, simulator, conditions, seed, context),
        };
      }),
    ),
  ),
  {
    name: 'linear-paper',
    isSeeded: true,
    missing: nothing,
    trial: (seed, context) => simulatedTrial('linear-paper', 'linear', ownSimulator, PLAIN, seed, context, { preset: 'paper' }),
  },
  { name: 'neutral', isSeeded: true, missing: nothing, trial: neutralTrial },
  {
    name: 'orientations',
    isSeeded: true,
    missing: nothing,
    trial: (seed, context) => orientationTrial('orientations', ownSimulator, seed, context),
  },
  {
    name: 'orientations-independent',
    isSeeded: true,
    missing: pythonMissing,
    trial: (seed, context) => orientationTrial('orientations-independent', independentSimulator, seed, context),
  },
  { name: 'assembly', isSeeded: true, missing: nothing, trial: (seed, context) => assemblyTrial('assembly', ownAssembly, seed, context) },
  {
    name: 'assembly-independent',
    isSeeded: true,
    missing: pythonMissing,
    trial: (seed, context) => assemblyTrial('assembly-independent', independentAssembly, seed, context),
  },
  { name: 'class-maps', isSeeded: true, missing: nothing, trial: classMapsTrial },
  {
    name: 'linear-ends',
    isSeeded: true,
    missing: nothing,
    trial: (seed, context) => linearEndsTrial('linear-ends', PLAIN, seed, context),
  },
  { name: 'hinge', isSeeded: true, missing: nothing, trial: hingeTrial },
  { name: 'undone', isSeeded: true, missing: nothing, trial: (seed, context) => undoneMotionTrial('undone', PLAIN, seed, context) },
  {
    name: 'undone-hard',
    isSeeded: true,
    missing: nothing,
    trial: (seed, context) => undoneMotionTrial('undone-hard', HARD, seed, context),
  },
  {
    name: 'spike',
    isSeeded: true,
    missing: missingForSpike,
    trial: (seed, context) => spikeTrial('spike', ownSpike, seed, context),
  },
  {
    name: 'trimer-independent',
    isSeeded: true,
    missing: pythonMissing,
    trial: (seed, context) => spikeTrial('trimer-independent', independentTrimer, seed, context),
  },
  { name: 'igg', isSeeded: true, missing: missingForIgg, trial: (seed, context) => iggTrial('igg', {}, seed, context) },
  {
    name: 'igg-noisier',
    isSeeded: true,
    missing: missingForIgg,
    trial: (seed, context) => iggTrial('igg-noisier', { noisePlace: 'after cropping' }, seed, context),
  },
  ...TWO_STATES_CHOICES.map(
    ({ name, choice }): AccuracySet => ({
      name,
      isSeeded: false,
      missing: missingForTwoStates,
      trial: (seed, context) => twoStatesTrial(choice, seed, context),
    }),
  ),
];

/** The sets that a word of `--sets` means; none for an unknown one. */
export function setsNamed(word: string): AccuracySet[] {
  const exact = SETS.filter(({ name }) => name === word);
  return exact.length > 0 ? exact : SETS.filter(({ name }) => name.split('-').includes(word));
}
