// The molecule while it moves: each new frame is written into what is already on screen, without the state tree, and the newest frame wins.
import type { Mesh } from 'molstar/lib/mol-geo/geometry/mesh/mesh.js';
import type { MeshValues } from 'molstar/lib/mol-gl/renderable/mesh.js';
import type { SpheresValues } from 'molstar/lib/mol-gl/renderable/spheres.js';
import type { Shape } from 'molstar/lib/mol-model/shape.js';
import type { Model, Structure } from 'molstar/lib/mol-model/structure.js';
import type { PluginContext } from 'molstar/lib/mol-plugin/context.js';
import { PluginStateObject as SO } from 'molstar/lib/mol-plugin-state/objects.js';
import type { Representation } from 'molstar/lib/mol-repr/representation.js';
import { Subject, skip, take } from 'rxjs';
import type { DecodedFrame } from '../protocol/messages.js';
import type { LimberContext } from './context.js';
import { longestDisplacements, shaftRadiusFor } from './layers/arrow-matrices.js';
import { type DensityData, writeDensityMesh } from './layers/density-mesh.js';
import { type SpheresData, writeSpheres } from './layers/gaussian-spheres.js';
import { type ArrowsData, writeArrows } from './layers/motion-arrows.js';
import { moveModel, moveStructure } from './layers/moved-model.js';
import { REF, type SceneOptions } from './scene-options.js';
import { DRAGGING_POINTS } from './worker/density-client.js';

/** A model that takes longer than this to redraw (ms) is redrawn less often than the rest. */
const MODEL_BUDGET_MS = 12;

/** A picture that takes longer than this (ms), twice in a row, is drawn without shading effects until the molecule rests: software rendering, or a large screen. */
const DRAW_BUDGET_MS = 60;
/** How long after the last frame (ms) the effects come back. */
const REST_MS = 500;

interface ShownShape<Values, Data> {
  repr: Representation.Any;
  values: Values;
  // biome-ignore lint/suspicious/noExplicitAny: a shape's geometry is known by the layer that asks
  shape: Shape<any>;
  data: Data;
}

