// Mol*'s state transformers for limber. Their parameters are names, versions and style, never coordinates: a session file stays small, and a
// restored one asks the daemon again.
import type { Mesh } from 'molstar/lib/mol-geo/geometry/mesh/mesh.js';
import { Mesh as MeshGeometry } from 'molstar/lib/mol-geo/geometry/mesh/mesh.js';
import { Spheres } from 'molstar/lib/mol-geo/geometry/spheres/spheres.js';
import type { Shape } from 'molstar/lib/mol-model/shape.js';
import type { PluginContext } from 'molstar/lib/mol-plugin/context.js';
import { PluginStateObject as SO } from 'molstar/lib/mol-plugin-state/objects.js';
import { StateTransformer } from 'molstar/lib/mol-state/index.js';
import { Task } from 'molstar/lib/mol-task/index.js';
import { Color } from 'molstar/lib/mol-util/color/index.js';
import { ParamDefinition as PD } from 'molstar/lib/mol-util/param-definition.js';
import { LimberContext } from './context.js';
import { longestDisplacements, shaftRadiusFor } from './layers/arrow-matrices.js';
import { buildDensityMesh, type DensityData } from './layers/density-mesh.js';
import { buildSpheres, type SpheresData } from './layers/gaussian-spheres.js';
import { type ArrowsData, buildArrows } from './layers/motion-arrows.js';
import { moveModel } from './layers/moved-model.js';
import { type AxesData, buildAxes, type TurnAxis } from './layers/turn-axes.js';
import { GaussianModel, GaussianMotion } from './state-objects.js';

const Transform = StateTransformer.builderFactory('limber');

const latentPoint = {
  run: PD.Text('', { isHidden: true }),
  epoch: PD.Numeric(0, undefined, { isHidden: true }),
  latent: PD.Value<number[]>([], { isHidden: true }),
};

/** The Gaussians at a latent point. */
export const GaussianModelAt = Transform({
  name: 'gaussian-model',
  display: { name: 'Gaussian Model', description: 'The Gaussians of a limber run at one latent point.' },
  from: SO.Root,
  to: GaussianModel,
  params: latentPoint,
})({
  apply({ params }, plugin: PluginContext) {
    return Task.create('Gaussian model', async () => {
      const frame = await LimberContext.of(plugin).frame(params, false);
      return new GaussianModel({ frame }, { label: `${frame.count} Gaussians`, description: pointText(params.run, params.latent) });
    });
  },
});

export const GaussianSpheres = Transform({
  name: 'gaussian-spheres',
  display: { name: 'Gaussians as Spheres', description: 'Radius from the width, colour from the amplitude.' },
  from: GaussianModel,
  to: SO.Shape.Provider,
  params: {
    amplitudeRange: PD.Interval([0, 1], undefined, { description: 'Amplitudes at the two ends of the colour ramp' }),
    background: PD.Select<'light' | 'dark'>('light', [
      ['light', 'Light'],
      ['dark', 'Dark'],
    ]),
  },
})({
  canAutoUpdate: () => true,
  apply({ a, params }) {
    const data: SpheresData = { frame: a.data.frame, amplitudeRange: params.amplitudeRange, background: params.background };
    return new SO.Shape.Provider(
      {
        label: 'Gaussians',
        data,
        params: Spheres.Params,
        geometryUtils: Spheres.Utils,
        getShape: (_runtime: unknown, shown: SpheresData, _props: unknown, previous?: Shape<Spheres>) =>
          previous?.sourceData === shown ? previous : buildSpheres(shown, previous),
      },
      { label: 'Gaussians' },
    );
  },
});

export const GaussianDensity = Transform({
  name: 'gaussian-density',
  display: { name: 'Density of the Gaussians', description: 'Their isosurface at an absolute contour.' },
  from: GaussianModel,
  to: SO.Shape.Provider,
  params: {
    contour: PD.Numeric(0.01, undefined, { description: 'Absolute, amplitude per Å³' }),
    points: PD.Numeric(128, { min: 32, max: 256, step: 16 }, { description: 'Grid points along the longest side' }),
    color: PD.Color(Color(0x4c9ac0)),
  },
})({
  canAutoUpdate: () => false,
  apply({ a, params }, plugin: PluginContext) {
    return Task.create('Gaussian density', async () => {
      const surface = await LimberContext.of(plugin).density.surface(a.data.frame, params.contour, params.points);
      const data: DensityData = { surface, color: params.color, contour: params.contour };
      return new SO.Shape.Provider(
        {
          label: 'Density',
          data,
          params: MeshGeometry.Params,
          geometryUtils: MeshGeometry.Utils,
          getShape: (_runtime: unknown, shown: DensityData, _props: unknown, previous?: Shape<Mesh>) =>
            previous?.sourceData === shown ? previous : buildDensityMesh(shown, previous),
        },
        { label: 'Density of the Gaussians' },
      );
    });
  },
});

