// Memory and processor time of a process with all that it started: from /proc on Linux, from ps elsewhere.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

export interface TreeUse {
  /** Resident, all processes together; what two of them share counts twice. */
  bytes: number;
  /** Processor time since each began, of those that live now. */
  processorSeconds: number;
}

interface ProcessUse extends TreeUse {
  pid: number;
  parent: number;
}

/** Linux counts processor time in hundredths of a second and memory in pages, whatever the machine's own (getconf CLK_TCK, PAGESIZE). */
const TICKS_A_SECOND = 100;

export function treeUse(root: number): TreeUse {
  const all = existsSync('/proc/self/stat') ? fromProc() : fromPs();
  const inTree = new Set([root]);
  // A process may be listed before its parent: until nothing is added.
  for (let size = 0; size < inTree.size; ) {
    size = inTree.size;
    for (const { pid, parent } of all) if (inTree.has(parent)) inTree.add(pid);
  }
  const tree = all.filter(({ pid }) => inTree.has(pid));
  return {
    bytes: tree.reduce((sum, { bytes }) => sum + bytes, 0),
    processorSeconds: tree.reduce((sum, { processorSeconds }) => sum + processorSeconds, 0),
  };
}

/** proc(5): fields of /proc/PID/stat after the command's name in brackets, and VmRSS in kB of /proc/PID/status. */
function fromProc(): ProcessUse[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .flatMap(name => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        const resident = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'));
        return [
          {
            pid: Number(name),
            parent: Number(fields[1]),
            bytes: resident ? Number(resident[1]) * 1024 : 0,
            processorSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND,
          },
        ];
      } catch {
        // It has ended since the folder was read.
        return [];
      }
    });
}

/** Times as [[days-]hours:]minutes:seconds, memory in kB. */
function fromPs(): ProcessUse[] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid=,rss=,time='], { encoding: 'utf8' });
  return stdout
    .trim()
    .split('\n')
    .map(line => {
      const [pid, parent, kilobytes, time] = line.trim().split(/\s+/);
      const seconds = time
        .replace('-', ':')
        .split(':')
        .map(Number)
        .reverse()
        .reduce((sum, part, i) => sum + part * [1, 60, 3600, 86_400][i], 0);
      return { pid: Number(pid), parent: Number(parent), bytes: Number(kilobytes) * 1024, processorSeconds: seconds };
    });
}
