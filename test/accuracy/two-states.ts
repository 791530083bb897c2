// The two 50S assembly states of ../shared/data/tomodrgn-10076: images that this project did not make, of known class.

import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DensityMap } from '../../daemon/formats/density-map.js';
import { readMap, writeMap } from '../../daemon/formats/mrc.js';
import { readStar } from '../../daemon/formats/star.js';
import { MapProjector } from '../../daemon/maps/project-map.js';
import { computingRings, defaultResolution } from '../../daemon/particles/computing-box.js';
import { ImagePreparer } from '../../daemon/particles/prepare-images.js';
import { readParticles } from '../../daemon/particles/read-particles.js';
import {
  chanceLevel,
  gaussianMixtureAccuracy,
  linearAccuracy,
  nearestNeighbours,
  neighbourAccuracy,
  twoMeansAccuracy,
} from './measures.js';
import { type TrainChoice, type Trial, type TrialContext, trainOn } from './trial.js';

const FOLDER = join('..', 'shared', 'data', 'tomodrgn-10076');
const STAR = join(FOLDER, '10076_both_32_sim.star');

/** What is missing here, in a few words; null when all is there. */
export const missingForTwoStates = () => (existsSync(STAR) ? null : `${FOLDER} is not there`);

type TwoStatesChoice = Omit<TrainChoice, 'seed'>;

/** What is tried: the defaults, and what suits states that differ by whole pieces. Few images are soon learned by heart: hence five epochs. */
export const TWO_STATES_CHOICES: readonly { name: string; choice: TwoStatesChoice }[] = [
  { name: '50S', choice: {} },
  { name: '50S-plane', choice: { latentDims: 2 } },
  { name: '50S-line', choice: { latentDims: 1, epochs: 5 } },
  { name: '50S-line-amplitude', choice: { latentDims: 1, vary: ['amplitude'], epochs: 5 } },
];

export async function twoStatesTrial(choice: TwoStatesChoice, seed: number, context: TrialContext): Promise<Trial> {
  mkdirSync(context.folder, { recursive: true });
  const { classes, groups } = readTruth();
  const map = join(context.folder, 'consensus.mrc');
  writeConsensus(map, classes);
  const { latents, ...trained } = await trainOn({ particles: STAR, map, imagesDir: FOLDER }, { ...choice, seed }, context);
  const oracle = twoMapsOracle(classes);
  const chance = chanceLevel(classes);
  const figure = (measure: string, value: number, threshold: number | null = null) => ({ measure, value, oracle, chance, threshold });
  // Clusters without any knowledge of the classes are asked for only where the latent space has room for nothing else.
  const clusters = choice.latentDims === 1 ? 0.78 : null;
  return {
    set: `50S D and E, seed ${seed}`,
    ...trained,
    mostSeconds: null,
    figures: [
      figure('classes told by 2-means', twoMeansAccuracy(latents, classes), clusters),
      figure('classes told by two Gaussians', gaussianMixtureAccuracy(latents, classes)),
      figure('classes told by 15 neighbours', neighbourAccuracy(nearestNeighbours(latents, groups), classes)),
      figure('classes told by a line (cross-validated)', linearAccuracy(latents, classes, groups), 0.78),
    ],
  };
}

/** Class E is 1, D 0, by the stack's name; images of one tilt series share a group. */
function readTruth(): { classes: Uint8Array; groups: Int32Array } {
  const [table] = readStar(STAR).blocks.values();
  const stacks = table.strings('rlnImageName').map(name => name.split('@')[1]);
  const series = table.strings('rlnGroupName').map((name, i) => `${stacks[i]} ${name}`);
  const known = [...new Set(series)];
  return {
    classes: Uint8Array.from(stacks, name => (name.includes('classE') ? 1 : 0)),
    groups: Int32Array.from(series, name => known.indexOf(name)),
  };
}

const openParticles = () => readParticles(STAR, { imagesDir: FOLDER });

function readClass(letter: 'D' | 'E', pixelSizeAngstrom: number): DensityMap {
  return readMap(join(FOLDER, `10076_class${letter}_32.mrc`), { pixelSizeAngstrom });
}

/** What a refinement of all images together would give: both maps, each as often as its images. */
function writeConsensus(path: string, classes: Uint8Array): void {
  const particles = openParticles();
  const [d, e] = (['D', 'E'] as const).map(letter => readClass(letter, particles.pixelSizeAngstrom));
  particles.close();
  const shareOfE = classes.reduce((sum, value) => sum + value, 0) / classes.length;
  writeMap(path, { ...d, data: d.data.map((value, i) => (1 - shareOfE) * value + shareOfE * e.data[i]) });
}

/**
 * Share told right by whoever has both maps: each image goes to the map whose projection correlates best with it up to the default
 * resolution, after the signs of the CTF are undone. (By the mean of all ring correlations up to Nyquist it would be 0.79: most rings hold noise.)
 */
function twoMapsOracle(classes: Uint8Array): number {
  const particles = openParticles();
  const geometry = computingRings(particles.boxSize, particles.pixelSizeAngstrom, defaultResolution(particles.pixelSizeAngstrom));
  const boxLengthAngstrom = particles.boxSize * particles.pixelSizeAngstrom;
  const projectors = (['D', 'E'] as const).map(
    letter => new MapProjector(readClass(letter, particles.pixelSizeAngstrom), { boxLengthAngstrom }),
  );
  // The images of this set are dark: their sign is turned.
  const preparer = new ImagePreparer(particles, geometry, -1);
  const image = new Float32Array(2 * geometry.planeSize);
  const projection = new Float32Array(2 * geometry.planeSize);
  let right = 0;
  for (let i = 0; i < particles.count; i++) {
    preparer.prepare(i, -1, image, null);
    const [d, e] = projectors.map(projector => {
      projector.projectToRings(particles.rotations, geometry, projection, 0, 9 * i);
      let [ab, aa] = [0, 0];
      for (let p = 0; p < projection.length; p++) {
        const weight = geometry.weights[p % geometry.planeSize];
        ab += weight * projection[p] * image[p];
        aa += weight * projection[p] ** 2;
      }
      return ab / Math.sqrt(aa);
    });
    right += Number(e > d === (classes[i] === 1));
  }
  particles.close();
  return right / particles.count;
}
