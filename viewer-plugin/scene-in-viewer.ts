// The scene in a Mol* viewer that is already there: what is shown, where it rests, and when the state tree hears of it.
import { Vec3 } from 'molstar/lib/mol-math/linear-algebra.js';
import type { Structure } from 'molstar/lib/mol-model/structure.js';
import type { Volume } from 'molstar/lib/mol-model/volume.js';
import type { PluginUIContext } from 'molstar/lib/mol-plugin-ui/context.js';
import { Color } from 'molstar/lib/mol-util/color/index.js';
import type { Observable, Subscription } from 'rxjs';
import type { DecodedFrame, ProjectSummary, RegionTurn } from '../protocol/messages.js';
import { type FrameSource, LimberContext } from './context.js';
import { cameraFor, type Extent } from './framing.js';
import { rmsRadius } from './layers/arrow-matrices.js';
import { amplitudeRangeOf } from './layers/gaussian-spheres.js';
import { LiveView } from './live-view.js';
import type { MapLayer } from './made-maps.js';
import { MadeMapsInViewer } from './made-maps-in-viewer.js';
import { DEFAULT_OPTIONS, REF, SCENE_COLOURS, type SceneOptions } from './scene-options.js';
import { SceneSelection } from './scene-selection.js';
import { loadMap, loadModel, type SceneContents, updateTree } from './scene-tree.js';

/** Nodes whose visibility each layer decides. */
const LAYERS = {
  atomicModel: [REF.structure],
  consensusMap: [REF.map],
  gaussians: [REF.spheres],
  density: [REF.density],
  arrows: [REF.shafts, REF.heads, REF.axes],
} as const satisfies Partial<Record<keyof SceneOptions, readonly string[]>>;

/** An axis of turning reaches this far to either side of the region, over the molecule's root mean square radius. */
const AXIS_REACH = 0.8;
/** Without a map, the density's contour encloses this share of the mass. */
const MASS_INSIDE = 0.75;
/** Radius of the smallest sphere that the camera looks at, Å. */
const LEAST_VIEW = 5;
/** How long a slider must rest (ms) before the state tree hears of it. */
const REST_MS = 250;

/** What of a project is loaded into the view. */
export type ShownFiles = Pick<ProjectSummary, 'map' | 'model'>;

export class SceneInViewer {
  /** Emits the number of frames drawn so far, once after each drawn frame: the moment to send `frame-drawn`. */
  readonly drawn: Observable<number>;
  readonly selection: SceneSelection;
  private readonly context: LimberContext;
  private readonly live: LiveView;
  private readonly madeMaps: MadeMapsInViewer;
  private readonly contents: SceneContents;
  private project: ShownFiles | null = null;
  private settled: DecodedFrame | null = null;
  private motionFrames: { from: DecodedFrame; to: DecodedFrame } | null = null;
  private updating: Promise<void> | null = null;
  private stale = false;
  private restTimer: ReturnType<typeof setTimeout> | undefined;
  /** What the camera was pointed at when there was first something to see: a map's box is only looked at until the molecule is there. */
  private framed: 'nothing' | 'map' | 'molecule' = 'nothing';
  private disposed = false;
  private readonly cameraWatch: Subscription | undefined;

  /** The limber behaviour must be registered in the viewer. */
  constructor(
    readonly plugin: PluginUIContext,
    initial: Partial<SceneOptions> = {},
  ) {
    this.context = LimberContext.of(plugin);
    this.contents = {
      options: { ...DEFAULT_OPTIONS, ...initial },
      point: null,
      amplitudeRange: [0, 1],
      motion: null,
      axes: { axes: [], halfLength: 0 },
    };
    this.live = new LiveView(plugin, this.context, () => this.contents.options);
    this.drawn = this.live.drawn;
    this.selection = new SceneSelection(plugin);
    this.madeMaps = new MadeMapsInViewer(plugin);
    this.cameraWatch = plugin.canvas3d?.commited.subscribe(() => this.lookAgainIfForgotten());
  }

  get options(): Readonly<SceneOptions> {
    return this.contents.options;
  }

  /** Map and model through Mol*'s own Download; a second call replaces what changed. `mapContour` becomes project.map.contour. */
  async load(project: ShownFiles, fetchUrl: (path: string) => string): Promise<void> {
    const before = this.project;
    this.project = project;
    const failures: unknown[] = [];
    const attempt = (work: Promise<void>) => work.catch(error => failures.push(error));
    if (JSON.stringify(project.map) !== JSON.stringify(before?.map ?? null)) {
      if (project.map) this.change({ mapContour: project.map.contour });
      await attempt(loadMap(this.plugin, project.map, project.map ? fetchUrl(project.map.path) : '', this.options));
    }
    if (JSON.stringify(project.model) !== JSON.stringify(before?.model ?? null)) {
      await attempt(loadModel(this.plugin, project.model, project.model ? fetchUrl(project.model.path) : ''));
    }
    await this.update();
    if (failures.length > 0) throw failures[0];
  }