export class LiveView {
  /** Emits how many frames have been drawn, each time one has. */
  readonly drawn = new Subject<number>();
  /** The newest frame that was shown. */
  shown: DecodedFrame | null = null;
  /** True while a commit to the state tree runs: representations that it rebuilds are then left alone. */
  committing = false;
  private next: DecodedFrame | null = null;
  private busy = false;
  private animationFrame = 0;
  private count = 0;
  private densityNext: DecodedFrame | null = null;
  private densityBusy = false;
  private densityVersion = 0;
  private modelNotBefore = 0;
  private slowDraws = 0;
  private effectsOff = false;
  private restTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly plugin: PluginContext,
    private readonly context: LimberContext,
    private readonly options: () => SceneOptions,
  ) {}

  show(frame: DecodedFrame): void {
    this.next = frame;
    this.schedule();
  }

  /** Writes one frame now, all layers; for what has to be seen again after a commit. */
  async write(frame: DecodedFrame): Promise<void> {
    this.shown = frame;
    this.writeSpheres(frame);
    this.requestDensity(frame);
    await this.writeModel(frame);
  }

  /** A surface that the worker still has in hand is not to be shown any more: a finer one is coming. */
  dropDensity(): void {
    this.densityVersion++;
    this.densityNext = null;
  }

  /** Recomputes the coarse surface, as for a contour that a person drags. */
  requestDensity(frame: DecodedFrame): void {
    if (!this.shape(REF.density)) return;
    this.densityNext = frame;
    if (!this.densityBusy) void this.writeDensity();
  }

  /** Arrows between two frames, in place; false where there are none yet, or another number of them. */
  writeArrows(from: DecodedFrame, to: DecodedFrame): boolean {
    const { arrowScale, arrowCount } = this.options();
    const gaussians = longestDisplacements(from, to, arrowCount);
    for (const ref of [REF.shafts, REF.heads]) {
      const shown = this.shape<MeshValues, ArrowsData>(ref, true);
      if (!shown || shown.data.gaussians.length !== gaussians.length) return false;
      Object.assign(shown.data, { from, to, gaussians, scale: arrowScale, shaftRadius: shaftRadiusFor(from) });
      if (!writeArrows(shown.values, shown.shape as Shape<Mesh>, shown.data)) return false;
      this.plugin.canvas3d?.update(shown.repr, true);
    }
    return true;
  }

  dispose(): void {
    cancelAnimationFrame(this.animationFrame);
    clearTimeout(this.restTimer);
    this.next = null;
    this.dropDensity();
    this.drawn.complete();
  }

  private schedule(): void {
    if (this.animationFrame || this.busy) return;
    this.animationFrame = requestAnimationFrame(() => {
      this.animationFrame = 0;
      void this.step();
    });
  }

  private async step(): Promise<void> {
    const frame = this.next;
    if (!frame) return;
    this.next = null;
    this.busy = true;
    try {
      await this.write(frame);
      this.announceDraw();
    } finally {
      this.busy = false;
    }
    if (this.next) this.schedule();
  }

  private announceDraw(): void {
    const { canvas3d } = this.plugin;
    if (!canvas3d) return;
    // The subject repeats the last draw to a new listener; the one after that is ours.
    const started = performance.now();
    canvas3d.didDraw.pipe(skip(1), take(1)).subscribe(() => {
      this.watchCost(performance.now() - started);
      if (!this.drawn.closed) this.drawn.next(++this.count);
    });
    canvas3d.requestDraw();
  }

  /** Ambient occlusion and outlines wait until the molecule rests, where this machine cannot draw them while it moves. */
  private watchCost(milliseconds: number): void {
    const { canvas3d } = this.plugin;
    this.slowDraws = milliseconds > DRAW_BUDGET_MS ? this.slowDraws + 1 : 0;
    if (this.slowDraws >= 2 && canvas3d?.props.postprocessing.enabled) {
      canvas3d.setProps({ postprocessing: { enabled: false } });
      this.effectsOff = true;
    }
    if (!this.effectsOff) return;
    clearTimeout(this.restTimer);
    this.restTimer = setTimeout(() => {
      this.effectsOff = false;
      this.slowDraws = 0;
      canvas3d?.setProps({ postprocessing: { enabled: true } });
    }, REST_MS);
  }

  private writeSpheres(frame: DecodedFrame): void {
    const shown = this.shape<SpheresValues, SpheresData>(REF.spheres);
    if (shown && writeSpheres(shown.values, shown.data, frame)) this.plugin.canvas3d?.update(shown.repr, true);
  }

  private async writeDensity(): Promise<void> {
    this.densityBusy = true;
    try {
      while (this.densityNext) {
        const frame = this.densityNext;
        this.densityNext = null;
        const version = this.densityVersion;
        const contour = this.options().densityContour;
        const surface = await this.context.density.surface(frame, contour, DRAGGING_POINTS);
        const shown = this.shape<MeshValues, DensityData>(REF.density);
        if (version !== this.densityVersion || !shown) continue;
        shown.data.contour = contour;
        writeDensityMesh(shown.values, shown.shape.geometry as Mesh, shown.data, surface);
        this.plugin.canvas3d?.update(shown.repr, true);
      }
    } catch (error) {
      this.plugin.log.error(`Density: ${error instanceof Error ? error.message : error}`);
    } finally {
      this.densityBusy = false;
    }
  }

  private async writeModel(frame: DecodedFrame): Promise<void> {
    if (!frame.atoms || this.committing) return;
    const started = performance.now();
    if (started < this.modelNotBefore) {
      // Too soon for a large model; if nothing newer comes, this frame gets its turn.
      this.next ??= frame;
      return;
    }
    const { cells } = this.plugin.state.data;
    const moved = cells.get(REF.movedModel);
    const original = moved && (cells.get(moved.transform.parent)?.obj?.data as Model | undefined);
    if (!original) return;
    let model: Model | null = null;
    const representations = this.plugin.state.data.selectQ(q =>
      q.byRef(REF.structure).subtree().ofType(SO.Molecule.Structure.Representation3D),
    );
    for (const cell of representations) {
      if (!cell.obj || cell.state.isHidden) continue;
      model ??= moveModel(original, frame.atoms);
      const { repr, sourceData } = cell.obj.data;
      await repr.createOrUpdate({}, moveStructure(sourceData as Structure, model)).run();
      this.plugin.canvas3d?.update(repr, true);
    }
    const cost = performance.now() - started;
    this.modelNotBefore = cost > MODEL_BUDGET_MS ? performance.now() + cost : 0;
  }

  /** The shape on screen under a node of the tree; nothing where it is absent, or hidden (unless `evenHidden`). */
  private shape<Values, Data>(ref: string, evenHidden = false): ShownShape<Values, Data> | null {
    const cell = this.plugin.state.data.cells.get(ref);
    const repr = cell?.obj?.data?.repr as Representation.Any | undefined;
    const renderObject = repr?.renderObjects[0];
    if (!cell || !repr || !renderObject || (cell.state.isHidden && !evenHidden)) return null;
    // biome-ignore lint/suspicious/noExplicitAny: all loci of a shape representation are of its one shape
    const shape = (repr.getAllLoci()[0] as any).shape as Shape;
    return { repr, values: renderObject.values as Values, shape, data: shape.sourceData as Data };
  }
}
