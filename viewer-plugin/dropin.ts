// The classic script for a page with the stock Mol* viewer: `limber.attach(viewer)` adds the scene to a viewer that is already there.
//
// What Mol* compares by identity comes from the viewer's own `molstar.lib`; bundle.mjs sees to that.
import type { PluginUIContext } from 'molstar/lib/mol-plugin-ui/context.js';
import { LimberBehavior } from './behavior.js';
import { SceneInViewer } from './scene-in-viewer.js';
import type { SceneOptions } from './scene-options.js';

declare const MOLSTAR_BUILT_AGAINST: string;

/** `viewer` is what `molstar.Viewer.create` gave. Throws when the viewer is of another version: the layout of Mol*'s buffers changes between them. */
async function attach(viewer: { plugin: PluginUIContext }, options: Partial<SceneOptions> = {}): Promise<SceneInViewer> {
  const { version } = (globalThis as unknown as { molstar: { version: string } }).molstar;
  if (version !== MOLSTAR_BUILT_AGAINST) {
    throw new Error(
      `this limber plugin is for Mol* ${MOLSTAR_BUILT_AGAINST}, the page has ${version}: load that version, or build limber with yours`,
    );
  }
  const { plugin } = viewer;
  const { behaviors } = plugin.state;
  if (!behaviors.cells.has(LimberBehavior.id)) {
    await behaviors.build().to('misc').apply(LimberBehavior, {}, { ref: LimberBehavior.id }).commit();
  }
  return new SceneInViewer(plugin, options);
}

Object.assign(globalThis, { limber: { attach } });
