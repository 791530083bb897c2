// What the viewer shows right now: the project, the current run, the latent point and the two ends of a path; ties the daemon's messages to the 3D scene. No DOM, no Mol*.
import { BehaviorSubject, Subject, Subscription } from 'rxjs';
import type {
  ClientMessage,
  DecodedFrame,
  EpochRow,
  NeutralRequest,
  ProjectSummary,
  RunSummary,
  TrainingRequest,
} from '../protocol/messages.js';
import { DaemonError, type DaemonLink, type LinkState, type Message, type Unasked } from './daemon-link.js';
import { Embeddings } from './embeddings.js';
import { MadeMaps } from './made-maps.js';
import { Motions } from './motions.js';
import type { LatentCloud } from './panels/latent-basis.js';
import { Paths } from './paths.js';
import { regionSpheres } from './region.js';
import { RunReports } from './run-reports.js';
import type { MolecularScene, SceneOptions } from './scene.js';
import type { SceneSelection, SelectionCount } from './scene-selection.js';

/** The part of the 3D scene that a session drives. */
export type SessionScene = Pick<
  MolecularScene,
  | 'drawn'
  | 'load'
  | 'setFrameSource'
  | 'setOptions'
  | 'showFrame'
  | 'settle'
  | 'setArrows'
  | 'setAxes'
  | 'showMaps'
  | 'suggestDensityContour'
> & { readonly selection: Pick<SceneSelection, 'changed' | 'setPicking' | 'clear' | 'count' | 'atoms' | 'gaussians'> };

export interface Job {
  job: string;
  run: string | null;
  stage: string;
  done: number;
  total: number;
}

export interface Failure {
  /** What did not work, null where the daemon did not say which run. */
  run: string | null;
  /** One line. */
  message: string;
}

export type PathEnd = 'A' | 'B';

/** The fields of a question that its asker fills in. */
type Asked<T extends ClientMessage['type']> = Omit<Extract<ClientMessage, { type: T }>, 'type' | 'id'>;

export interface SceneAttachment {
  scene: SessionScene;
  /** A path below the daemon's origin → a URL with the token. */
  fetchUrl: (path: string) => string;
  options: SceneOptions;
}

export class Session {
  readonly link$ = new BehaviorSubject<LinkState>('connecting');
  readonly project$ = new BehaviorSubject<ProjectSummary | null>(null);
  readonly run$ = new BehaviorSubject<RunSummary | null>(null);
  /** Latents of the current run; null before its first epoch is done. */
  readonly cloud$ = new BehaviorSubject<LatentCloud | null>(null);
  readonly epochs$ = new BehaviorSubject<EpochRow[]>([]);
  /** The latent point that is wanted; [] without a run. */
  readonly z$ = new BehaviorSubject<number[]>([]);
  readonly ends = { A: new BehaviorSubject<number[] | null>(null), B: new BehaviorSubject<number[] | null>(null) };
  readonly jobs$ = new BehaviorSubject<Job[]>([]);
  readonly failure$ = new BehaviorSubject<Failure | null>(null);
  /** Each molecule that arrives. */
  readonly frame$ = new Subject<DecodedFrame>();
  /** null until a scene is there. */
  readonly options$ = new BehaviorSubject<SceneOptions | null>(null);
  /** The contour at which the density encloses as much as the map; null before the first frame of a run. */
  readonly suggestedDensityContour$ = new BehaviorSubject<number | null>(null);
  /** What is selected in the 3D view; null without one. */
  readonly selected$ = new BehaviorSubject<SelectionCount | null>(null);
  readonly reports: RunReports;
  readonly motions: Motions;
  readonly paths: Paths;
  readonly embeddings: Embeddings;
  readonly madeMaps = new MadeMaps();
  /** Rows of the latents that a person drew a line around; null: none. */
  readonly chosenRows$ = new BehaviorSubject<number[] | null>(null);

  private scene: SessionScene | null = null;
  private fetchUrl: (path: string) => string = path => path;
  private loaded = '';
  private loading: Promise<void> = Promise.resolve();
  private moving = false;
  private lastFrame: DecodedFrame | null = null;
  private contourFor: string | null = null;
  private shown = 0;
  private acknowledged = 0;
  private fresh = true;
  private fetchingLatents = false;
  private latentsStale = false;
  private readonly subscriptions = new Subscription();

