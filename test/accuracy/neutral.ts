// The neutral model of a map of known truth: 2,048 Gaussians in a compact body, seen at 13 Å as the paper's spliceosome was; FSC of model and map.

import { join } from 'node:path';
import { chooseBackend } from '../../daemon/compute/choose-backend.js';
import type { DensityMap } from '../../daemon/formats/density-map.js';
import { readMap } from '../../daemon/formats/mrc.js';
import { logitsToRow, toWorld } from '../../daemon/gaussians/model-frame.js';
import { gaussiansToDensity } from '../../daemon/gaussians/to-density.js';
import { consensusContour } from '../../daemon/maps/contour.js';
import { lowPass } from '../../daemon/maps/filter.js';
import { fourierShellCorrelation } from '../../daemon/maps/fsc.js';
import { ceilingOfMap } from '../../daemon/maps/noise-ceiling.js';
import { Random } from '../../daemon/numerics/random.js';
import { parameters } from '../../daemon/settings/settings.js';
import { rotationCentre } from '../../daemon/training/neutral/map-projections.js';
import { fitToConsensus } from '../../daemon/training/neutral/project-neutral.js';
import { consensusMap } from '../../demo-data/consensus.js';
import { packScatterers, type Scatterer } from '../../demo-data/scatterers.js';
import { runIndependent } from './simulators.js';
import type { Trial, TrialContext } from './trial.js';

const TRUE_GAUSSIANS = 2048;
const TARGET_ANGSTROM = 13;
/** A spliceosome's mass has about this body's volume. */
const SEMI_AXES = [90, 80, 70] as const;
/** Far finer than the target: what is seen of them is decided by the filter. */
const SIGMA_ANGSTROM = 3;
const GEOMETRY = { boxSize: 64, pixelSizeAngstrom: 4 };
/** The paper, Results: above 0.95 at all frequencies considered. */
const THRESHOLD = 0.95;

/** A map of GEOMETRY, of TRUE_GAUSSIANS, filtered to TARGET_ANGSTROM. */
export type BodySource = (seed: number, context: TrialContext) => Promise<DensityMap>;

export const ownBody: BodySource = async seed =>
  lowPass(consensusMap(compactMolecule(new Random(seed)), GEOMETRY, { scale: 1, supersampling: 2 }), TARGET_ANGSTROM);

export const independentBody: BodySource = async (seed, context) =>
  readMap((await runIndependent('body', { seed, oracle: 0 }, false, context)).map);

export async function neutralTrial(name: string, source: BodySource, seed: number, context: TrialContext): Promise<Trial> {
  const map = await source(seed, context);
  const contour = consensusContour(map);
  const centreAngstrom = rotationCentre(map);
  const consensus = { name: join(context.folder, 'map'), map, mask: null, contour, ceiling: ceilingOfMap(map, contour), centreAngstrom };
  const backend = await chooseBackend(
    { backend: context.backend ?? parameters.backend.default, threads: context.threads },
    context.reporter,
  );
  const started = performance.now();
  try {
    const { fitted } = await fitToConsensus(
      backend,
      consensus,
      { ...GEOMETRY, resolutionAngstrom: TARGET_ANGSTROM, gaussians: null, seed },
      context.reporter,
    );
    const seconds = (performance.now() - started) / 1000;
    const boxAngstrom = GEOMETRY.boxSize * GEOMETRY.pixelSizeAngstrom;
    const set = toWorld(logitsToRow(fitted.logits), { ...fitted, boxAngstrom, centreAngstrom });
    const { correlation } = fourierShellCorrelation(gaussiansToDensity(set, map), map);
    const shells = correlation.subarray(1, Math.round(boxAngstrom / TARGET_ANGSTROM) + 1);
    const figure = (measure: string, value: number, threshold: number | null) => ({
      measure,
      value,
      oracle: null,
      chance: null,
      threshold,
    });
    return {
      set: `${name}, seed ${seed}`,
      settings: `${TRUE_GAUSSIANS} Gaussians at ${TARGET_ANGSTROM} Å${context.backend === null ? '' : `, ${backend.name}`}`,
      particles: 0,
      gaussians: fitted.count,
      seconds,
      mostSeconds: null,
      figures: [
        figure('lowest FSC of model and map', Math.min(...shells), THRESHOLD),
        figure('lowest ring correlation with unseen projections', Math.min(...fitted.ringFrc), THRESHOLD),
        figure('Gaussians chosen over those that there are', fitted.count / TRUE_GAUSSIANS, null),
      ],
    };
  } finally {
    await backend.dispose();
  }
}

function compactMolecule(random: Random) {
  const list: Scatterer[] = [];
  while (list.length < TRUE_GAUSSIANS) {
    const [x, y, z] = SEMI_AXES.map(() => 2 * random.uniform() - 1);
    if (Math.hypot(x, y, z) > 1) continue;
    list.push({ position: [x * SEMI_AXES[0], y * SEMI_AXES[1], z * SEMI_AXES[2]], weight: 1, sigmaAngstrom: SIGMA_ANGSTROM });
  }
  return { scatterers: packScatterers(list), motions: [], parts: [], centreAngstrom: null, modelText: null };
}
