// `npm start`: from a fresh clone to the demo in a browser, in one step; stopped by Ctrl-C, it goes on where it was the next time.
import { fileURLToPath } from 'node:url';
import { prepare } from './prepare.mjs';

await prepare();
const compiled = name => import(new URL(`../${process.env.LIMBER_DIST ?? 'dist'}/daemon/${name}.js`, import.meta.url).href);
const { startDemo } = await compiled('commands/start-demo');
const { endWith } = await compiled('commands/long-command');
try {
  process.chdir(fileURLToPath(new URL('..', import.meta.url)));
  await startDemo('demo');
  process.exit(0);
} catch (error) {
  endWith(error);
}