  constructor(readonly link: DaemonLink) {
    const { subscriptions } = this;
    this.reports = new RunReports(link, (run, error) => this.fail(run, error));
    this.motions = new Motions(link);
    this.paths = new Paths(link);
    this.embeddings = new Embeddings(link, (run, error) => this.fail(run, error));
    subscriptions.add(this.run$.subscribe(run => this.embeddings.follow(run)));
    subscriptions.add(this.motions.between$.subscribe(motion => this.scene?.setAxes(motion?.regions ?? [])));
    subscriptions.add(
      link.state$.subscribe(state => {
        if (state === 'open') this.fresh = true;
        this.link$.next(state);
      }),
    );
    subscriptions.add(link.unasked$.subscribe(message => this.hear(message)));
    subscriptions.add(link.frames$.subscribe(frame => this.receiveFrame(frame)));
  }

  /** Gives the session its 3D view, whenever that is ready; frames that come before are acknowledged at once. */
  attach({ scene, fetchUrl, options }: SceneAttachment): void {
    this.scene = scene;
    this.fetchUrl = fetchUrl;
    this.options$.next({ ...options });
    scene.setFrameSource((run, z, atoms) => this.link.ask('decode', { run, z, atoms }));
    this.subscriptions.add(scene.drawn.subscribe(() => this.acknowledge()));
    this.subscriptions.add(
      this.madeMaps.layers$.subscribe(layers => void scene.showMaps(layers, fetchUrl).catch(error => this.fail(null, error))),
    );
    this.selected$.next(scene.selection.count());
    this.subscriptions.add(scene.selection.changed.subscribe(count => this.selected$.next(count)));
    if (this.project$.value) this.loading = this.loadScene(this.project$.value);
    if (this.lastFrame) this.show(this.lastFrame);
    this.requestFrame();
  }

  /** Changes what the scene shows; the panels see it through `options$`. */
  setOptions(changed: Partial<SceneOptions>): void {
    const options = this.options$.value;
    if (!options) return;
    this.scene?.setOptions(changed);
    this.options$.next({ ...options, ...changed });
  }

  /** Moves the latent point; while `live` the scene is updated in place, and `release` makes it settle. */
  moveTo(z: number[], live: boolean): void {
    if (!this.run$.value) return;
    this.moving = live;
    this.z$.next(z);
    this.requestFrame();
    if (!live) this.settleWhenReached();
  }

  /** Ends a drag where it is. */
  release(): void {
    if (!this.moving) return;
    this.moving = false;
    this.settleWhenReached();
  }

  chooseRun(name: string): void {
    const run = this.project$.value?.runs.find(candidate => candidate.name === name) ?? null;
    if (run?.name === this.run$.value?.name) {
      this.run$.next(run);
      return;
    }
    this.run$.next(run);
    this.cloud$.next(null);
    this.epochs$.next([]);
    this.lastFrame = null;
    this.contourFor = null;
    this.suggestedDensityContour$.next(null);
    void this.reports.show(null);
    this.setEnd('A', null);
    this.setEnd('B', null);
    this.moving = false;
    this.z$.next(run ? new Array<number>(run.latentDims).fill(0) : []);
    if (run) this.refreshRun();
  }

  /** Sets or clears one end of the path; with both set, arrows show the motion between them. */
  setEnd(end: PathEnd, z: number[] | null): void {
    this.ends[end].next(z);
    void this.updateArrows();
    this.followEnds();
  }

  /** Starts a run in the daemon and makes it the current one; what is refused becomes `failure$`, as with every job. */
  async startTraining(run: string, settings: TrainingRequest): Promise<void> {
    if (!(await this.start(run, () => this.link.ask('start-training', { run, settings })))) return;
    this.wantedRun = run;
    if (this.project$.value?.runs.some(known => known.name === run)) this.chooseRun(run);
  }

  async fitNeutral(settings: NeutralRequest): Promise<void> {
    await this.start(null, () => this.link.ask('start-neutral', { settings }));
  }

  async refineOrientations(run: string): Promise<void> {
    await this.start(run, () => this.link.ask('start-orientations', { run }));
  }

  async compareHalves(run: string): Promise<void> {
    await this.start(run, () => this.link.ask('start-halves', { run }));
  }

  async embed(request: Asked<'start-embedding'>): Promise<void> {
    await this.start(request.run, () => this.link.ask('start-embedding', request));
  }

  async cluster(request: Asked<'start-clustering'>): Promise<void> {
    await this.start(request.run, () => this.link.ask('start-clustering', request));
  }

  /** A map from particles: soon a quick one, then the whole; it comes in `madeMaps`. */
  async reconstruct(request: Asked<'start-reconstruction'>): Promise<void> {
    await this.start(request.run, () => this.link.ask('start-reconstruction', request));
  }

  /** Takes a map from particles out of the project, its file too. */
  async deleteMap(name: string): Promise<void> {
    try {
      await this.link.ask('delete-map', { name });
    } catch (error) {
      this.fail(null, error);
    }
  }