  /** The maps made from particles, beside the consensus map; throws the first that cannot be shown, when all others are. */
  showMaps(layers: readonly MapLayer[], fetchUrl: (path: string) => string): Promise<void> {
    return this.madeMaps.show(layers, fetchUrl);
  }

  setFrameSource(source: FrameSource): void {
    this.context.source = source;
  }

  setOptions(changed: Partial<SceneOptions>): void {
    this.change(changed);
    const frame = this.live.shown ?? this.settled;
    if (changed.background) this.paintGround();
    this.showLayers();
    const arrowScaled = changed.arrowScale !== undefined && this.motionFrames !== null;
    if (arrowScaled && this.motionFrames) this.live.writeArrows(this.motionFrames.from, this.motionFrames.to);
    if (changed.densityContour !== undefined && frame) this.live.requestDensity(frame);
    // What follows a slider in place is told to the tree when the slider rests.
    const rests = (Object.keys(changed) as (keyof SceneOptions)[]).every(key => key === 'arrowScale' || key === 'densityContour');
    clearTimeout(this.restTimer);
    this.restTimer = setTimeout(() => void this.update(), rests ? REST_MS : 0);
  }

  /** Live: in place, once per animation frame, the latest wins. */
  showFrame(frame: DecodedFrame): void {
    if (this.contents.point === null || this.settled?.count !== frame.count || this.settled.run !== frame.run) {
      // Another number of Gaussians needs new buffers; the first frame needs its nodes.
      this.settle(frame);
    }
    this.live.show(frame);
  }

  /** When a drag ends: finer density and one commit to the state tree. */
  settle(frame: DecodedFrame): void {
    const isNewModel = this.settled?.run !== frame.run || this.settled.count !== frame.count;
    this.settled = frame;
    this.contents.point = this.context.remember(frame);
    // One ramp for the whole run: a colour that changes means an amplitude that changes.
    if (isNewModel) this.contents.amplitudeRange = amplitudeRangeOf(frame);
    this.live.shown = frame;
    this.live.dropDensity();
    void this.update();
  }

  setArrows(from: DecodedFrame | null, to: DecodedFrame | null): void {
    if (!from || !to) {
      this.motionFrames = null;
      this.contents.motion = null;
      void this.update();
      return;
    }
    this.motionFrames = { from, to };
    const start = this.context.remember(from);
    const end = this.context.remember(to);
    this.contents.motion = { run: start.run, epoch: start.epoch, fromLatent: start.latent, toLatent: end.latent };
    const inPlace = this.live.writeArrows(from, to);
    clearTimeout(this.restTimer);
    this.restTimer = setTimeout(() => void this.update(), inPlace ? REST_MS : 0);
  }

  /** Shows what regions turn about, together with the arrows; those that hardly turn have no axis. */
  setAxes(turns: readonly RegionTurn[]): void {
    const axes = turns.flatMap(({ region, angleDegrees, axis, axisPoint }) =>
      axisPoint ? [{ region, angleDegrees, axis, point: axisPoint }] : [],
    );
    if (axes.length === 0 && this.contents.axes.axes.length === 0) return;
    this.contents.axes = { axes, halfLength: this.settled ? AXIS_REACH * rmsRadius(this.settled) : 30 };
    void this.update();
  }

  /** The absolute contour at which this frame's density encloses as much volume as the map at its contour (75 % of the mass without a map). */
  async suggestDensityContour(frame: DecodedFrame): Promise<number> {
    const volume = this.plugin.state.data.cells.get(REF.mapVolume)?.obj?.data as Volume | undefined;
    const map = this.project?.map;
    let enclosed: number | null = null;
    if (volume && map) {
      const values = volume.grid.cells.data as ArrayLike<number>;
      let above = 0;
      for (let i = 0; i < values.length; i++) if (values[i] > map.contour) above++;
      const [dx, dy, dz] = map.voxelSizeAngstrom;
      // A contour that nothing, or nearly everything, exceeds says nothing about the molecule.
      if (above > 0 && above < 0.9 * values.length) enclosed = above * dx * dy * dz;
    }
    return this.context.density.contour(frame, enclosed, MASS_INSIDE);
  }

  /** Mol*'s own side panels; hidden at the start. */
  showMolstarPanels(visible: boolean): void {
    this.plugin.layout.setProps({ showControls: visible });
  }

  resetCamera(): void {
    this.lookAtMolecule(300);
  }

