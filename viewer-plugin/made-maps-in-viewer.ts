// Maps from particles in Mol*'s state tree: each is downloaded when it is first shown, again when it was replaced, and lies in the frame of the model.
import type { PluginContext } from 'molstar/lib/mol-plugin/context.js';
import { StateTransforms } from 'molstar/lib/mol-plugin-state/transforms.js';
import type { MapLayer } from './made-maps.js';
import { changeParams, isosurfaceStyle, removeNode, throwIfFailed } from './scene-tree.js';

const { Data, Representation, Volume } = StateTransforms;
/** Maps that are compared lie in each other, and the model in them. */
const OPACITY = 0.4;

const fileRef = (name: string) => `limber-made-map-file-${name}`;
const surfaceRef = (name: string) => `limber-made-map-${name}`;

export class MadeMapsInViewer {
  /** Version of each map in the tree. */
  private readonly loaded = new Map<string, string>();
  private wanted: readonly MapLayer[] = [];
  private working: Promise<void> | null = null;
  private stale = false;

  constructor(private readonly plugin: PluginContext) {}

  /** Brings the tree to these layers; of calls that come meanwhile the last one counts. Throws the first that cannot be shown, when all others are. `fetchUrl`: path below the daemon's origin → URL with the token. */
  show(layers: readonly MapLayer[], fetchUrl: (path: string) => string): Promise<void> {
    this.wanted = layers;
    this.stale = true;
    this.working ??= this.work(fetchUrl).finally(() => {
      this.working = null;
    });
    return this.working;
  }

  private async work(fetchUrl: (path: string) => string): Promise<void> {
    const failures: unknown[] = [];
    while (this.stale) {
      this.stale = false;
      const layers = this.wanted;
      for (const name of [...this.loaded.keys()]) {
        if (layers.some(({ map }) => map.name === name)) continue;
        this.loaded.delete(name);
        await removeNode(this.plugin, fileRef(name));
      }
      for (const layer of layers) {
        try {
          await this.bring(layer, fetchUrl);
        } catch (error) {
          failures.push(error);
        }
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  private async bring({ map, visible, contour, colour }: MapLayer, fetchUrl: (path: string) => string): Promise<void> {
    const { name, path, version } = map;
    const { data } = this.plugin.state;
    const style = isosurfaceStyle({ contour, colour, opacity: OPACITY });
    if (visible && this.loaded.get(name) !== version) {
      this.loaded.set(name, version);
      await removeNode(this.plugin, fileRef(name));
      await data
        .build()
        .toRoot()
        .apply(Data.Download, { url: fetchUrl(path), isBinary: true, label: name }, { ref: fileRef(name), state: { isGhost: true } })
        .apply(Data.ParseCcp4, undefined, { state: { isGhost: true } })
        .apply(Volume.VolumeFromCcp4, {})
        .apply(Representation.VolumeRepresentation3D, style, { ref: surfaceRef(name) })
        .commit({ doNotLogTiming: true });
      throwIfFailed(this.plugin, surfaceRef(name), `the map ${name}`);
    }
    if (!data.cells.has(surfaceRef(name))) return;
    const build = data.build();
    if (changeParams(this.plugin, build, surfaceRef(name), style)) await build.commit({ doNotLogTiming: true });
    const isHidden = !visible;
    if (!!data.cells.get(surfaceRef(name))?.state.isHidden !== isHidden) data.updateCellState(surfaceRef(name), { isHidden });
  }
}