  /** While on, clicks in the 3D view select. */
  setPicking(on: boolean): void {
    this.scene?.selection.setPicking(on);
  }

  clearSelection(): void {
    this.scene?.selection.clear();
    this.selected$.next(this.scene?.selection.count() ?? null);
  }

  /** Makes what is selected in the 3D view a region of the project. Returns how many Gaussians lie inside, null before there is a neutral model. Throws DaemonError. */
  async saveRegion(name: string): Promise<number | null> {
    const { selection } = this.scene!;
    const run = this.run$.value;
    const gaussians = selection.gaussians();
    const neutral =
      run && gaussians.length > 0
        ? await this.link.ask('decode', { run: run.name, z: new Array<number>(run.latentDims).fill(0), atoms: false })
        : null;
    const spheres = regionSpheres(selection.atoms(), gaussians, neutral);
    return (await this.link.ask('save-region', { name, spheres })).gaussians;
  }

  /** False, with `failure$`, where the daemon refuses. */
  private async start(run: string | null, ask: () => Promise<{ job: string }>): Promise<boolean> {
    this.failure$.next(null);
    try {
      const { job } = await ask();
      if (!this.jobs$.value.some(known => known.job === job))
        this.jobs$.next([...this.jobs$.value, { job, run, stage: 'starting', done: 0, total: 0 }]);
      return true;
    } catch (error) {
      this.fail(run, error);
      return false;
    }
  }

  async cancel(job: string): Promise<void> {
    try {
      await this.link.ask('cancel-job', { job });
    } catch (error) {
      this.fail(this.jobs$.value.find(known => known.job === job)?.run ?? null, error);
    }
  }

  dispose(): void {
    this.subscriptions.unsubscribe();
    this.motions.dispose();
    this.paths.dispose();
    this.link.close();
  }

  /** A run that was asked for but is not in the project's list yet. */
  private wantedRun: string | null = null;

  private hear(message: Unasked): void {
    switch (message.type) {
      case 'project':
        this.receiveProject(message.project);
        return;
      case 'progress': {
        const { job, run, stage, done, total } = message;
        this.jobs$.next([...this.jobs$.value.filter(known => known.job !== job), { job, run, stage, done, total }]);
        return;
      }
      case 'job-ended':
        this.jobs$.next(this.jobs$.value.filter(known => known.job !== message.job));
        if (message.error) this.failure$.next({ run: message.run, message: message.error });
        // The halves are compared, or the orientations refined.
        else if (message.run !== null && message.run === this.run$.value?.name) {
          void this.reports.show(message.run);
          this.motions.refresh();
        }
        return;
      case 'epoch':
        this.receiveEpoch(message);
        return;
      case 'error':
        // not-ready: the run has no weights yet; the panels say so already.
        if (message.code !== 'not-ready') this.failure$.next({ run: this.run$.value?.name ?? null, message: message.message });
    }
  }

  private receiveProject(project: ProjectSummary): void {
    this.project$.next(project);
    this.jobs$.next(project.jobs);
    this.madeMaps.update(project.maps);
    this.loading = this.loadScene(project);
    const current = this.run$.value?.name;
    const listed = (name: string | null | undefined) => !!name && project.runs.some(run => run.name === name);
    const training = project.runs.find(run => run.state === 'training')?.name;
    let choice: string | undefined;
    if (listed(this.wantedRun)) {
      choice = this.wantedRun!;
      this.wantedRun = null;
    } else if (listed(current)) choice = current;
    else choice = training ?? project.runs.at(-1)?.name;
    const changed = choice !== current;
    this.chooseRun(choice ?? '');
    const run = this.run$.value;
    if (run && !changed && (this.fresh || (run.epoch > 0 && run.epoch !== this.cloud$.value?.epoch))) this.refreshRun();
    this.fresh = false;
  }

  private receiveEpoch({ run, row, latentsReady }: Message<'epoch'>): void {
    const current = this.run$.value;
    if (!current || current.name !== run) return;
    const before = this.epochs$.value.filter(known => known.epoch < row.epoch);
    this.epochs$.next([...before, row]);
    // A slow connection gets only the newest news: what was left out is asked for.
    if ((before.at(-1)?.epoch ?? 0) < row.epoch - 1) void this.fetchEpochs();
    this.run$.next({ ...current, epoch: row.epoch, frc: row.frc });
    if (!latentsReady) return;
    void this.fetchLatents();
    this.motions.refresh();
    this.paths.refresh();
    this.requestFrame();
  }

  private refreshRun(): void {
    void this.fetchEpochs();
    void this.fetchLatents();
    void this.reports.show(this.run$.value?.name ?? null);
    this.requestFrame();
  }

