// How far two models of independent halves of the particles disagree on the way a place moves: the error of an arrow, measured instead of guessed.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../../formats/input-error.js';
import { parseParticleColumns } from '../../formats/particle-columns.js';
import type { LatentCloud } from '../../latent/analysis.js';
import { alignLatents } from '../../latent/latent-alignment.js';
import { AtomMotion } from '../../models/atom-motion.js';
import { LatentDecoder } from '../../networks/latent-decoder.js';
import { Random } from '../../numerics/random.js';
import { ProjectFolder } from '../../project/project-folder.js';
import type { RunFolder } from '../../project/run-folder.js';

/** The same places moved by either half's model. */
export interface HalvesMotion {
  /** 3n each, Å, in the map frame. */
  displacements: [Float32Array, Float32Array];
  /** n, Å: length of the difference of the two. Each half has half of the data, so an arrow of the run itself, which has all, errs by about half of it. */
  disagreementAngstrom: Float32Array;
}

/** Moves `places` (3n, Å) as each decoder moves its Gaussians from its point of `from` to its point of `to`. */
export function moveByBoth(
  decoders: readonly [LatentDecoder, LatentDecoder],
  from: readonly [ArrayLike<number>, ArrayLike<number>],
  to: readonly [ArrayLike<number>, ArrayLike<number>],
  places: Float32Array,
): HalvesMotion {
  const [first, second] = decoders.map((decoder, h) =>
    new AtomMotion(places, decoder.decode(from[h]), { movable: decoder.movable })
      .move(decoder.decode(to[h]))
      .map((value, i) => value - places[i]),
  );
  const disagreementAngstrom = Float32Array.from({ length: places.length / 3 }, (_, i) =>
    Math.hypot(first[3 * i] - second[3 * i], first[3 * i + 1] - second[3 * i + 1], first[3 * i + 2] - second[3 * i + 2]),
  );
  return { displacements: [first, second], disagreementAngstrom };
}

/** The decoders of the two half-runs below `folder` (runs/NAME/halves). Throws InputError where one has none. */
export function halfDecoders(folder: string, name: string): [LatentDecoder, LatentDecoder] {
  const open = (half: 1 | 2) =>
    new LatentDecoder(
      ProjectFolder.open(join(folder, `half${half}`))
        .run(name)
        .weights(),
    );
  return [open(1), open(2)];
}

/** Asks both half-models of a run about points of the run's own latent space. */
export class HalvesDisplacement {
  private readonly decoders: [LatentDecoder, LatentDecoder];
  private readonly maps: ((z: ArrayLike<number>) => Float32Array)[];

  /** Fits how the run's latents map to those of either half. Throws InputError where `limber halves` has not been run, or with other particles. */
  constructor(run: RunFolder) {
    const folder = join(run.path, 'halves');
    const file = join(folder, 'latents.tsv');
    if (!existsSync(file)) throw new InputError(`${file} is missing; make it with limber halves --run ${run.name}`);
    this.decoders = halfDecoders(folder, run.name);
    const { particle, columns } = parseParticleColumns(readFileSync(file, 'utf8'), file);
    const own = run.latents();
    const copies = columns.find(({ name }) => name === 'copy')?.values;
    const isSame = (i: number) => own.particle[i] === particle[i] && (own.copy?.[i] ?? 0) + 1 === (copies?.[i] ?? 1);
    if (own.count !== particle.length || !particle.every((_, i) => isSame(i)))
      throw new InputError(`${file} is of other particles than the run's latents; run limber halves again`);
    this.maps = [1, 2].map(half => {
      const coordinates = columns.filter(({ name }) => name.startsWith(`half${half}_z`)).map(({ values }) => values);
      const dims = coordinates.length;
      const z = Float32Array.from({ length: own.count * dims }, (_, i) => coordinates[i % dims][Math.floor(i / dims)]);
      const cloud: LatentCloud = { count: own.count, dims, z };
      return alignLatents(own, cloud, own.particle, new Random(1)).map;
    });
  }

  /** Between two points of the run's latent space, at `places` (3n, Å, map frame). */
  between(zA: ArrayLike<number>, zB: ArrayLike<number>, places: Float32Array): HalvesMotion {
    const [from, to] = [zA, zB].map(z => [this.maps[0](z), this.maps[1](z)] as const);
    return moveByBoth(this.decoders, from, to, places);
  }
}
