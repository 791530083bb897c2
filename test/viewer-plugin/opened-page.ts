// Opens the built page in a browser, against a daemon that speaks the real protocol.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { skipWithoutBrowser } from '../browser/launch.js';
import { SyntheticDaemon, type SyntheticOptions } from './synthetic-daemon.js';

const viewerDir = fileURLToPath(new URL('../../viewer/', import.meta.url));
/** For node:test's `skip`. */
export const skipWithoutPage = skipWithoutBrowser || (existsSync(join(viewerDir, 'page.js')) ? false : 'the page is not built');
/** Milliseconds: drawing in software, on a busy machine. */
export const PATIENCE = 120_000;

export interface Opened {
  page: Page;
  daemon: SyntheticDaemon;
  errors: string[];
  close(): Promise<void>;
}

const opened = new Set<Opened>();

/** After the tests of a file. Pages that a failing test left open go too: their daemons would keep the file from ending. */
export async function closePages(browser: Browser | undefined): Promise<void> {
  await Promise.all([...opened].map(({ close }) => close()));
  await browser?.close();
}

/** Panels alone: a browser without WebGL, where they must work too, and a page that need not be drawn in software. */
const PANELS = { webgl: false, viewport: { width: 1000, height: 700 } };
/** A small 3D view is soon drawn. */
export const WITH_VIEW = { webgl: true, viewport: { width: 720, height: 640 } };

export async function openPage(browser: Browser, options: SyntheticOptions, { webgl, viewport } = PANELS): Promise<Opened> {
  const daemon = await new SyntheticDaemon({ viewerDir, particles: 2000, ...options }).start();
  const page = await browser.newPage({ viewport, deviceScaleFactor: 1, colorScheme: 'light' });
  page.setDefaultTimeout(PATIENCE);
  const errors: string[] = [];
  page.on('pageerror', error => errors.push(error.stack ?? error.message));
  if (!webgl) {
    await page.addInitScript(() => {
      const { getContext } = HTMLCanvasElement.prototype;
      HTMLCanvasElement.prototype.getContext = function (this: HTMLCanvasElement, kind: string, ...rest: unknown[]) {
        return /webgl/.test(kind) ? null : Reflect.apply(getContext, this, [kind, ...rest]);
      } as typeof getContext;
    });
  }
  await page.goto(daemon.url);
  const whole: Opened = {
    page,
    daemon,
    errors,
    close: async () => {
      opened.delete(whole);
      await page.close();
      await daemon.stop().catch(() => {});
    },
  };
  opened.add(whole);
  return whole;
}
