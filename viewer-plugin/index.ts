// The plugin for a Mol* page of one's own: the behaviour to register, the state transformers, and the scene that drives them.
export { LimberBehavior } from './behavior.js';
export type { FrameSource } from './context.js';
export { MolecularScene } from './scene.js';
export { SceneInViewer } from './scene-in-viewer.js';
export { DEFAULT_OPTIONS, REF, type SceneOptions } from './scene-options.js';
export { limberSpec } from './spec.js';
export {
  GaussianDensity,
  GaussianModelAt,
  GaussianMotionBetween,
  GaussianSpheres,
  MotionArrows,
  MovedModel,
} from './transforms.js';
