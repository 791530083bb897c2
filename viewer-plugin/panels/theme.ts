// Light or dark: the reader's own preference at first, then what the button says; canvases take their colours from the same style sheet as everything else.
import { BehaviorSubject } from 'rxjs';

export type Theme = 'light' | 'dark';
const KEPT = 'limber-theme';

export interface CanvasColours {
  theme: Theme;
  surface: string;
  ink: string;
  muted: string;
  line: string;
  accent: string;
  endA: string;
  endB: string;
  cursor: string;
  font: string;
}

export function createTheme(): BehaviorSubject<Theme> {
  const kept = localStorage.getItem(KEPT);
  const preferred = matchMedia('(prefers-color-scheme: dark)');
  const theme$ = new BehaviorSubject<Theme>(kept === 'light' || kept === 'dark' ? kept : preferred.matches ? 'dark' : 'light');
  theme$.subscribe(theme => {
    document.documentElement.dataset.theme = theme;
    // Mol* has a style sheet for each.
    for (const sheet of document.querySelectorAll<HTMLLinkElement>('link[data-for]')) sheet.disabled = sheet.dataset.for !== theme;
  });
  preferred.addEventListener('change', () => {
    if (!localStorage.getItem(KEPT)) theme$.next(preferred.matches ? 'dark' : 'light');
  });
  return theme$;
}

export function toggleTheme(theme$: BehaviorSubject<Theme>): void {
  const next = theme$.value === 'light' ? 'dark' : 'light';
  localStorage.setItem(KEPT, next);
  theme$.next(next);
}

export function canvasColours(theme: Theme): CanvasColours {
  const style = getComputedStyle(document.documentElement);
  const read = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    theme,
    surface: read('surface'),
    ink: read('ink'),
    muted: read('muted'),
    line: read('line'),
    accent: read('accent'),
    endA: read('end-a'),
    endB: read('end-b'),
    cursor: read('cursor'),
    font: getComputedStyle(document.body).fontFamily,
  };
}