  /** PNG data URI of the view. */
  async screenshot(): Promise<string> {
    const helper = this.plugin.helpers.viewportScreenshot;
    if (!helper) throw new Error('this browser gives no WebGL: there is no picture to take');
    return helper.getImageDataUri();
  }

  dispose(): void {
    this.disposed = true;
    clearTimeout(this.restTimer);
    this.cameraWatch?.unsubscribe();
    this.live.dispose();
  }

  /** Brings the tree up to date; calls that come while it runs are answered by one more run. */
  private update(): Promise<void> {
    this.stale = true;
    this.updating ??= this.runUpdates().finally(() => {
      this.updating = null;
    });
    return this.updating;
  }

  private async runUpdates(): Promise<void> {
    while (this.stale && !this.disposed) {
      this.stale = false;
      this.live.committing = true;
      try {
        await updateTree(this.plugin, this.contents);
      } finally {
        this.live.committing = false;
      }
      if (this.disposed) return;
      this.showLayers();
      // The molecule may have moved on while the tree was busy with where it rested.
      const shown = this.live.shown;
      if (shown && shown !== this.settled) this.live.show(shown);
    }
  }

  private change(changed: Partial<SceneOptions>): void {
    this.contents.options = { ...this.contents.options, ...changed };
  }

  private showLayers(): void {
    const { data } = this.plugin.state;
    let appeared = false;
    for (const [layer, refs] of Object.entries(LAYERS) as [keyof typeof LAYERS, readonly string[]][]) {
      for (const ref of refs) {
        const cell = data.cells.get(ref);
        if (!cell || !!cell.state.isHidden !== this.options[layer]) continue;
        for (const { transform } of data.selectQ(q => q.byRef(ref).subtree())) {
          data.updateCellState(transform.ref, { isHidden: !this.options[layer] });
        }
        appeared ||= this.options[layer];
      }
    }
    this.frameCamera();
    // A layer that was hidden has missed the frames since.
    const shown = this.live.shown;
    if (appeared && shown && shown !== this.settled) this.live.show(shown);
  }

  protected paintGround(): void {
    const { background } = this.options;
    this.plugin.canvas3d?.setProps({ renderer: { backgroundColor: Color(SCENE_COLOURS[background].ground) } });
  }

  private frameCamera(): void {
    const isShown = (ref: string) => {
      const cell = this.plugin.state.data.cells.get(ref);
      return cell?.status === 'ok' && !cell.state.isHidden;
    };
    const seen = [REF.structure, REF.spheres, REF.density].some(isShown) ? 'molecule' : isShown(REF.map) ? 'map' : 'nothing';
    // With nothing to see, a camera that is told to move stays where it was and forgets it.
    if (seen === 'nothing' || this.framed === 'molecule' || this.framed === seen) return;
    this.framed = seen;
    this.lookAtMolecule(0);
  }

  /** The Gaussians or the model fill the view; the box of the map, mostly empty, does so only where there is neither. */
  private lookAtMolecule(durationMs: number): void {
    const { cells } = this.plugin.state.data;
    const structure = cells.get(REF.structure)?.obj?.data as Structure | undefined;
    const extent = this.settled ? extentOfGaussians(this.settled) : structure && extentOfAtoms(structure);
    const { canvas3d } = this.plugin;
    if (extent && canvas3d) {
      // From the side with z up: the axis of a symmetric map stands upright, as in most figures.
      const { state, viewport } = canvas3d.camera;
      canvas3d.requestCameraReset({ durationMs, snapshot: cameraFor(extent, { fov: state.fov, ...viewport }, LEAST_VIEW) });
    } else this.plugin.managers.camera.reset(undefined, durationMs);
  }

  /**
   * A camera that was told to move while no object was on the canvas yet has forgotten it, and its radius is still nothing. Mol* may also have
   * measured the scene between two objects and kept a sphere of radius zero; it measures again when it is told that everything changed.
   */
  private lookAgainIfForgotten(): void {
    const { canvas3d } = this.plugin;
    if (!canvas3d || this.framed === 'nothing' || canvas3d.camera.state.radius > 0) return;
    const isSeen = canvas3d.getRenderObjects().some(object => object.state.visible && object.values.boundingSphere.ref.value.radius > 0);
    if (!isSeen) return;
    canvas3d.update(undefined, false);
    this.lookAtMolecule(0);
  }
}

function extentOfGaussians({ positions, sigmas }: DecodedFrame): Extent {
  return { positions, reach: i => 2 * sigmas[i] };
}

function extentOfAtoms({ units }: Structure): Extent {
  const place = Vec3();
  const positions = units.flatMap(({ elements, conformation }) =>
    Array.from(elements, atom => [...conformation.position(atom, place)]).flat(),
  );
  return { positions, reach: () => 0 };
}
