// What the training form says, as a request: what is left empty is left out, so that the daemon's own defaults hold.
import type { ProjectSummary, RunSummary, TrainingDefaults, TrainingRequest, VaryKind } from '../../protocol/messages.js';

/** '': left out, which is the default one, or the settings of the run that is continued. */
export type PresetChoice = keyof ProjectSummary['trainingDefaults'] | '';

/** The form's fields as they stand; texts of number fields, '' where empty. */
export interface TrainingFields {
  latentDims: string;
  epochs: string;
  resolutionAngstrom: string;
  learningRate: string;
  seed: string;
  vary: VaryKind[];
  preset: PresetChoice;
  /** '': none. */
  focus: string;
  continueFrom: string;
  subset: Uint32Array | null;
  symmetryExpansion: boolean;
}

/** What the daemon takes for fields that are left out: the settings of the run that is continued, unless a preset is asked for, else the preset's. */
export function defaultsFor(project: ProjectSummary, preset: PresetChoice, continued: RunSummary | null): Partial<TrainingDefaults> {
  const defaults = project.trainingDefaults[preset || 'default'];
  if (!continued || preset !== '') return defaults;
  const { latentDims, vary, copies } = continued;
  // Its other settings are not told to viewers.
  return { epochs: defaults.epochs, latentDims, vary, symmetryExpansion: copies > 1 ? 'on' : 'off' };
}

/** Only what differs from `defaults`, or was written into a field. */
export function trainingRequest(fields: TrainingFields, defaults: Partial<TrainingDefaults>): TrainingRequest {
  const { vary, preset, focus, continueFrom, subset, symmetryExpansion } = fields;
  const request: TrainingRequest = {};
  for (const name of ['latentDims', 'epochs', 'resolutionAngstrom', 'learningRate', 'seed'] as const)
    if (fields[name].trim() !== '') request[name] = Number(fields[name]);
  if (vary.join() !== defaults.vary?.join()) request.vary = vary;
  if (preset !== '') request.preset = preset;
  if (focus !== '') request.focus = focus;
  if (continueFrom !== '') request.continueFrom = continueFrom;
  if (subset) request.subset = subset;
  if (defaults.symmetryExpansion && symmetryExpansion !== (defaults.symmetryExpansion === 'on'))
    request.symmetryExpansion = symmetryExpansion ? 'on' : 'off';
  return request;
}
