// Brings Mol*'s state tree to what the scene wants: makes missing nodes, changes the parameters that differ, in one commit.
import { Mesh } from 'molstar/lib/mol-geo/geometry/mesh/mesh.js';
import { Spheres } from 'molstar/lib/mol-geo/geometry/spheres/spheres.js';
import { Volume } from 'molstar/lib/mol-model/volume.js';
import type { PluginContext } from 'molstar/lib/mol-plugin/context.js';
import { StateTransforms } from 'molstar/lib/mol-plugin-state/transforms.js';
import type { StateBuilder } from 'molstar/lib/mol-state/index.js';
import { Color } from 'molstar/lib/mol-util/color/index.js';
import { ParamDefinition as PD } from 'molstar/lib/mol-util/param-definition.js';
import type { ProjectSummary } from '../protocol/messages.js';
import type { LatentPoint } from './context.js';
import type { TurnAxis } from './layers/turn-axes.js';
import { CHAIN_COLOURS, REF, SCENE_COLOURS, type SceneOptions } from './scene-options.js';
import {
  GaussianDensity,
  GaussianModelAt,
  GaussianMotionBetween,
  GaussianSpheres,
  MotionArrows,
  MovedModel,
  TurnAxes,
} from './transforms.js';
import { RESTING_POINTS } from './worker/density-client.js';

/** What the tree is to hold. */
export interface SceneContents {
  options: SceneOptions;
  /** Where the molecule rests; null before the first frame. */
  point: LatentPoint | null;
  /** Amplitudes at the two ends of the colour ramp. */
  amplitudeRange: [number, number];
  motion: { run: string; epoch: number; fromLatent: number[]; toLatent: number[] } | null;
  /** What regions turn about, and how far each axis reaches to either side, Å. */
  axes: { axes: TurnAxis[]; halfLength: number };
}

const { Data, Model, Representation, Volume: VolumeTransforms } = StateTransforms;
type Params = Record<string, unknown>;

/** Commits what differs; true when anything did. */
export async function updateTree(plugin: PluginContext, contents: SceneContents): Promise<boolean> {
  const { options, point, motion } = contents;
  const colours = SCENE_COLOURS[options.background];
  const build = plugin.state.data.build();
  let changed = false;
  const has = (ref: string) => plugin.state.data.cells.has(ref);
  const change = (ref: string, wanted: Params) => {
    if (changeParams(plugin, build, ref, wanted)) changed = true;
  };

  if (has(REF.map)) {
    change(REF.map, mapStyle(options));
  }
  if (point) {
    const spheresParams = { amplitudeRange: contents.amplitudeRange, background: options.background };
    const spheresStyle = { sizeFactor: options.gaussianScale };
    const densityParams = { contour: options.densityContour, points: RESTING_POINTS, color: Color(colours.density) };
    const densityStyle = { alpha: options.densityOpacity };
    if (has(REF.gaussianModel)) {
      change(REF.gaussianModel, { ...point });
      change(REF.spheresShape, spheresParams);
      change(REF.spheres, spheresStyle);
      change(REF.densityShape, densityParams);
      change(REF.density, densityStyle);
    } else {
      const model = build.toRoot().apply(GaussianModelAt, { ...point }, { ref: REF.gaussianModel });
      model
        .apply(GaussianSpheres, spheresParams, { ref: REF.spheresShape })
        .apply(Representation.ShapeRepresentation3D, { ...PD.getDefaultValues(Spheres.Params), ...spheresStyle }, { ref: REF.spheres });
      model
        .apply(GaussianDensity, densityParams, { ref: REF.densityShape })
        .apply(Representation.ShapeRepresentation3D, { ...meshStyle(), ...densityStyle }, { ref: REF.density });
      changed = true;
    }
    if (has(REF.movedModel)) change(REF.movedModel, { ...point });
  }
  if (motion) {
    const arrows = { scale: options.arrowScale, count: options.arrowCount, color: Color(colours.arrows) };
    if (has(REF.motion)) {
      change(REF.motion, motion);
      change(REF.shaftsShape, arrows);
      change(REF.headsShape, arrows);
    } else {
      const node = build.toRoot().apply(GaussianMotionBetween, motion, { ref: REF.motion });
      for (const [part, shape, repr] of [
        ['shaft', REF.shaftsShape, REF.shafts],
        ['head', REF.headsShape, REF.heads],
      ] as const) {
        // No grid of instances: its cells would keep the bounds of the arrows as they were first, and cull those that moved.
        node
          .apply(MotionArrows, { part, ...arrows }, { ref: shape })
          .apply(Representation.ShapeRepresentation3D, { ...meshStyle(), cellSize: 0, batchSize: 0 }, { ref: repr });
      }
      changed = true;
    }
  } else if (has(REF.motion)) {
    build.delete(REF.motion);
    changed = true;
  }
  if (contents.axes.axes.length > 0) {
    const axes = { ...contents.axes, color: Color(colours.axes) };
    if (has(REF.axesShape)) change(REF.axesShape, axes);
    else {
      build
        .toRoot()
        .apply(TurnAxes, axes, { ref: REF.axesShape })
        .apply(Representation.ShapeRepresentation3D, meshStyle(), { ref: REF.axes });
      changed = true;
    }
  } else if (has(REF.axesShape)) {
    build.delete(REF.axesShape);
    changed = true;
  }
  if (changed) await build.commit({ doNotLogTiming: true });
  return changed;
}