  private async fetchEpochs(): Promise<void> {
    const run = this.run$.value?.name;
    if (!run) return;
    try {
      const { epochs } = await this.link.ask('get-epochs', { run });
      if (this.run$.value?.name === run) this.epochs$.next(epochs);
    } catch (error) {
      this.fail(run, error);
    }
  }

  /** One request at a time; what becomes ready meanwhile is fetched after it. */
  private async fetchLatents(): Promise<void> {
    const run = this.run$.value?.name;
    if (!run) return;
    if (this.fetchingLatents) {
      this.latentsStale = true;
      return;
    }
    this.fetchingLatents = true;
    try {
      const answer = await this.link.ask('get-latents', { run });
      if (this.run$.value?.name === run) {
        this.cloud$.next(answer);
        void this.updateArrows();
      }
    } catch (error) {
      this.fail(run, error);
    } finally {
      this.fetchingLatents = false;
      if (this.latentsStale) {
        this.latentsStale = false;
        void this.fetchLatents();
      }
    }
  }

  private fail(run: string | null, error: unknown): void {
    if (error instanceof DaemonError && (error.code === 'away' || error.code === 'not-ready')) return;
    this.failure$.next({ run, message: error instanceof Error ? error.message : String(error) });
  }

  private loadScene(project: ProjectSummary): Promise<void> {
    const wanted = JSON.stringify([project.map, project.model]);
    if (!this.scene || wanted === this.loaded) return this.loading;
    this.loaded = wanted;
    return this.loadInto(this.scene, project);
  }

  private async loadInto(scene: SessionScene, project: ProjectSummary): Promise<void> {
    try {
      await scene.load(project, this.fetchUrl);
      const options = this.options$.value;
      if (options && project.map) this.options$.next({ ...options, mapContour: project.map.contour });
    } catch (error) {
      this.loaded = '';
      this.fail(null, error);
    }
  }

  private requestFrame(): void {
    const run = this.run$.value;
    // A run without a finished epoch still decodes its neutral model where the daemon allows it; where not, it answers not-ready.
    if (run && this.z$.value.length) this.link.scrub({ run: run.name, z: this.z$.value, atoms: this.project$.value?.model != null });
  }

  private receiveFrame(frame: Message<'frame'>): void {
    if (frame.run === this.run$.value?.name) {
      this.lastFrame = frame;
      this.show(frame);
      this.frame$.next(frame);
      if (!this.moving) this.settleWhenReached();
    }
    this.shown = frame.sequence;
    if (!this.scene || frame.run !== this.run$.value?.name) this.acknowledge();
  }

  private show(frame: DecodedFrame): void {
    this.scene?.showFrame(frame);
    if (this.scene && this.contourFor !== frame.run) {
      this.contourFor = frame.run;
      void this.suggestContour(frame);
    }
  }

  private async suggestContour(frame: DecodedFrame): Promise<void> {
    try {
      // The map, where there is one, decides the contour.
      await this.loading;
      const contour = await this.scene!.suggestDensityContour(frame);
      if (this.contourFor !== frame.run) return;
      this.suggestedDensityContour$.next(contour);
      this.setOptions({ densityContour: contour });
    } catch (error) {
      this.fail(frame.run, error);
    }
  }

  private acknowledge(): void {
    if (this.shown === this.acknowledged) return;
    this.acknowledged = this.shown;
    this.link.frameDrawn(this.shown);
  }

  /** Settles the scene when the frame on it is the one of the wanted point. */
  private settleWhenReached(): void {
    const frame = this.lastFrame;
    const z = this.z$.value;
    if (frame && frame.z.length === z.length && z.every((value, i) => Math.fround(value) === frame.z[i])) this.scene?.settle(frame);
  }

  private followEnds(): void {
    const run = this.run$.value?.name ?? '';
    const [from, to] = [this.ends.A.value, this.ends.B.value];
    const ends = from && to ? { from, to } : null;
    this.motions.follow(run, ends);
    this.paths.follow(ends && { run, ...ends });
  }

  private async updateArrows(): Promise<void> {
    const run = this.run$.value?.name;
    const a = this.ends.A.value;
    const b = this.ends.B.value;
    if (!run || !a || !b) {
      this.scene?.setArrows(null, null);
      return;
    }
    try {
      const [from, to] = await Promise.all([a, b].map(z => this.link.ask('decode', { run, z, atoms: false })));
      if (this.ends.A.value === a && this.ends.B.value === b) this.scene?.setArrows(from, to);
    } catch (error) {
      this.fail(run, error);
    }
  }
}
