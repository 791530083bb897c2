// Every parameter once: its flag, unit, default, range, and where the default comes from. The command line, the daemon and the README's table read this.

export interface NumberParameter {
  kind: 'number' | 'integer';
  flag: string;
  description: string;
  unit: string;
  /** null: chosen from the data, as `source` says. */
  default: number | null;
  minimum: number;
  maximum: number;
  /** Where the default comes from. */
  source: string;
}

export interface ChoiceParameter {
  kind: 'choice';
  flag: string;
  description: string;
  choices: readonly string[];
  default: string;
  source: string;
}

/** Several of the choices, separated by commas. */
export interface ListParameter extends Omit<ChoiceParameter, 'kind' | 'default'> {
  kind: 'list';
  default: readonly string[];
}

export type Parameter = NumberParameter | ChoiceParameter | ListParameter;

const MAX_SEED = 2 ** 32 - 1;

export const parameters = {
  pixelSize: {
    kind: 'number',
    flag: '--pixel-size <Å>',
    description: 'pixel size of the stored images',
    unit: 'Å',
    default: null,
    minimum: 0.1,
    maximum: 100,
    source: "the particle file's own",
  },
  resolution: {
    kind: 'number',
    flag: '--resolution <Å>',
    description: 'finest detail compared with the images',
    unit: 'Å',
    default: null,
    minimum: 1,
    maximum: 500,
    source: "chosen from the box and pixel size; a training run takes the neutral model's",
  },
  gaussians: {
    kind: 'integer',
    flag: '--gaussians <N>',
    description: 'Gaussians in the model',
    unit: '',
    default: null,
    minimum: 8,
    maximum: 100_000,
    source: 'doubled from 256 until the FSC with the map is above 0.95 to the target (paper, Methods)',
  },
  latentDims: {
    kind: 'integer',
    flag: '--latent-dims <d>',
    description: 'dimensions of the latent space',
    unit: '',
    default: 4,
    minimum: 1,
    maximum: 32,
    source: 'the paper, Methods',
  },
  vary: {
    kind: 'list',
    flag: '--vary <kinds>',
    description: 'what may differ between particles',
    choices: ['position', 'amplitude', 'width'],
    default: ['position', 'amplitude', 'width'],
    source: 'the paper, Methods',
  },
  epochs: {
    kind: 'integer',
    flag: '--epochs <N>',
    description: 'passes over all particles',
    unit: '',
    default: 20,
    minimum: 1,
    maximum: 10_000,
    source: 'a simulated linear motion is learned after 5',
  },
  batch: {
    kind: 'integer',
    flag: '--batch <N>',
    description: 'particles a training step',
    unit: '',
    default: 32,
    minimum: 1,
    maximum: 4096,
    source: 'EMAN2 2.99',
  },
  learningRate: {
    kind: 'number',
    flag: '--learning-rate <X>',
    description: 'step size of Adam',
    unit: '',
    default: 3e-4,
    minimum: 1e-8,
    maximum: 1,
    source: 'measured better on simulated motion than the 1e-4 of the paper',
  },
  latentNoise: {
    kind: 'number',
    flag: '--latent-noise <X>',
    description: 'standard deviation of the random number added to each latent coordinate while training',
    unit: '',
    default: 0.05,
    minimum: 0,
    maximum: 10,
    source: "as in EMAN2's window; the paper has 0.1",
  },
  spreadPenalty: {
    kind: 'number',
    flag: '--spread-penalty <X>',
    description: 'weight of the penalty on latents longer than 1',
    unit: '',
    default: 0.01,
    minimum: 0,
    maximum: 1000,
    source: 'EMAN2 2.99',
  },
  rigidity: {
    kind: 'number',
    flag: '--rigidity <X>',
    description: 'how firmly neighbouring Gaussians keep their distances: weight of the mean square stretch, in widths; 0: not at all',
    unit: '',
    default: 0.6,
    minimum: 0,
    maximum: 1000,
    source:
      'measured: with it atoms of a simulated domain that rises by 11° go where they should to 0.5 Å in place of 1.8, and a ring with tenfold noise comes out even; DynaMight and 3DFlex have such priors, the paper none',
  },
  weightDecay: {
    kind: 'number',
    flag: '--weight-decay <X>',
    description: 'decoupled weight decay of Adam: the share of every weight taken off a step, over the learning rate',
    unit: '',
    default: 0,
    minimum: 0,
    maximum: 10,
    source: 'none was needed on simulated motion',
  },
  l2: {
    kind: 'number',
    flag: '--l2 <X>',
    description: 'penalty on the squares of all weights, added to the loss',
    unit: '',
    default: 0,
    minimum: 0,
    maximum: 10,
    source: 'the paper quotes 1e-3, which EMAN2 declares and never applies',
  },
  dropout: {
    kind: 'number',
    flag: '--dropout <share>',
    description: 'share of the last hidden layer of encoder and decoder left out at random while training',
    unit: '',
    default: 0,
    minimum: 0,
    maximum: 0.9,
    source: 'measured better without on simulated motion than the 0.3 of the paper',
  },
  batchNormalisation: {
    kind: 'choice',
    flag: '--batch-normalisation <on|off>',
    description: 'batch normalisation before the last layer of encoder and decoder',
    choices: ['on', 'off'],
    default: 'off',
    source: 'measured better without on simulated motion; the paper has it',
  },
  ringWeights: {
    kind: 'choice',
    flag: '--ring-weights <name>',
    description:
      'how rings count in the mean correlation: by the information they hold, alike as far as single particles are seen, or all alike to the resolution',
    choices: ['information', 'seen', 'equal'],
    default: 'information',
    source:
      'rank correlation on a simulated slide, with all else as in the paper: 0.974 by information, 0.975 as far as seen, 0.66 all alike to 12 Å; the paper has them alike to a resolution that the user chooses',
  },
  latentStart: {
    kind: 'choice',
    flag: '--latent-start <name>',
    description: 'where latents begin: principal components of the gradients, or wherever random weights put them',
    choices: ['components', 'random'],
    default: 'components',
    source: 'half of the one-dimensional runs folded from random weights, as the paper begins',
  },
  latentRefinement: {
    kind: 'choice',
    flag: '--latent-refinement <on|off>',
    description:
      'latents are found on the decoder, by likelihood, at the end; in one dimension the decoder also learns at such places in the last fifth of the epochs',
    choices: ['on', 'off'],
    default: 'on',
    source: 'cyclic motion 0.935 → 0.980; not in the paper',
  },
  symmetryExpansion: {
    kind: 'choice',
    flag: '--symmetry-expansion <on|off>',
    description: 'in a symmetric project use every particle in all its symmetric orientations, one asymmetric unit varying',
    choices: ['on', 'off'],
    default: 'on',
    source: 'the paper, SARS-CoV-2 spike',
  },
  preset: {
    kind: 'choice',
    flag: '--preset <name>',
    description: 'defaults of all the others: what measures best, or what the paper describes',
    choices: ['default', 'paper'],
    default: 'default',
    source: 'what measures best: on simulated slides the paper comes to rank correlations of 0.975 to 0.980',
  },
  seed: {
    kind: 'integer',
    flag: '--seed <N>',
    description: 'start of the random numbers',
    unit: '',
    default: 1,
    minimum: 0,
    maximum: MAX_SEED,
    source: 'any will do',
  },
  backend: {
    kind: 'choice',
    flag: '--backend <name>',
    description: 'what computes',
    choices: ['auto', 'webgpu', 'tfjs', 'cpu'],
    default: 'auto',
    source: 'auto takes the fastest that works here',
  },
  threads: {
    kind: 'integer',
    flag: '--threads <N>',
    description: 'processor threads',
    unit: '',
    default: null,
    minimum: 1,
    maximum: 512,
    source: 'all of the machine',
  },
  demoParticles: {
    kind: 'integer',
    flag: '--particles <N>',
    description: 'images to make',
    unit: '',
    default: null,
    minimum: 16,
    maximum: 1_000_000,
    source: "4000, for cyclic 7200, as in the paper's Extended Data Figure 5; for assembly 6000",
  },
  noise: {
    kind: 'number',
    flag: '--noise <X>',
    description: 'variance of the noise over that of the signal',
    unit: '',
    default: 1,
    minimum: 0,
    maximum: 10_000,
    source: 'as strong as the signal',
  },
  benchGaussians: {
    kind: 'integer',
    flag: '--gaussians <N>',
    description: 'Gaussians in the model',
    unit: '',
    default: 2048,
    minimum: 8,
    maximum: 100_000,
    source: 'what speed is compared at',
  },
  benchBox: {
    kind: 'integer',
    flag: '--box <B>',
    description: 'pixels along each side of the images, even; all rings are compared',
    unit: '',
    default: 128,
    minimum: 8,
    maximum: 1024,
    source: 'what speed is compared at',
  },
  benchParticles: {
    kind: 'integer',
    flag: '--particles <P>',
    description: 'particles to make, in whole batches of which there must be eight',
    unit: '',
    default: null,
    minimum: 8,
    maximum: 1_000_000,
    source: '16 batches, for a map as many as limber reconstruct takes',
  },
  embeddingDims: {
    kind: 'integer',
    flag: '--dims <n>',
    description: 'coordinates of each particle in the picture',
    unit: '',
    default: 2,
    minimum: 1,
    maximum: 32,
    source: 'what a screen shows',
  },
  clusterCount: {
    kind: 'integer',
    flag: '--count <K>',
    description: 'number of clusters',
    unit: '',
    default: null,
    minimum: 1,
    maximum: 1000,
    source:
      'the number that the particles suggest: by silhouette for k-means; for a mixture by the peaks of its density that a valley parts',
  },
  motionCount: {
    kind: 'integer',
    flag: '--count <n>',
    description: 'motions of the region',
    unit: '',
    default: 2,
    minimum: 1,
    maximum: 32,
    source: 'the paper shows one or two',
  },
  arrowScale: {
    kind: 'number',
    flag: '--scale <X>',
    description: 'length of an arrow over its displacement',
    unit: '',
    default: 1,
    minimum: 0.001,
    maximum: 1000,
    source: 'true length',
  },
  nearest: {
    kind: 'integer',
    flag: '--particles <N>',
    description: 'particles nearest to each latent point',
    unit: '',
    default: 2000,
    minimum: 1,
    maximum: 10_000_000,
    source: 'the paper, Methods',
  },
  linePoints: {
    kind: 'integer',
    flag: '--points <N>',
    description: 'points on the line, its ends among them',
    unit: '',
    default: 3,
    minimum: 1,
    maximum: 999,
    source: 'both ends and the middle',
  },
  pathPoints: {
    kind: 'integer',
    flag: '--points <N>',
    description: 'points of the path, its ends among them',
    unit: '',
    default: 10,
    minimum: 2,
    maximum: 999,
    source: 'so many states make a film',
  },
  pathReach: {
    kind: 'number',
    flag: '--reach <X>',
    description: 'latent distance from the path within which particles are counted',
    unit: '',
    default: null,
    minimum: 1e-12,
    maximum: 1e12,
    source: 'three times the median distance of the particles within it: the width of the stream about the path',
  },
  pathBandwidth: {
    kind: 'number',
    flag: '--bandwidth <X>',
    description: 'standard deviation, in latent distance along the path, of the Gaussian that the density is blurred with',
    unit: '',
    default: null,
    minimum: 1e-12,
    maximum: 1e12,
    source: 'that which suits the particles along the path (Botev, Grotowski & Kroese 2010)',
  },
  bodies: {
    kind: 'integer',
    flag: '--bodies <N>',
    description: 'rigid pieces that the molecule may be taken apart into to undo its motion; each costs a reconstruction',
    unit: '',
    default: 8,
    minimum: 1,
    maximum: 64,
    source: 'no more are made than the motion asks for: two for a slide, three for a hinge',
  },
  orientCycles: {
    kind: 'integer',
    flag: '--cycles <N>',
    description:
      'refinements of the orientations at most: it ends sooner when they stay; before each but the first a run is trained with those of the one before',
    unit: '',
    default: 5,
    minimum: 1,
    maximum: 20,
    source: 'simulated slides whose orientations are wrong by 3° and 2 pixels stay after three',
  },
  port: {
    kind: 'integer',
    flag: '--port <N>',
    description: 'TCP port to listen on; 0 takes a free one',
    unit: '',
    default: 8350,
    minimum: 0,
    maximum: 65_535,
    source: 'the next free one when taken',
  },
} as const satisfies Record<string, Parameter>;

