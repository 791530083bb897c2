// `limber motions`: latent directions along which a region of the molecule moves and the rest stays.
import { mkdirSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import type { Command } from 'commander';
import type { DensityMap } from '../formats/density-map.js';
import { InputError } from '../formats/input-error.js';
import { readMap, readMapHeader } from '../formats/mrc.js';
import { regionMembership } from '../gaussians/region.js';
import { type LocalMotion, localEigenmotions } from '../latent/local-eigenmotion.js';
import { principalComponents } from '../latent/pca.js';
import { LatentDecoder } from '../networks/latent-decoder.js';
import { type RigidMotion, rigidMotion } from '../numerics/rigid-motion.js';
import { ProjectFolder } from '../project/project-folder.js';
import type { RunFolder } from '../project/run-folder.js';
import { writeFileAtomic } from '../project/write-file-atomic.js';
import { parameters } from '../settings/settings.js';
import { addParameter, runLong } from './long-command.js';

interface MotionsOptions {
  run: string;
  region: string;
  count?: number;
  json?: boolean;
}

/** A motion and what it is as a rigid movement of the region, from −step to +step. */
interface RegionMotion extends LocalMotion {
  rigid: RigidMotion;
}

export function register(program: Command): void {
  const command = program
    .command('motions')
    .description('Find the latent directions along which a region moves most and all else least.')
    .argument('<DIR>', 'project folder')
    .requiredOption('--run <NAME>', 'which run')
    .requiredOption('--region <MRC>', 'mask of the region: 1 inside, 0 outside');
  addParameter(command, 'motionCount');
  command.option('--json', 'one JSON object a line').action((dir: string, options: MotionsOptions) =>
    runLong(options, async ({ reporter }) => {
      const project = ProjectFolder.open(dir);
      const run = project.existingRun(options.run);
      const mask = readRegion(options.region, project.settings.pixelSizeAngstrom, line => reporter.note(line));
      const motions = motionsOf(run, mask, options.region, options.count ?? parameters.motionCount.default);
      const lock = project.lock();
      try {
        const file = writeMotions(run, options.region, motions);
        reporter.done(
          { run: run.name, region: options.region, motions: motions.map(forProgram), file },
          [...motions.map(describe), file].join('\n'),
        );
      } finally {
        lock.release();
      }
    }),
  );
}

/** Throws InputError where the file holds no mask. Without a plausible voxel size of its own it has the particles'. */
function readRegion(file: string, pixelSizeAngstrom: number, note: (line: string) => void): DensityMap {
  const mask = readMap(file, readMapHeader(file).voxelSizeIsSuspect ? { pixelSizeAngstrom } : {});
  mask.notes.forEach(note);
  const [low, high] = mask.data.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [0, 0]);
  // Programs that soften an edge by filtering overshoot a little.
  if (low < -0.05 || high > 1.05 || high < 0.5)
    throw new InputError(
      `${file}: its values reach from ${low.toPrecision(3)} to ${high.toPrecision(3)}; a mask is 1 in the region, 0 outside`,
    );
  mask.data.forEach((value, i) => {
    mask.data[i] = Math.min(1, Math.max(0, value));
  });
  return mask;
}

function motionsOf(run: RunFolder, mask: DensityMap, file: string, count: number): RegionMotion[] {
  const { z, count: particles, dims } = run.latents();
  const decoder = new LatentDecoder(run.weights());
  const { axes, variances } = principalComponents(z, particles, dims);
  const neutral = decoder.decode(new Float32Array(dims));
  const region = regionMembership(neutral, mask);
  const inside = region.reduce((sum, share) => sum + share, 0);
  if (inside < 1 || inside > neutral.count - 1)
    throw new InputError(
      `${file}: ${inside.toFixed(1)} of the model's ${neutral.count} Gaussians lie in this mask; give one of a part of the molecule, in the frame of the map`,
    );
  const motions = localEigenmotions(
    {
      decode: point => decoder.decode(point).positions,
      origin: new Float32Array(dims),
      spread: axes.map((value, i) => value * Math.sqrt(variances[Math.floor(i / dims)])),
      weights: neutral.amplitudes,
    },
    region,
    count,
  );
  const weights = region.map((share, i) => share * neutral.amplitudes[i]);
  const positionsAt = (step: Float32Array, sign: number) => decoder.decode(step.map(value => sign * value)).positions;
  return motions.map(motion => ({
    ...motion,
    rigid: rigidMotion(positionsAt(motion.step, -1), positionsAt(motion.step, 1), weights),
  }));
}

/** One flat object a motion: what --json tells. */
function forProgram({ step, insideAngstrom, outsideAngstrom, rigid }: RegionMotion) {
  const { angleDegrees, axis, shift, residual } = rigid;
  return { step: [...step], insideAngstrom, outsideAngstrom, angleDegrees, axis, shiftAngstrom: shift, residualAngstrom: residual };
}

function writeMotions(run: RunFolder, region: string, motions: RegionMotion[]): string {
  const folder = join(run.path, 'motions');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${basename(region, extname(region))}.tsv`);
  const header = [
    'motion',
    ...Array.from(motions[0].step, (_, d) => `z${d}`),
    ...['insideAngstrom', 'outsideAngstrom', 'angleDegrees', 'axisX', 'axisY', 'axisZ'],
    ...['shiftXAngstrom', 'shiftYAngstrom', 'shiftZAngstrom', 'residualAngstrom'],
  ];
  const rows = motions.map((motion, k) => [k + 1, ...Object.values(forProgram(motion)).flat()].join('\t'));
  writeFileAtomic(file, [header.join('\t'), ...rows].join('\n') + '\n');
  return file;
}

function describe({ step, insideAngstrom, outsideAngstrom, rigid }: RegionMotion, k: number): string {
  const numbers = (values: ArrayLike<number>, digits: number) =>
    Array.from(values, value => String(Number(value.toPrecision(digits)))).join(',');
  return [
    `motion ${k + 1}  ±(${numbers(step, 4)})  moves the region by ${insideAngstrom.toFixed(2)} Å and the rest by ${outsideAngstrom.toFixed(2)} Å`,
    `          the region turns by ${rigid.angleDegrees.toFixed(1)}° about (${numbers(rigid.axis, 3)}), its centre goes ${Math.hypot(...rigid.shift).toFixed(2)} Å; ${rigid.residual.toFixed(2)} Å are not rigid`,
  ].join('\n');
}
