// What a training run depends on, from what was asked, what the run was begun with, a preset, and the defaults, in that order.

import { type ParameterName, parameters, type VaryKind } from './settings.js';

/** Everything that decides what a run learns: written to the run, and the same whenever it goes on. null: chosen from the data. */
export interface TrainingSettings {
  preset: Preset;
  latentDims: number;
  vary: readonly VaryKind[];
  resolutionAngstrom: number | null;
  epochs: number;
  batch: number;
  learningRate: number;
  latentNoise: number;
  spreadPenalty: number;
  rigidity: number;
  weightDecay: number;
  l2: number;
  dropout: number;
  batchNormalisation: Switch;
  ringWeights: (typeof parameters.ringWeights.choices)[number];
  latentStart: (typeof parameters.latentStart.choices)[number];
  latentRefinement: Switch;
  symmetryExpansion: Switch;
  seed: number;
  /** A mask: only the Gaussians inside vary. null: all, or one asymmetric unit where symmetry is expanded. */
  focus: string | null;
  /** A run whose networks, or whose models of each particle, this one begins from. */
  continueFrom: string | null;
  /** A file that names the particles to train on. null: all, or those of `continueFrom`. */
  subset: string | null;
}

export interface TrainOptions extends TrainingSettings {
  run: string;
  backend: string;
  threads: number | null;
}

export type Switch = 'on' | 'off';
export type Preset = (typeof parameters.preset.choices)[number];

/** Settings that differ from the defaults, each with where it comes from. */
type Sourced = { readonly [Name in keyof TrainingSettings]?: { value: TrainingSettings[Name]; source: string } };

/**
 * The method of Chen & Ludtke 2021 where it differs from what measures best. What the paper leaves open is set to what it learns best with; what it shares with the defaults
 * (widths of the networks, d = 4, what may vary, batch 32, the penalty on latents) stands in settings.ts.
 */
export const paperSettings = {
  learningRate: { value: 1e-4, source: 'the paper, Methods' },
  dropout: { value: 0.3, source: 'the paper, Methods: before the last layer of encoder and decoder' },
  batchNormalisation: { value: 'on', source: 'the paper, Methods: before the last layer of encoder and decoder' },
  l2: {
    value: 1e-3,
    source: 'the paper, Methods; EMAN2 declares and never applies it, and it makes no difference: 0.963 with, 0.961 without',
  },
  latentNoise: { value: 0.1, source: 'the paper adds random numbers to z; their size is that of the EMAN2 program of 2021' },
  rigidity: { value: 0, source: 'in the paper nothing holds Gaussians together' },
  ringWeights: {
    value: 'seen',
    source:
      'the paper takes the plain mean over rings up to a target resolution, and leaves that to the user; as far as single particles are seen, the simulated slide is learned to 0.975 and 0.980 (oracle 0.989 and 0.991), to 12 Å to 0.65',
  },
  latentStart: { value: 'random', source: 'the paper trains from random weights' },
  latentRefinement: { value: 'off', source: 'in the paper the encoder alone places the particles' },
} as const satisfies Sourced;

/** What a preset changes of the defaults. */
export const presets: Record<Preset, Partial<TrainingSettings>> = {
  default: {},
  paper: Object.fromEntries(Object.entries(paperSettings).map(([name, { value }]) => [name, value])),
};

/** The parameters of the command line that a run depends on, as they are shown. */
export const trainingParameters = [
  'preset',
  'latentDims',
  'vary',
  'resolution',
  'epochs',
  'batch',
  'learningRate',
  'latentNoise',
  'spreadPenalty',
  'rigidity',
  'weightDecay',
  'l2',
  'dropout',
  'batchNormalisation',
  'ringWeights',
  'latentStart',
  'latentRefinement',
  'symmetryExpansion',
  'seed',
] as const satisfies readonly ParameterName[];

const fallback = Object.fromEntries(
  trainingParameters.map(name => [name === 'resolution' ? 'resolutionAngstrom' : name, parameters[name].default]),
) as unknown as TrainingSettings;
export const defaultTrainingSettings: TrainingSettings = { ...fallback, focus: null, continueFrom: null, subset: null };

/**
 * The whole of the options. `asked` wins over `begun`, what the run was begun with (or, for a new run that continues another, what that one was), which wins over the
 * preset and the defaults; a run that an earlier version began lacks what was then no choice.
 */
export function trainOptions(run: string, asked: Partial<TrainOptions> = {}, begun: Partial<TrainingSettings> | null = null): TrainOptions {
  const preset = asked.preset ?? begun?.preset ?? defaultTrainingSettings.preset;
  const options: TrainOptions = {
    ...defaultTrainingSettings,
    ...presets[preset],
    preset,
    run,
    backend: parameters.backend.default,
    threads: parameters.threads.default,
  };
  for (const from of [begun ? trainingSettings(begun) : {}, asked])
    for (const [name, value] of Object.entries(from)) if (value !== undefined) Object.assign(options, { [name]: value });
  return options;
}

/** What a new run takes over from the one it continues, where nothing else is asked: not its length, nor the choice of particles, which are those it knows. */
export function inheritedSettings(parent: TrainingSettings): Partial<TrainingSettings> {
  const { epochs: _, subset: __, continueFrom: ___, ...inherited } = trainingSettings(parent);
  return inherited;
}

/** Of any object the fields that are settings of training. */
export function trainingSettings(from: Partial<TrainingSettings>): Partial<TrainingSettings> {
  return Object.fromEntries(Object.entries(from).filter(([name]) => name in defaultTrainingSettings));
}

/** A setting of training, or of the neutral model. */
export type Flagged = keyof TrainingSettings | 'gaussians';

/** The flag of the command line that asks for a setting. */
export function flagOf(name: Flagged): string {
  const others: Partial<Record<Flagged, string>> = { focus: '--focus', continueFrom: '--continue', subset: '--subset' };
  return others[name] ?? parameters[(name === 'resolutionAngstrom' ? 'resolution' : name) as ParameterName].flag.split(' ')[0];
}
