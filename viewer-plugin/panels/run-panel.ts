// Chooses the run that is shown, starts and stops what the daemon works on, and says how far it is or why it ended.
import type { RunSummary } from '../../protocol/messages.js';
import type { Session } from '../session.js';
import { element, formatNumber, onAny, setOptions, setText } from './dom.js';
import { menuButton } from './menu.js';
import { NeutralForm } from './neutral-form.js';
import { describeJob, shareDone, whyNoJob } from './situation.js';
import { TrainingForm } from './training-form.js';

/** One line about a run, in the field's words. */
export function describeRun(run: RunSummary): string {
  return [
    `${run.state === 'done' ? '' : `${run.state}, `}epoch ${run.epoch} of ${run.epochs}`,
    `${run.latentDims} latent ${run.latentDims === 1 ? 'dim' : 'dims'}`,
    run.frc === null ? '' : `FRC ${run.frc.toFixed(3)}`,
    run.gaussians ? `${formatNumber(run.gaussians)} Gaussians` : '',
    run.backend,
  ]
    .filter(Boolean)
    .join(' · ');
}

/** What sets a run apart from one of all particles in which everything varies; '' for such a one. */
export function describeChoices(run: RunSummary, particles: number): string {
  return [
    run.focus === null ? '' : `focus on ${run.focus}`,
    run.vary.length === 3 ? '' : `${run.vary.join(' and ')} only`,
    run.particles === particles ? '' : `${formatNumber(run.particles)} particles`,
    run.copies === 1 ? '' : `${run.copies} symmetric copies each`,
    run.continueFrom === null ? '' : `continues ${run.continueFrom}`,
  ]
    .filter(Boolean)
    .join(' · ');
}

export function runPanel(host: HTMLElement, session: Session): void {
  const picker = element('select', {
    class: 'grow',
    'aria-label': 'Run',
    title: 'The training run that is shown',
    onchange: () => session.chooseRun(picker.value),
  });
  const open = element(
    'button',
    { type: 'button', class: 'primary', 'aria-expanded': false, onclick: () => showForm(training.host.hidden ? training : null) },
    'Train…',
  );
  const resume = element(
    'button',
    {
      type: 'button',
      hidden: true,
      title: 'Go on training this run where it stopped',
      onclick: () => void session.startTraining(session.run$.value!.name, {}),
    },
    'Resume',
  );
  const training = new TrainingForm(session, () => showForm(null));
  const neutral = new NeutralForm(session, () => showForm(null));
  const shownRun = () => session.run$.value!.name;
  const more = menuButton('More to do with this run', [
    {
      label: 'Refine orientations',
      title: 'Turn and shift every particle to fit its own model best, or the neutral one where that fits better; makes a star file',
      act: () => void session.refineOrientations(shownRun()),
      refusal: () => whyNot() ?? whyNotRun(),
    },
    {
      label: 'Compare halves',
      title: 'Train once more on each half of the particles, independently, and compare: takes as long as the run did',
      act: () => void session.compareHalves(shownRun()),
      refusal: () => whyNot() ?? whyNotRun(),
    },
    {
      label: 'Refit neutral model…',
      title: 'Fit the Gaussians that every run begins with anew',
      act: () => showForm(neutral),
      refusal: () => whyNot(),
    },
  ]);
  const about = element('div', { class: 'about' });
  const choices = element('div', { class: 'about', hidden: true });
  const bar = element('progress', { 'aria-label': 'Progress of the job' });
  const stage = element('span', { class: 'grow stage' });
  const stop = element(
    'button',
    { type: 'button', title: 'Stop at the next checkpoint; what is done is kept', onclick: () => void session.cancel(stop.dataset.job!) },
    'Stop',
  );
  const job = element('div', { class: 'job', hidden: true, role: 'status' }, element('div', { class: 'job-line' }, stage, stop), bar);
  const reason = element('span', { class: 'grow' });
  const dismiss = element(
    'button',
    { type: 'button', class: 'quiet', 'aria-label': 'Dismiss', title: 'Dismiss', onclick: () => session.failure$.next(null) },
    '✕',
  );
  const failure = element('div', { class: 'failure', hidden: true, role: 'alert' }, reason, dismiss);
  host.append(element('div', { class: 'bar' }, picker, resume, more, open), about, choices, training.host, neutral.host, job, failure);

  /** One form at a time. */
  function showForm(form: TrainingForm | NeutralForm | null): void {
    training.show(form === training);
    neutral.show(form === neutral);
    open.setAttribute('aria-expanded', String(form === training));
  }
  host.addEventListener('keydown', event => {
    if (event.key === 'Escape') showForm(null);
  });

  /** Why no job can start now, or null. */
  function whyNot(): string | null {
    return whyNoJob(session.link$.value, session.project$.value, session.jobs$.value);
  }
  function whyNotRun(): string | null {
    return (session.run$.value?.epoch ?? 0) > 0 ? null : 'There is no trained run yet';
  }

  onAny([session.project$, session.run$, session.jobs$, session.link$], () => {
    const project = session.project$.value;
    const run = session.run$.value;
    const runs = project?.runs ?? [];
    setOptions(
      picker,
      runs.length
        ? runs.map(one => ({ value: one.name, label: one.state === 'training' ? `${one.name} (training)` : one.name }))
        : [{ value: '', label: 'No run yet' }],
      run?.name ?? '',
    );
    picker.disabled = runs.length === 0;
    about.title = run ? describeRun(run) : '';
    setText(about, run ? describeRun(run) : project ? 'A run learns how the particles differ.' : '');
    const differs = run && project ? describeChoices(run, project.particles) : '';
    choices.hidden = differs === '';
    choices.title = differs;
    setText(choices, differs);
    const refusal = whyNot();
    open.disabled = refusal !== null;
    open.title = refusal ?? 'Train a new run on this project’s particles';
    resume.hidden = open.disabled || !run || (run.state !== 'stopped' && run.state !== 'failed');
    if (open.disabled) showForm(null);
    const working = session.jobs$.value.find(one => one.run === run?.name) ?? session.jobs$.value[0];
    job.hidden = !working;
    if (!working) return;
    stage.title = `${working.run ? `${working.run}: ` : ''}${describeJob(working)}`;
    setText(stage, stage.title);
    stop.dataset.job = working.job;
    stop.disabled = session.link$.value !== 'open';
    const share = shareDone(working);
    if (share === null) bar.removeAttribute('value');
    else bar.value = share;
  });
  session.failure$.subscribe(what => {
    failure.hidden = !what;
    if (what) setText(reason, `${what.run ? `${what.run}: ` : ''}${what.message}`);
  });
}
