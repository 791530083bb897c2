// Opens a page in the user's browser where there is one; never fails, since the printed URL does as well.
import { spawn } from 'node:child_process';

/** Nothing happens in CI, over SSH without a display, or where the system has no opener. */
export function openBrowser(url: string): void {
  const opener = chooseOpener();
  if (!opener) return;
  const [command, ...args] = opener;
  const child = spawn(command, [...args, url], { stdio: 'ignore', detached: true });
  child.on('error', () => {});
  child.unref();
}

function chooseOpener(): string[] | null {
  const { CI, DISPLAY, WAYLAND_DISPLAY } = process.env;
  if (CI) return null;
  if (process.platform === 'darwin') return ['open'];
  // The empty word is the window's title, which `start` would otherwise take the URL for.
  if (process.platform === 'win32') return ['cmd', '/c', 'start', ''];
  return DISPLAY || WAYLAND_DISPLAY ? ['xdg-open'] : null;
}
