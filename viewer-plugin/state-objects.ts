// What limber adds to Mol*'s kinds of state object: a Gaussian model at a latent point, and a motion between two of them.
import { PluginStateObject } from 'molstar/lib/mol-plugin-state/objects.js';
import type { DecodedFrame } from '../protocol/messages.js';

export class GaussianModel extends PluginStateObject.Create<{ frame: DecodedFrame }>({ name: 'Gaussian Model', typeClass: 'Object' }) {}

export class GaussianMotion extends PluginStateObject.Create<{ from: DecodedFrame; to: DecodedFrame }>({
  name: 'Gaussian Motion',
  typeClass: 'Object',
}) {}
