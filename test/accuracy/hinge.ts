// Two hinges that tilt independently: whether a run's latent space gives each domain's own motion, both together and apart, and their angles in degrees.

import { mkdirSync } from 'node:fs';
import { readModel } from '../../daemon/models/read-model.js';
import { Random } from '../../daemon/numerics/random.js';
import { rigidMotion } from '../../daemon/numerics/rigid-motion.js';
import { motionBetween, type RegionTurn } from '../../daemon/training/motions/motion-between.js';
import { jointMotions, ownMotions, type StepMotion } from '../../daemon/training/motions/own-motions.js';
import { regionOfResidues } from '../../daemon/training/motions/region.js';
import { RunMolecule } from '../../daemon/training/motions/run-molecule.js';
import { prepareScene } from '../../demo-data/scene.js';
import { simulate } from '../../demo-data/simulate.js';
import { planSimulation } from '../../demo-data/simulation-options.js';
import { HINGE_AXIS, HINGED_DOMAINS, hingeOptions } from './hinge-set.js';
import { type Figure, newProject, type Trial, type TrialContext, trainRun } from './trial.js';

const ASKED = { outside: 0.1, cosine: 0.9, tiltErrorDegrees: 1 };
/** Both hinges are learned after three; half a minute on one core. */
const EPOCHS = 8;
/** Particles beyond either end of a motion, as `limber motions` takes them of the first principal component. */
const BEYOND = 0.02;
/** The tilt that is judged: between particles that truly stand at either of these, as far apart as the paper's central protuberance tilts. */
const FROM_DEGREES = -4;
const TO_DEGREES = 4;
/** Pairs that it is the mean of: single ones scatter by some 2.5°. */
const PAIRS = 100;

/**
 * One run with d = 2, positions only; regions are the residues of either domain. Own motions, sum and difference are as `limber motions` writes them. The tilt that is judged is the program's turn of the domain
 * from a particle that truly stands at −4° to one at 4°, about the true axis, the mean over 100 random pairs. (Not between the mean latents of such particles: latents lie on curved sheets, and their mean beside them.) Beside it, unjudged, what a user sees who goes from end to end: the turn between the two points of the domain's own motion
 * beyond which 2 % of the particles lie, the other motion at rest. Every angle is equally frequent, so that the simulator's own tilt between the same percentiles is its whole range.
 */
