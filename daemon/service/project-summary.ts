// project: what a viewer is told first, and again whenever anything in it changes.
import type { ProjectSummary, TrainingDefaults } from '../../protocol/messages.js';
import { defaultTrainingSettings, type Preset, presets } from '../settings/training.js';
import { MAP_PATH, MODEL_PATH } from './files.js';
import type { Jobs } from './jobs.js';
import type { MadeMaps } from './made-maps.js';
import type { ProjectWatch } from './project-watch.js';
import { regionNames } from './regions.js';
import type { ServedMap } from './served-map.js';

export interface ServedModel {
  format: 'mmcif' | 'pdb';
  atoms: number;
}

export function summariseProject(
  watch: ProjectWatch,
  jobs: Jobs,
  map: ServedMap | null,
  maps: MadeMaps,
  model: ServedModel | null,
): ProjectSummary {
  const { name, settings } = watch.project;
  return {
    name,
    particles: settings.particleCount,
    boxSize: settings.boxSize,
    pixelSizeAngstrom: settings.pixelSizeAngstrom,
    contrast: settings.contrast,
    symmetry: settings.symmetry,
    map: map && { ...map, path: MAP_PATH },
    maps: maps.list(),
    model: model && { path: MODEL_PATH, format: model.format, atoms: model.atoms },
    neutral: watch.neutral,
    runs: watch.summaries(),
    regions: regionNames(watch.project),
    trainingDefaults: { default: defaultsOf('default'), paper: defaultsOf('paper') },
    jobs: jobs.list(),
  };
}

function defaultsOf(preset: Preset): TrainingDefaults {
  const { latentDims, vary, resolutionAngstrom, epochs, batch, learningRate, seed, symmetryExpansion } = {
    ...defaultTrainingSettings,
    ...presets[preset],
  };
  return { latentDims, vary: [...vary], resolutionAngstrom, epochs, batch, learningRate, seed, symmetryExpansion };
}
