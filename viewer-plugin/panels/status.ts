// The head of the page: which project this is, whether the daemon answers, and what to do when it does not.
import type { Session } from '../session.js';
import { element, formatNumber, onAny, setText } from './dom.js';

const STATE = { connecting: 'connecting', open: 'connected', away: 'away' } as const;

export function header(host: HTMLElement, session: Session, themeButton: HTMLElement): void {
  const name = element('strong');
  const facts = element('span', { class: 'facts' });
  const dot = element('span', { class: 'dot', role: 'status' });
  host.append(element('span', { class: 'wordmark' }, 'limber'), element('div', { class: 'project' }, name, facts), dot, themeButton);
  onAny([session.project$, session.link$], () => {
    const project = session.project$.value;
    const state = session.link$.value;
    setText(name, project?.name ?? '');
    document.title = project ? `${project.name} · limber` : 'limber';
    const inverted = project?.contrast === -1 ? ', inverted contrast' : '';
    const symmetry = project && project.symmetry !== 'C1' ? ` · ${project.symmetry}` : '';
    setText(
      facts,
      project
        ? `${formatNumber(project.particles)} particles · ${project.boxSize} px · ${project.pixelSizeAngstrom} Å/px${symmetry}${inverted}`
        : '',
    );
    facts.title = facts.textContent ?? '';
    dot.dataset.state = state;
    dot.title = `Daemon: ${STATE[state]}`;
    dot.setAttribute('aria-label', dot.title);
  });
}

/** `refused` tells whether the daemon is there but no longer knows this page's token. */
export function awayBanner(host: HTMLElement, session: Session, refused: () => Promise<boolean>): void {
  const text = element('span', { class: 'grow' });
  const retry = element('button', { type: 'button', onclick: () => session.link.retryNow() }, 'Try now');
  host.append(element('span', { class: 'spinner', 'aria-hidden': true }), text, retry);
  host.setAttribute('role', 'alert');
  session.link$.subscribe(state => {
    host.hidden = state !== 'away';
    document.documentElement.classList.toggle('away', state === 'away');
    if (state !== 'away') return;
    text.replaceChildren(
      element('strong', {}, 'The daemon does not answer'),
      ' — reconnecting… If it is not running, start it with ',
      element('code', {}, 'npx limber serve DIR'),
      '.',
    );
    void refused().then(yes => {
      if (yes && session.link$.value === 'away')
        text.replaceChildren(
          element('strong', {}, 'The daemon was started anew'),
          ' — this page’s token is no longer valid. Open the URL that it printed.',
        );
    });
  });
}

/** What the 3D view shows now, and how fast it follows: a line at the foot of the view. */
export function readout(host: HTMLElement, session: Session): void {
  let frames = 0;
  let rate = 0;
  setInterval(() => {
    rate = frames;
    frames = 0;
    tell();
  }, 1000);
  let latest = '';
  const tell = () => {
    const run = session.run$.value;
    host.hidden = !run || !latest;
    if (run) setText(host, [run.name, latest, rate > 1 ? `${rate} frames/s` : ''].filter(Boolean).join(' · '));
  };
  session.frame$.subscribe(frame => {
    frames++;
    const text = `weights of epoch ${frame.epoch} · ${formatNumber(frame.count)} Gaussians`;
    if (text === latest) return;
    latest = text;
    tell();
  });
  session.run$.subscribe(() => {
    latest = '';
    tell();
  });
}
