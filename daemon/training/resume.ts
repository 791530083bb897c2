// Whether a run may go on with what is asked of it now.

import { InputError } from '../formats/input-error.js';
import type { RunSettings } from '../project/run-folder.js';
import { flagOf, type TrainingSettings, type TrainOptions, trainingSettings } from '../settings/training.js';

/** Everything but the number of epochs must be as it was. Throws InputError that names the first that is not. */
export function checkResumable(begun: RunSettings, options: TrainOptions): void {
  for (const [name, asked] of Object.entries(trainingSettings(options))) {
    const was = begun[name as keyof TrainingSettings];
    // What an earlier version gave no choice of is as good as left to the program; a resolution that was left to the data is known by now.
    if (was === undefined) continue;
    if (name === 'epochs' || (name === 'resolutionAngstrom' && asked === null) || String(was) === String(asked)) continue;
    throw new InputError(
      `run "${begun.run}" was begun with ${flagOf(name as keyof TrainingSettings)} ${was ?? 'not given'}, not ${asked ?? 'without it'}; leave the option out to resume it, or give another --run`,
    );
  }
}
