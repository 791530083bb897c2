// One Chromium for a file of browser tests, with a WebGL 2 that needs no graphics card; found on this machine, never downloaded.
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const KNOWN = [
  process.env.CHROMIUM_PATH,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/opt/google/chrome/chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

const executablePath = KNOWN.find(path => path && existsSync(path)) ?? null;

/** For node:test's `skip`: false where there is a browser, otherwise the reason to show. */
export const skipWithoutBrowser: false | string = executablePath
  ? false
  : 'no Chromium found: install the package chromium, or name one in CHROMIUM_PATH';

/** Starts it; the caller closes it. SwiftShader draws in software, the same pixels on every machine. */
export function launchBrowser(): Promise<Browser> {
  if (!executablePath) throw new Error(skipWithoutBrowser as string);
  return chromium.launch({
    executablePath,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu-sandbox',
      '--use-angle=swiftshader',
      '--enable-unsafe-swiftshader',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