/** Two latent points of a run and the way between them. */
export const GaussianMotionBetween = Transform({
  name: 'gaussian-motion',
  display: { name: 'Motion', description: 'How the Gaussians move from one latent point to another.' },
  from: SO.Root,
  to: GaussianMotion,
  params: {
    run: PD.Text('', { isHidden: true }),
    epoch: PD.Numeric(0, undefined, { isHidden: true }),
    fromLatent: PD.Value<number[]>([], { isHidden: true }),
    toLatent: PD.Value<number[]>([], { isHidden: true }),
  },
})({
  apply({ params }, plugin: PluginContext) {
    return Task.create('Motion', async () => {
      const context = LimberContext.of(plugin);
      const { run, epoch } = params;
      const from = await context.frame({ run, epoch, latent: params.fromLatent }, false);
      const to = await context.frame({ run, epoch, latent: params.toLatent }, false);
      const description = `${pointText(run, params.fromLatent)} → ${pointText(run, params.toLatent)}`;
      return new GaussianMotion({ from, to }, { label: 'Motion', description });
    });
  },
});

export const MotionArrows = Transform({
  name: 'motion-arrows',
  display: { name: 'Arrows', description: 'An arrow per Gaussian from where it is to where it goes.' },
  from: GaussianMotion,
  to: SO.Shape.Provider,
  params: {
    part: PD.Select<'shaft' | 'head'>('shaft', [
      ['shaft', 'Shafts'],
      ['head', 'Heads'],
    ]),
    scale: PD.Numeric(1, { min: -10, max: 10, step: 0.1 }, { description: 'Arrow length in units of the displacement' }),
    count: PD.Numeric(400, { min: 1, max: 50000, step: 1 }, { description: 'Only the longest displacements get an arrow' }),
    color: PD.Color(Color(0xd55e00)),
  },
})({
  canAutoUpdate: () => true,
  apply({ a, params }) {
    const { from, to } = a.data;
    const data: ArrowsData = {
      part: params.part,
      from,
      to,
      gaussians: longestDisplacements(from, to, params.count),
      scale: params.scale,
      shaftRadius: shaftRadiusFor(from),
      color: params.color,
    };
    const label = params.part === 'shaft' ? 'Arrow Shafts' : 'Arrow Heads';
    return new SO.Shape.Provider(
      {
        label,
        data,
        params: MeshGeometry.Params,
        geometryUtils: MeshGeometry.Utils,
        getShape: (_runtime: unknown, shown: ArrowsData, _props: unknown, previous?: Shape<Mesh>) =>
          previous?.sourceData === shown ? previous : buildArrows(shown, previous),
      },
      { label },
    );
  },
});

/** The axes that regions turn about. They are a few numbers that the daemon measured, so that a session has them without asking. */
export const TurnAxes = Transform({
  name: 'turn-axes',
  display: { name: 'Axes of Turning', description: 'The axis that each region turns about; the cone points along it.' },
  from: SO.Root,
  to: SO.Shape.Provider,
  params: {
    axes: PD.Value<TurnAxis[]>([], { isHidden: true }),
    halfLength: PD.Numeric(30, { min: 1, max: 1000, step: 1 }, { description: 'Å to either side of the point beside the region' }),
    color: PD.Color(Color(0x33363d)),
  },
})({
  canAutoUpdate: () => true,
  apply({ params }) {
    const data: AxesData = { ...params };
    const about = params.axes.map(({ region, angleDegrees }) => `${region} by ${angleDegrees.toFixed(1)}°`).join(', ');
    return new SO.Shape.Provider(
      {
        label: 'Axes of Turning',
        data,
        params: MeshGeometry.Params,
        geometryUtils: MeshGeometry.Utils,
        getShape: (_runtime: unknown, shown: AxesData, _props: unknown, previous?: Shape<Mesh>) =>
          previous?.sourceData === shown ? previous : buildAxes(shown, previous),
      },
      { label: 'Axes of Turning', description: about },
    );
  },
});

/** The fitted model where the daemon moved it; with no latent point, the model as it is in its file. */
export const MovedModel = Transform({
  name: 'moved-model',
  display: { name: 'Moved Model', description: 'The fitted model carried along by the Gaussians.' },
  from: SO.Molecule.Model,
  to: SO.Molecule.Model,
  isDecorator: true,
  params: latentPoint,
})({
  apply({ a, params }, plugin: PluginContext) {
    return Task.create('Moved model', async () => {
      if (params.latent.length === 0) return a;
      const { atoms } = await LimberContext.of(plugin).frame(params, true);
      if (!atoms) return a;
      return new SO.Molecule.Model(moveModel(a.data, atoms), { label: a.label, description: pointText(params.run, params.latent) });
    });
  },
});

function pointText(run: string, latent: number[]): string {
  return `${run} at z = (${latent.map(z => z.toFixed(2)).join(', ')})`;
}
