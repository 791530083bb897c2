// Says in one line, and what to do about it, why there is nothing to scrub yet.
import type { ProjectSummary, RunSummary } from '../../protocol/messages.js';
import type { LinkState } from '../daemon-link.js';
import type { Job } from '../session.js';

export interface Situation {
  title: string;
  hint: string;
  /** Something is on its way by itself. */
  busy: boolean;
}

interface Facts {
  link: LinkState;
  project: ProjectSummary | null;
  run: RunSummary | null;
  hasLatents: boolean;
  jobs: readonly Job[];
}

/** `stage, 40 %`, or the stage alone where the total is not known. */
export function describeJob({ stage, done, total }: Job): string {
  return total > 0 ? `${stage}, ${Math.floor((100 * done) / total)} %` : stage;
}

/** How much of the job is done, 0 to 1: of all epochs where its stage is one of them; null where it does not say. */
export function shareDone({ stage, done, total }: Job): number | null {
  if (!(total > 0)) return null;
  const epoch = /(?:^|: )epoch (\d+) of (\d+)$/.exec(stage);
  return epoch ? (Number(epoch[1]) - 1 + done / total) / Number(epoch[2]) : done / total;
}

/** Why no job can start now, or null. */
export function whyNoJob(link: LinkState, project: ProjectSummary | null, jobs: readonly Job[]): string | null {
  if (link !== 'open' || !project) return 'The daemon does not answer';
  if (jobs.length > 0) return 'A job is running';
  if (project.runs.some(run => run.state === 'training')) return 'A run is training';
  return null;
}

/** null when the latent space is there to be explored. */
export function situationOf({ link, project, run, hasLatents, jobs }: Facts): Situation | null {
  if (hasLatents) return null;
  if (!project) {
    return link === 'away'
      ? { title: 'The daemon does not answer', hint: 'The plot appears when it is back.', busy: false }
      : { title: 'Connecting to the daemon', hint: '', busy: true };
  }
  const job = jobs.find(candidate => run === null || candidate.run === run.name) ?? null;
  if (run) {
    if (run.state === 'training' || job) {
      const stage = job ? describeJob(job) : `epoch ${run.epoch + 1} of ${run.epochs}`;
      return { title: `Training ${run.name}: ${stage}`, hint: 'The particles appear here after the first epoch.', busy: true };
    }
    if (run.epoch > 0) return { title: `Reading the latents of ${run.name}`, hint: '', busy: true };
    return { title: `${run.name} has no finished epoch`, hint: 'Train it again, or choose another run.', busy: false };
  }
  if (job) {
    const hint = project.neutral
      ? 'The particles appear here after the first epoch.'
      : 'The neutral model comes first, then the latent space.';
    return { title: `${job.run ? `Training ${job.run}` : 'Working'}: ${describeJob(job)}`, hint, busy: true };
  }
  if (!project.neutral)
    return {
      title: 'No neutral model yet',
      hint: 'Training makes it first, from the map; “npx limber neutral DIR” makes it alone.',
      busy: false,
    };
  return { title: 'No run yet', hint: 'Train one to see how the particles differ.', busy: false };
}
