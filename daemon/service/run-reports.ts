// get-halves and get-orientations: what comparing halves and refining orientations have left in a run's folder, in the viewer's words.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HalvesSummary, OrientationSummary } from '../../protocol/messages.js';
import { InputError } from '../formats/input-error.js';
import { readOrientationReport } from '../project/refined-orientations.js';
import type { RunFolder } from '../project/run-folder.js';
import type { HalvesReport } from '../training/halves/halves-report.js';

/** null where the run's halves have not been compared. Throws InputError on a report that cannot be read. */
export function halvesSummary(run: RunFolder): HalvesSummary | null {
  const path = join(run.path, 'halves', 'report.json');
  if (!existsSync(path)) return null;
  const { format, version, particles, latents, clusters, states, displacements } = read(path);
  if (format !== 'limber-halves' || version !== 1)
    throw new InputError(`${path} is no report of this version; compare again with limber halves --run ${run.name}`);
  return {
    particles,
    latentsExplained: [latents.half1FromHalf2.explained, latents.half2FromHalf1.explained],
    latentsByChance: latents.shuffledExplained,
    clusters: {
      count: clusters.count,
      adjustedRandIndex: clusters.adjustedRandIndex,
      adjustedRandIndexAnew: clusters.adjustedRandIndexAnew,
    },
    states,
    motion: displacements && {
      correlation: displacements.correlation,
      rmsAngstrom: displacements.rmsAngstrom,
      disagreementAngstrom: displacements.disagreementAngstrom,
    },
  };
}

function read(path: string): HalvesReport {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as HalvesReport;
  } catch (error) {
    throw new InputError(`${path} is no JSON (${(error as Error).message}); delete it and compare again`);
  }
}

/** null where the run has no orientations of its own. */
export function orientationSummary(run: RunFolder): OrientationSummary | null {
  const report = readOrientationReport(run);
  if (!report) return null;
  const { particles, against, frcBefore, frcAfter, medianDegrees, degrees95, medianAngstrom, angstrom95, inheritedFrom } = report;
  return { particles, against, frcBefore, frcAfter, medianDegrees, degrees95, medianAngstrom, angstrom95, inheritedFrom };
}