export async function hingeTrial(seed: number, context: TrialContext): Promise<Trial> {
  mkdirSync(context.folder, { recursive: true });
  const options = hingeOptions(context.folder, seed);
  const data = await simulate(options, context.reporter);
  const { truth, molecule: simulated } = await prepareScene(planSimulation(options));
  const project = await newProject({ particles: data.particles, map: data.map, model: data.model }, context);
  const { latents, ...trained } = await trainRun(project, 'hinges', { latentDims: 2, vary: ['position'], epochs: EPOCHS, seed }, context);

  const molecule = new RunMolecule(project.run('hinges'));
  const model = await readModel(data.model!);
  const regions = HINGED_DOMAINS.map(({ range }) => regionOfResidues(range, model, molecule));
  const own = regions.map(region => ownMotions(molecule, region, 1)[0]);
  const { together, apart } = jointMotions(molecule, [regions[0], regions[1]], [own[0], own[1]]);

  const share = ({ insideAngstrom, outsideAngstrom }: StepMotion) => outsideAngstrom / Math.min(...insideAngstrom);
  const outside = (measure: string, motion: StepMotion): Figure => ({
    measure: `${measure}: motion outside over motion inside`,
    value: share(motion),
    oracle: 0,
    chance: null,
    threshold: ASKED.outside,
    better: 'lower',
  });
  const figures: Figure[] = [
    ...own.map((motion, k) => outside(`own motion of domain ${HINGED_DOMAINS[k].chain}`, motion)),
    outside('both together', together),
    outside('both apart', apart),
    {
      measure: 'together: cosine between the ways of the two domains',
      value: wayCosine(together),
      oracle: 1,
      chance: 0,
      threshold: ASKED.cosine,
    },
    { measure: 'apart: cosine, less than nothing', value: -wayCosine(apart), oracle: 1, chance: 0, threshold: ASKED.cosine },
  ];
  const random = new Random(seed);
  regions.forEach((region, k) => {
    const { chain } = HINGED_DOMAINS[k];
    const { values } = simulated.motions[k];
    const span = values.at(-1)! - values[0];
    const along = coordinatesAlong(latents.z, own[0].step, own[1].step, k).sort();
    const beyond = Math.floor(BEYOND * along.length);
    const at = (rank: number) => own[k].step.map(value => value * along[rank]);
    const turned = motionBetween(molecule, at(beyond), at(along.length - 1 - beyond), [region]).regions[0];
    const knownSpan = TO_DEGREES - FROM_DEGREES;
    const [low, high] = [FROM_DEGREES, TO_DEGREES].map(degrees =>
      [...latents.particle.keys()].filter(row => values[truth[latents.particle[row] - 1].steps[k]] === degrees),
    );
    const latentOf = (row: number) => latents.z.subarray(latents.dims * row, latents.dims * (row + 1));
    const pairs = Array.from({ length: PAIRS }, () => {
      const [from, to] = [low, high].map(rows => latentOf(rows[Math.floor(random.uniform() * rows.length)]));
      const paths = [from, to].map(z => region.placesIn(molecule.decoder.decode(z)));
      return [
        aboutHinge(motionBetween(molecule, from, to, regions, false).regions[k]),
        aboutHinge(rigidMotion(paths[0], paths[1], region.weights)),
      ];
    });
    const [tilt, byPaths] = [0, 1].map(way => pairs.reduce((sum, degrees) => sum + degrees[way] / PAIRS, 0));
    figures.push(
      {
        measure: `error of the tilt of domain ${chain} between particles truly ${knownSpan}° apart`,
        value: Math.abs(tilt - knownSpan),
        oracle: null,
        chance: knownSpan,
        threshold: ASKED.tiltErrorDegrees,
        better: 'lower',
      },
      unjudged(`tilt of domain ${chain} between particles truly ${knownSpan}° apart`, tilt, knownSpan),
      unjudged('the same by the paths of its atoms instead of its density', byPaths, knownSpan),
      unjudged(`tilt of domain ${chain} between the ends of its own motion`, turned.angleDegrees, span),
      unjudged('distance of its axis from the true hinge, Å', awayFromHinge(turned, HINGED_DOMAINS[k].hinge), 0),
    );
  });
  return { set: `hinge, seed ${seed}`, ...trained, mostSeconds: null, figures };
}

/** The part of a turn that is about the true axis, degrees. */
function aboutHinge({ angleDegrees, axis }: Pick<RegionTurn, 'angleDegrees' | 'axis'>): number {
  return angleDegrees * axis.reduce((sum, value, d) => sum + value * HINGE_AXIS[d], 0);
}

/** Cosine between the ways that the centres of the two regions go. */
function wayCosine({ turns }: StepMotion): number {
  const [a, b] = turns.map(({ shiftAngstrom }) => shiftAngstrom);
  return (a[0] * b[0] + a[1] * b[1] + a[2] * b[2]) / (Math.hypot(...a) * Math.hypot(...b));
}

/** Of every latent z (n × 2) = c₀·first + c₁·second: its coordinate c_k. */
function coordinatesAlong(z: Float32Array, first: Float32Array, second: Float32Array, k: number): Float64Array {
  const determinant = first[0] * second[1] - first[1] * second[0];
  return Float64Array.from({ length: z.length / 2 }, (_, i) => {
    const [x, y] = [z[2 * i], z[2 * i + 1]];
    return (k === 0 ? x * second[1] - y * second[0] : first[0] * y - first[1] * x) / determinant;
  });
}

/** Å from a point to the turn's axis. */
function awayFromHinge({ axis, axisPoint }: RegionTurn, hinge: readonly number[]): number {
  if (!axisPoint) return Number.NaN;
  const away = hinge.map((value, d) => value - axisPoint[d]);
  const along = away[0] * axis[0] + away[1] * axis[1] + away[2] * axis[2];
  return Math.hypot(...away.map((value, d) => value - along * axis[d]));
}

function unjudged(measure: string, value: number, oracle: number): Figure {
  return { measure, value, oracle, chance: null, threshold: null };
}
