// The Mol* plugin as limber's own page uses it: no contact with other servers, Mol*'s own panels put away at the start.
import { PluginConfig } from 'molstar/lib/mol-plugin/config.js';
import { PluginSpec } from 'molstar/lib/mol-plugin/spec.js';
import { DefaultPluginUISpec, type PluginUISpec } from 'molstar/lib/mol-plugin-ui/spec.js';
import { Color } from 'molstar/lib/mol-util/color/index.js';
import { LimberBehavior } from './behavior.js';

export function limberSpec(): PluginUISpec {
  const standard = DefaultPluginUISpec();
  return {
    ...standard,
    behaviors: [...standard.behaviors, PluginSpec.Behavior(LimberBehavior)],
    layout: { initial: { isExpanded: false, showControls: false, controlsDisplay: 'reactive' } },
    components: { ...standard.components, remoteState: 'none' },
    config: [
      [PluginConfig.VolumeStreaming.Enabled, false],
      [PluginConfig.Viewport.ShowExpand, false],
      [PluginConfig.Viewport.ShowControls, false],
      [PluginConfig.Viewport.ShowSelectionMode, true],
      [PluginConfig.Viewport.ShowAnimation, false],
      [PluginConfig.Viewport.ShowTrajectoryControls, false],
      [PluginConfig.Viewport.ShowXR, 'never'],
    ],
    canvas3d: {
      ...standard.canvas3d,
      camera: { helper: { axes: { name: 'off', params: {} } } },
      // A thin line around everything keeps faint surfaces readable.
      postprocessing: { outline: { name: 'on', params: { scale: 1, threshold: 0.33, color: Color(0x222a33), includeTransparent: true } } },
      renderer: { backgroundColor: Color(0xffffff) },
    },
  };
}
