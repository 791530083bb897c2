// The molecule in Mol*: consensus map, fitted model, Gaussians, their density and the arrows of a motion, all in Å in the map's frame.
import type { PluginUIContext } from 'molstar/lib/mol-plugin-ui/context.js';
import type { Observable } from 'rxjs';
import type { DecodedFrame, ProjectSummary } from '../protocol/messages.js';

/** Which layers are shown, and how. */
export interface SceneOptions {
  atomicModel: boolean;
  consensusMap: boolean;
  gaussians: boolean;
  density: boolean;
  arrows: boolean;
  /** Absolute, in the map's own values. */
  mapContour: number;
  /** Absolute, in amplitude per Å³ (method.md section 2); see suggestDensityContour. */
  densityContour: number;
  /** 0 to 1. */
  mapOpacity: number;
  densityOpacity: number;
  /** Sphere radius in units of a Gaussian's sigma. */
  gaussianScale: number;
  /** Arrow length in units of the displacement. */
  arrowScale: number;
  /** Only the longest so many displacements get an arrow. */
  arrowCount: number;
  background: 'light' | 'dark';
}

/** Gets the molecule at a latent point; how a saved Mol* session finds its frames again. */
export type FrameSource = (run: string, z: number[], atoms: boolean) => Promise<DecodedFrame>;

export declare class MolecularScene {
  static create(container: HTMLElement, initial: Partial<SceneOptions>): Promise<MolecularScene>;
  readonly plugin: PluginUIContext;
  /** Emits the number of frames drawn so far, once after each drawn frame: the moment to send `frame-drawn`. */
  readonly drawn: Observable<number>;
  readonly options: Readonly<SceneOptions>;
  /** Map and model through Mol*'s own Download; a second call replaces what changed. `mapContour` becomes project.map.contour. */
  load(project: ProjectSummary, fetchUrl: (path: string) => string): Promise<void>;
  setFrameSource(source: FrameSource): void;
  setOptions(changed: Partial<SceneOptions>): void;
  /** Live: in place, once per animation frame, the latest wins. */
  showFrame(frame: DecodedFrame): void;
  /** When a drag ends: finer density and one commit to the state tree. */
  settle(frame: DecodedFrame): void;
  setArrows(from: DecodedFrame | null, to: DecodedFrame | null): void;
  /** The absolute contour at which this frame's density encloses as much volume as the map at its contour (75 % of the mass without a map). */
  suggestDensityContour(frame: DecodedFrame): Promise<number>;
  /** Mol*'s own side panels; hidden at the start. */
  showMolstarPanels(visible: boolean): void;
  resetCamera(): void;
  /** PNG data URI of the view. */
  screenshot(): Promise<string>;
  dispose(): void;
}
