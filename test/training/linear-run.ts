// A run on disk whose decoder is one linear layer, so that what every latent point decodes to is known in closed form.
import { writeFileSync } from 'node:fs';
import { type ModelFrame, rowToLogits } from '../../daemon/gaussians/model-frame.js';
import { RunFolder } from '../../daemon/project/run-folder.js';
import { defaultTrainingSettings } from '../../daemon/settings/training.js';

export interface LinearRun {
  frame: ModelFrame;
  /** Planar 5N. */
  neutral: Float32Array;
  /** 5N: what a unit of z0 adds to the logits. */
  weight: Float32Array;
  /** Of every entry; the copies of a particle follow one another. */
  z: ArrayLike<number>;
  copies?: number;
}

export function writeLinearRun(folder: string, { frame, neutral, weight, z, copies = 1 }: LinearRun): RunFolder {
  const n = neutral.length / 5;
  const run = new RunFolder(folder, 'run', () => false);
  run.writeSettings({
    ...defaultTrainingSettings,
    format: 'limber-run',
    version: 1,
    run: 'run',
    state: 'done',
    epoch: 1,
    gaussians: n,
    resolutionAngstrom: 8,
    backend: 'cpu',
    particles: z.length / copies,
    copies,
    goesOn: false,
    frc: 0.5,
    seconds: 1,
    latentDims: 1,
  });
  run.writeWeights(
    [
      ['decoder.0.weight', { shape: [1, 5 * n], data: weight }],
      ['decoder.0.bias', { shape: [5 * n], data: new Float32Array(5 * n) }],
      ['neutral.logits', { shape: [5, n], data: rowToLogits(neutral) }],
      ['vary', { shape: [5, n], data: new Float32Array(5 * n).fill(1) }],
    ],
    { epoch: '1', frame: JSON.stringify(frame) },
  );
  const named = (i: number) => [Math.floor(i / copies) + 1, ...(copies > 1 ? [(i % copies) + 1] : [])];
  const lines = Array.from(z, (value, i) => [...named(i), value, 0.5].join('\t'));
  const columns = ['particle', ...(copies > 1 ? ['copy'] : []), 'z0', 'frc'];
  writeFileSync(run.latentsPath, `${[columns.join('\t'), ...lines].join('\n')}\n`);
  return run;
}
