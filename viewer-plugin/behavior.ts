// The extension's entry in Mol*: everything limber registers in a plugin, and its undoing, line by line.
import { PluginBehavior } from 'molstar/lib/mol-plugin/behavior/behavior.js';
import { LimberContext } from './context.js';

export const LimberBehavior = PluginBehavior.create({
  name: 'limber',
  category: 'misc',
  display: { name: 'limber', description: 'Molecules that move: Gaussians, their density and their arrows, from a limber daemon.' },
  ctor: class extends PluginBehavior.Handler {
    register() {
      LimberContext.attach(this.ctx);
    }
    unregister() {
      LimberContext.detach(this.ctx);
    }
  },
});
