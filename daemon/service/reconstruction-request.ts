// start-reconstruction in the words of `limber reconstruct`, and what each map that it makes is made of.
import type { ClientMessage, MapSource, ParticleChoice } from '../../protocol/messages.js';
import type { ProjectFolder } from '../project/project-folder.js';
import { writeFileAtomic } from '../project/write-file-atomic.js';
import type { MadeMaps } from './made-maps.js';
import { writeSubset } from './regions.js';
import { RequestError } from './request-error.js';

export type ReconstructionRequest = Omit<Extract<ClientMessage, { type: 'start-reconstruction' }>, 'type' | 'id'>;

/** Throws RequestError `bad-value` on a choice that the run, or no run, cannot have. `dims`: of the run's latents, null without one. */
export function checkChoice(choice: ParticleChoice, dims: number | null): void {
  if (dims === null && choice.which !== 'all' && choice.which !== 'rows')
    throw new RequestError('bad-value', `particles: ${choice.which} is of a run's latent space; name the run`);
  const points = choice.which === 'nearest' ? [choice.z] : choice.which === 'points' ? choice.points : [];
  const wrong = points.find(point => point.length !== dims);
  if (wrong) throw new RequestError('bad-value', `a latent point has ${wrong.length} numbers, the run has ${dims} latent dimensions`);
}

/** `limber reconstruct` options that choose the particles; rows and points are kept in a file beside the map. Throws RequestError `bad-value` on rows that are not there. */
export function particleOptions(project: ProjectFolder, maps: MadeMaps, { name, particles }: ReconstructionRequest): string[] {
  const nearest = (count: number | undefined) => (count === undefined ? [] : ['--particles', String(count)]);
  switch (particles.which) {
    case 'all':
      return ['--all'];
    case 'cluster':
      return ['--cluster', String(particles.cluster)];
    // With an equals sign, because a coordinate may begin with a minus.
    case 'nearest':
      return [`--at=${particles.z.join(',')}`, ...nearest(particles.count)];
    case 'points': {
      const file = maps.choiceFile(name, 'points');
      const table = [particles.points[0].map((_, d) => `z${d}`), ...particles.points].map(cells => cells.join('\t'));
      writeFileAtomic(file, `${table.join('\n')}\n`);
      return ['--path', file, ...nearest(particles.count)];
    }
    case 'rows': {
      const file = maps.choiceFile(name, 'particles');
      writeSubset(project, file, particles.rows);
      return ['--subset', file];
    }
  }
}

/** What the maps are made of, in the order in which the command writes them; how many particles it says when they are there. */
export function mapSources({ run, particles: choice }: ReconstructionRequest): Omit<MapSource, 'particles' | 'quick'>[] {
  const none = { run, cluster: null, z: null };
  if (choice.which === 'points') return choice.points.map(z => ({ ...none, which: 'nearest', z }));
  if (choice.which === 'nearest') return [{ ...none, which: 'nearest', z: choice.z }];
  if (choice.which === 'cluster') return [{ ...none, which: 'cluster', cluster: choice.cluster }];
  return [{ ...none, which: choice.which }];
}
