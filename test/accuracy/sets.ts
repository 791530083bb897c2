// The registry of `npm run accuracy`: every set that is measured, a line each.

import { parameters } from '../../daemon/settings/settings.js';
import { assemblyTrial, independentAssembly, ownAssembly } from './assembly.js';
import { classMapsTrial } from './class-maps.js';
import { hingeTrial } from './hinge.js';
import { iggTrial } from './igg.js';
import { missingForIgg } from './igg-set.js';
import { linearEndsTrial } from './linear-ends.js';
import { independentBody, neutralTrial, ownBody } from './neutral.js';
import { independentSlide, independentTrimerPoses, orientationTrial, ownSlide } from './orientations.js';
import { HARD, PLAIN, SMALL, simulatedTrial } from './simulated.js';
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

/** A set that is made anew for every seed, its trial named as it is. */
const seeded = (
  name: string,
  missing: AccuracySet['missing'],
  trial: (name: string, seed: number, context: TrialContext) => Promise<Trial>,
): AccuracySet => ({ name, isSeeded: true, missing, trial: (seed, context) => trial(name, seed, context) });

export const SETS: readonly AccuracySet[] = [
  ...[PLAIN, HARD].flatMap(conditions =>
    [ownSimulator, independentSimulator].flatMap(simulator =>
      KINDS.map(kind => {
        const name = [kind, ...(simulator === independentSimulator ? ['independent'] : []), ...(conditions === HARD ? ['hard'] : [])].join(
          '-',
        );
        const missing = simulator === independentSimulator ? pythonMissing : nothing;
        return seeded(name, missing, (title, seed, context) => simulatedTrial(title, kind, simulator, conditions, seed, context));
      }),
    ),
  ),
  ...[PLAIN, HARD].flatMap(conditions =>
    KINDS.map(kind =>
      seeded(`${kind}-default${conditions === HARD ? '-hard' : ''}`, nothing, (name, seed, context) =>
        simulatedTrial(name, kind, ownSimulator, conditions, seed, context, { latentDims: parameters.latentDims.default }),
      ),
    ),
  ),
  // A ring is not learned from so few.
  ...(['linear', 'mixture'] as const).map(kind =>
    seeded(`${kind}-small`, nothing, (name, seed, context) => simulatedTrial(name, kind, ownSimulator, SMALL, seed, context)),
  ),
  seeded('linear-paper', nothing, (name, seed, context) =>
    simulatedTrial(name, 'linear', ownSimulator, PLAIN, seed, context, { preset: 'paper' }),
  ),
  seeded('neutral', nothing, (name, seed, context) => neutralTrial(name, ownBody, seed, context)),
  seeded('neutral-independent', pythonMissing, (name, seed, context) => neutralTrial(name, independentBody, seed, context)),
  seeded('orientations', nothing, (name, seed, context) => orientationTrial(name, ownSlide, seed, context)),
  seeded('orientations-independent', pythonMissing, (name, seed, context) => orientationTrial(name, independentSlide, seed, context)),
  seeded('orientations-trimer-independent', pythonMissing, (name, seed, context) =>
    orientationTrial(name, independentTrimerPoses, seed, context),
  ),
  seeded('assembly', nothing, (name, seed, context) => assemblyTrial(name, ownAssembly, seed, context)),
  seeded('assembly-independent', pythonMissing, (name, seed, context) => assemblyTrial(name, independentAssembly, seed, context)),
  { name: 'class-maps', isSeeded: true, missing: nothing, trial: classMapsTrial },
  seeded('linear-ends', nothing, (name, seed, context) => linearEndsTrial(name, PLAIN, seed, context)),
  { name: 'hinge', isSeeded: true, missing: nothing, trial: hingeTrial },
  seeded('undone', nothing, (name, seed, context) => undoneMotionTrial(name, PLAIN, seed, context)),
  seeded('undone-hard', nothing, (name, seed, context) => undoneMotionTrial(name, HARD, seed, context)),
  seeded('spike', missingForSpike, (name, seed, context) => spikeTrial(name, ownSpike, seed, context)),
  seeded('trimer-independent', pythonMissing, (name, seed, context) => spikeTrial(name, independentTrimer, seed, context)),
  seeded('igg', missingForIgg, (name, seed, context) => iggTrial(name, {}, seed, context)),
  seeded('igg-noisier', missingForIgg, (name, seed, context) => iggTrial(name, { noisePlace: 'after cropping' }, seed, context)),
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
