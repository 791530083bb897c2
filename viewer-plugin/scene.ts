// The molecule in a Mol* viewer of its own: consensus map, fitted model, Gaussians, their density and the arrows of a motion, all in Å in the map's frame.
import { createPluginUI } from 'molstar/lib/mol-plugin-ui/index.js';
import { renderReact18 } from 'molstar/lib/mol-plugin-ui/react18.js';
import { SceneInViewer } from './scene-in-viewer.js';
import type { SceneOptions } from './scene-options.js';
import { limberSpec } from './spec.js';

export type { FrameSource } from './context.js';
export type { SceneOptions } from './scene-options.js';

export class MolecularScene extends SceneInViewer {
  /** Makes a Mol* viewer with limber in it, inside `container`. */
  static async create(container: HTMLElement, initial: Partial<SceneOptions> = {}): Promise<MolecularScene> {
    const plugin = await createPluginUI({ target: container, render: renderReact18, spec: limberSpec() });
    const scene = new MolecularScene(plugin, initial);
    // Objects come and go while a person looks: the camera moves only when asked.
    plugin.canvas3d?.setProps({ camera: { manualReset: true } });
    scene.paintGround();
    return scene;
  }

  override dispose(): void {
    super.dispose();
    this.plugin.dispose();
  }
}