export type ParameterName = keyof typeof parameters;

export type VaryKind = (typeof parameters.vary.choices)[number];

/** How the neutral model is fitted. null: chosen from the data. */
export interface NeutralOptions {
  resolutionAngstrom: number | null;
  gaussians: number | null;
  seed: number;
  backend: string;
  threads: number | null;
}

/** What `text` means for the parameter. Throws a RangeError that says what is allowed. */
export function parseParameter(parameter: Parameter, text: string): number | string | readonly string[] {
  if (parameter.kind === 'choice' || parameter.kind === 'list') {
    const chosen = parameter.kind === 'list' ? text.split(',').map(item => item.trim()) : [text];
    if (!chosen.every(item => parameter.choices.includes(item))) {
      throw new RangeError(`Take ${parameter.kind === 'list' ? 'some of' : 'one of'} ${parameter.choices.join(', ')}`);
    }
    return parameter.kind === 'list' ? parameter.choices.filter(choice => chosen.includes(choice)) : text;
  }
  const value = parseNumber(text);
  const { minimum, maximum, unit } = parameter;
  if (!(value >= minimum && value <= maximum) || (parameter.kind === 'integer' && !Number.isInteger(value))) {
    throw new RangeError(
      `Take a ${parameter.kind === 'integer' ? 'whole number' : 'number'} from ${minimum} to ${maximum}${unit && ` ${unit}`}`,
    );
  }
  return value;
}

/** A decimal number as people write it; NaN for anything else (Number() would take '', '0x10' and 'Infinity'). */
export function parseNumber(text: string): number {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim()) ? Number(text) : Number.NaN;
}

/** For help: what the parameter is, in which unit, what it is when not given, and why. */
export function describeParameter(parameter: Parameter): string {
  const fallback =
    parameter.default === null ? '' : `${Array.isArray(parameter.default) ? parameter.default.join(',') : parameter.default}; `;
  const choices = 'choices' in parameter ? ` (${parameter.choices.join(', ')})` : '';
  return `${parameter.description}${choices} [${fallback}${parameter.source}]`;
}