/** Puts the consensus map in, or takes it out; throws one line when it cannot be read. */
export async function loadMap(plugin: PluginContext, map: ProjectSummary['map'], url: string, options: SceneOptions): Promise<void> {
  await removeNode(plugin, REF.mapFile);
  if (!map) return;
  await plugin.state.data
    .build()
    .toRoot()
    .apply(Data.Download, { url, isBinary: true, label: 'Consensus map' }, { ref: REF.mapFile, state: { isGhost: true } })
    .apply(Data.ParseCcp4, undefined, { state: { isGhost: true } })
    .apply(VolumeTransforms.VolumeFromCcp4, {}, { ref: REF.mapVolume })
    .apply(Representation.VolumeRepresentation3D, mapStyle(options), { ref: REF.map })
    .commit({ doNotLogTiming: true });
  throwIfFailed(plugin, REF.map, 'the map');
}

/** Puts the fitted model in, or takes it out: cartoon for polymers, sticks for ligands; throws one line when it cannot be read. */
export async function loadModel(plugin: PluginContext, model: ProjectSummary['model'], url: string): Promise<void> {
  await removeNode(plugin, REF.modelFile);
  if (!model) return;
  const file = plugin.state.data
    .build()
    .toRoot()
    .apply(Data.Download, { url, isBinary: false, label: 'Fitted model' }, { ref: REF.modelFile, state: { isGhost: true } });
  const trajectory =
    model.format === 'pdb'
      ? file.apply(Model.TrajectoryFromPDB, undefined, { state: { isGhost: true } })
      : file
          .apply(Data.ParseCif, undefined, { state: { isGhost: true } })
          .apply(Model.TrajectoryFromMmCif, undefined, { state: { isGhost: true } });
  const structure = trajectory
    .apply(Model.ModelFromTrajectory, { modelIndex: 0 })
    .apply(MovedModel, { run: '', epoch: 0, latent: [] }, { ref: REF.movedModel })
    // The coordinates of the file as they are, not an assembly: they lie in the frame of the map.
    .apply(Model.StructureFromModel, { type: { name: 'model', params: {} } }, { ref: REF.structure });
  await structure.commit({ doNotLogTiming: true });
  throwIfFailed(plugin, REF.structure, 'the atomic model');
  const { builders } = plugin;
  const polymer = await builders.structure.tryCreateComponentStatic(REF.structure, 'polymer');
  if (polymer)
    await builders.structure.representation.addRepresentation(polymer, { type: 'cartoon', color: 'chain-id', colorParams: chainColours });
  for (const kind of ['ligand', 'branched', 'ion'] as const) {
    const component = await builders.structure.tryCreateComponentStatic(REF.structure, kind);
    if (component) await builders.structure.representation.addRepresentation(component, { type: 'ball-and-stick' });
  }
}

const chainColours = {
  palette: { name: 'colors' as const, params: { list: { kind: 'set' as const, colors: CHAIN_COLOURS.map(c => Color(c)) } } },
};

function mapStyle(options: SceneOptions) {
  return isosurfaceStyle({ contour: options.mapContour, colour: SCENE_COLOURS[options.background].map, opacity: options.mapOpacity });
}

/** A map as one surface at an absolute contour. */
export function isosurfaceStyle({ contour, colour, opacity }: { contour: number; colour: number; opacity: number }) {
  return {
    type: {
      name: 'isosurface' as const,
      params: {
        isoValue: Volume.IsoValue.absolute(contour),
        // A whole box counts as a crystal to Mol*: without this the surface closes across its edges.
        wrap: 'off',
        tryUseGpu: false,
        visuals: ['solid'],
        alpha: opacity,
        quality: 'auto',
      },
    },
    colorTheme: { name: 'uniform' as const, params: { value: Color(colour) } },
    sizeTheme: { name: 'uniform' as const, params: { value: 1 } },
    // biome-ignore lint/suspicious/noExplicitAny: the parameters of a representation are typed by its name only at run time
  } as any;
}

function meshStyle(): PD.Values<typeof Mesh.Params> {
  return { ...PD.getDefaultValues(Mesh.Params), doubleSided: true, quality: 'high' };
}

/** Sets those parameters of a node that differ from what is wanted. A new array or object that says the same is no change: it would make the node anew. */
export function changeParams(plugin: PluginContext, build: StateBuilder.Root, ref: string, wanted: Params): boolean {
  const present = plugin.state.data.cells.get(ref)?.transform.params as Params | undefined;
  if (!present) return false;
  const patched = merged(present, wanted);
  if (patched === present) return false;
  build.to(ref).update(patched);
  return true;
}

/** `wanted` over `present`, through plain objects; `present` itself where nothing differs. */
function merged(present: Params, wanted: Params): Params {
  let result = present;
  for (const [key, value] of Object.entries(wanted)) {
    const old = present[key];
    const next = isPlain(old) && isPlain(value) ? merged(old, value) : value;
    if (next !== old && JSON.stringify(next) !== JSON.stringify(old)) result = { ...result, [key]: next };
  }
  return result;
}

function isPlain(value: unknown): value is Params {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Takes a node out, with what hangs on it; nothing where it is not there. */
export async function removeNode(plugin: PluginContext, ref: string): Promise<void> {
  if (plugin.state.data.cells.has(ref)) await plugin.state.data.build().delete(ref).commit();
}

/** Throws one line where the node, or one that it hangs on, could not be made. */
export function throwIfFailed(plugin: PluginContext, ref: string, what: string): void {
  for (let cell = plugin.state.data.cells.get(ref); cell; cell = plugin.state.data.cells.get(cell.transform.parent)) {
    if (cell.status === 'error' && cell.errorText && !/parent/i.test(cell.errorText))
      throw new Error(`${what} cannot be shown: ${cell.errorText}`);
    if (cell.transform.parent === cell.transform.ref) break;
  }
  // A node that is not done yet has been changed meanwhile (a latent point that came during the download): that is no failure.
  const status = plugin.state.data.cells.get(ref)?.status;
  if (!status || status === 'error') throw new Error(`${what} cannot be shown`);
}
