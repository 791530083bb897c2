#!/usr/bin/env node
// The command `limber`: installs and builds when something is missing or older than its source, then hands over to the compiled command line.
import { prepare } from './prepare.mjs';

await prepare();
const { main } = await import(new URL(`../${process.env.LIMBER_DIST ?? 'dist'}/daemon/main.js`, import.meta.url).href);
await main(process.argv.slice(2));
