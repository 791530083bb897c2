// Run as a process of its own by device.ts: says on standard output, as JSON, which graphics processor answers, or why none does.

import { writeSync } from 'node:fs';
import { openGpu } from './device.js';

const gpu = await openGpu();
writeSync(1, JSON.stringify('reason' in gpu ? gpu : { description: gpu.description, isSoftware: gpu.isSoftware }));
// Drivers may keep threads of their own; nothing is left to do.
process.exit(0);
