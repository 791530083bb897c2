// Chooses the run that is shown, starts and stops training, and says how far it is or why it ended.
import type { RunSummary } from '../../protocol/messages.js';
import type { Session } from '../session.js';
import { element, formatNumber, onAny, setOptions, setText } from './dom.js';
import { describeJob, shareDone } from './situation.js';

/** `run3` where run1 and run2 are taken. */
export function freeRunName(taken: readonly string[]): string {
  for (let k = 1; ; k++) if (!taken.includes(`run${k}`)) return `run${k}`;
}

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

export function runPanel(host: HTMLElement, session: Session): void {
  const picker = element('select', {
    class: 'grow',
    'aria-label': 'Run',
    title: 'The training run that is shown',
    onchange: () => session.chooseRun(picker.value),
  });
  const open = element(
    'button',
    {
      type: 'button',
      class: 'primary',
      title: 'Train a new run on this project’s particles',
      'aria-expanded': false,
      onclick: () => showForm(form.hidden),
    },
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
  const about = element('div', { class: 'about' });
  const name = element('input', {
    type: 'text',
    name: 'run',
    required: true,
    pattern: '[A-Za-z0-9][A-Za-z0-9._\\-]{0,63}',
    maxlength: 64,
    title: 'Letters, digits, dot, dash and underscore',
    spellcheck: false,
  });
  const dims = element('input', { type: 'number', name: 'latentDims', min: 1, max: 64, step: 1, value: 4, required: true });
  const epochs = element('input', { type: 'number', name: 'epochs', min: 1, max: 10000, step: 1, value: 20, required: true });
  const start = element('button', { type: 'submit', class: 'primary' }, 'Start');
  const form = element(
    'form',
    {
      class: 'train',
      hidden: true,
      onsubmit: event => {
        event.preventDefault();
        showForm(false);
        void session.startTraining(name.value, { latentDims: Number(dims.value), epochs: Number(epochs.value) });
      },
    },
    element('label', { class: 'grow' }, 'Name', name),
    element('label', { title: 'How many latent coordinates describe a particle' }, 'Latent dims', dims),
    element('label', { title: 'How often every particle is seen' }, 'Epochs', epochs),
    start,
  );
  const bar = element('progress', { 'aria-label': 'Progress of the job' });
  const stage = element('span', { class: 'grow' });
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
  host.append(element('div', { class: 'bar' }, picker, resume, open), about, form, job, failure);

  function showForm(visible: boolean): void {
    form.hidden = !visible;
    open.setAttribute('aria-expanded', String(visible));
    if (!visible) return;
    name.value = freeRunName(session.project$.value?.runs.map(run => run.name) ?? []);
    name.focus();
  }
  form.addEventListener('keydown', event => {
    if (event.key === 'Escape') showForm(false);
  });

  onAny([session.project$, session.run$, session.jobs$, session.link$], () => {
    const project = session.project$.value;
    const run = session.run$.value;
    const here = session.link$.value === 'open' && project !== null;
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
    const working = session.jobs$.value.find(one => one.run === run?.name) ?? session.jobs$.value[0];
    open.disabled = !here || session.jobs$.value.length > 0 || runs.some(one => one.state === 'training');
    open.title = session.jobs$.value.length ? 'A job is running' : 'Train a new run on this project’s particles';
    resume.hidden = open.disabled || !run || (run.state !== 'stopped' && run.state !== 'failed');
    if (open.disabled) showForm(false);
    job.hidden = !working;
    if (!working) return;
    setText(stage, `${working.run ? `${working.run}: ` : ''}${describeJob(working)}`);
    stop.dataset.job = working.job;
    stop.disabled = !here;
    const share = shareDone(working);
    if (share === null) bar.removeAttribute('value');
    else bar.value = share;
  });
  session.failure$.subscribe(what => {
    failure.hidden = !what;
    if (what) setText(reason, `${what.run ? `${what.run}: ` : ''}${what.message}`);
  });
}
