// An assembly that takes on its blocks one by one, as the 50S ribosomal subunit does: six states of four blocks about a core, two pathways between them.
//
//   core → + base → + protuberance → both → + far stalk
//                 ↘ + near stalk   ↗

import type { Random } from '../../daemon/numerics/random.js';
import { aboutAxis, type Vector } from '../quaternion.js';
import { type Composition, type Motion, type MovingMolecule, packScatterers } from '../scatterers.js';
import { cluster } from './cluster.js';

interface Block {
  name: string;
  centre: Vector;
  /** Å. */
  semiAxes: Vector;
  gaussians: number;
}

/** Seen in the crown view: the protuberance up, a stalk on either side. About 190 Å across. */
const CORE: Block = { name: 'core', centre: [0, -6, -16], semiAxes: [60, 38, 44], gaussians: 170 };
const BLOCKS: readonly Block[] = [
  { name: 'base', centre: [0, 44, -18], semiAxes: [34, 18, 28], gaussians: 26 },
  { name: 'protuberance', centre: [0, -4, 62], semiAxes: [22, 20, 40], gaussians: 56 },
  { name: 'near_stalk', centre: [-74, -4, 24], semiAxes: [20, 13, 17], gaussians: 20 },
  { name: 'far_stalk', centre: [76, 0, 20], semiAxes: [22, 12, 15], gaussians: 20 },
];

/** Nothing but the base can come first; protuberance and near stalk come in either order; the far stalk needs both. Every state is as common as the others. */
const STATES: readonly (readonly string[])[] = [
  [],
  ['base'],
  ['base', 'protuberance'],
  ['base', 'near_stalk'],
  ['base', 'protuberance', 'near_stalk'],
  ['base', 'protuberance', 'near_stalk', 'far_stalk'],
];

/** Where the protuberance stands on the core. */
const HINGE: Vector = [0, -4, 22];
/** The protuberance leans from one stalk to the other by 8° in all, as the central protuberance does in the paper's first case. */
const TILT_DEGREES = Array.from({ length: 9 }, (_, i) => i - 4);

const tilt: Motion = {
  name: 'tilt',
  values: TILT_DEGREES,
  move: value => ({ turn: aboutAxis([0, 1, 0], value), pivot: HINGE, shift: [0, 0, 0] }),
};

/** The molecule; its random shape is drawn from `random`. The tilt is independent of what else is there. */
export function assemblyMolecule(random: Random): MovingMolecule {
  const compositions: Composition[] = STATES.map(blocks => ({
    name: ['core', ...blocks].join(' + '),
    present: BLOCKS.map(({ name }) => blocks.includes(name)),
    share: 1 / STATES.length,
  }));
  const core = cluster(random, CORE.gaussians, CORE.centre, CORE.semiAxes, 1);
  const blocks = BLOCKS.flatMap(({ name, gaussians, centre, semiAxes }, part) =>
    cluster(random, gaussians, centre, semiAxes, 1, name === 'protuberance' ? { part, motion: 0 } : { part }),
  );
  return {
    scatterers: packScatterers([...core, ...blocks]),
    motions: [tilt],
    parts: BLOCKS.map(({ name }, part) => ({
      name,
      occupancy: compositions.reduce((sum, { present, share }) => sum + (present[part] ? share : 0), 0),
    })),
    compositions,
    centreAngstrom: null,
    modelText: null,
  };
}
