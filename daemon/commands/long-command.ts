// What every command shares: its reporter, being stopped by Ctrl-C, and the exit status and the one line that an error ends with.
import { type Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { InputError } from '../formats/input-error.js';
import { describeParameter, type ParameterName, parameters, parseParameter } from '../settings/settings.js';
import { Cancelled } from '../training/progress.js';
import { TerminalReporter } from './terminal-reporter.js';

export interface CommandContext {
  reporter: TerminalReporter;
  /** Aborts on Ctrl-C or SIGTERM; another one, later, ends the process at once. */
  signal: AbortSignal;
}

/** Exit statuses that shells and schedulers expect of a process that a signal ended: 128 + its number. */
const SIGNAL_STATUS = { SIGINT: 130, SIGTERM: 143 } as const;

/** Milliseconds after which another signal is a second wish, not an echo of the first. */
const INSISTS_AFTER = 1500;

let endedBy: keyof typeof SIGNAL_STATUS | null = null;

/** Adds an option from the table of settings; its value is checked as it is read. */
export function addParameter(command: Command, name: ParameterName): Command {
  const parameter = parameters[name];
  return command.addOption(
    new Option(parameter.flag, describeParameter(parameter)).argParser(text => {
      try {
        return parseParameter(parameter, text);
      } catch (error) {
        throw new InvalidArgumentError((error as Error).message);
      }
    }),
  );
}

/** Runs `work` with a reporter (which obeys --json) and a signal; commander waits for the promise. */
export async function runLong(options: { json?: boolean }, work: (context: CommandContext) => Promise<void>): Promise<void> {
  const reporter = new TerminalReporter(options.json === true);
  const abort = new AbortController();
  let asked = 0;
  const stop = (name: NodeJS.Signals) => {
    // One Ctrl-C may arrive several times, from the terminal and from npm or the daemon that started us: only a later one insists.
    if (endedBy && Date.now() - asked > INSISTS_AFTER) process.exit(SIGNAL_STATUS[endedBy]);
    asked ||= Date.now();
    endedBy = name as keyof typeof SIGNAL_STATUS;
    abort.abort();
  };
  for (const name of Object.keys(SIGNAL_STATUS)) process.on(name, stop);
  try {
    await work({ reporter, signal: abort.signal });
  } finally {
    for (const name of Object.keys(SIGNAL_STATUS)) process.removeListener(name, stop);
    reporter.clear();
  }
}

/** Writes the error's line and ends the process with its status (threads of a failed command would keep it alive). */
export function endWith(error: unknown): void {
  const { status, line } = explainError(error);
  if (line) process.stderr.write(line + '\n');
  process.exitCode = status;
  if (status !== 0) process.exit();
}

/** The exit status an error means, and its one line (null: commander has printed it, or nothing went wrong). */
function explainError(error: unknown): { status: number; line: string | null } {
  if (error instanceof CommanderError) return { status: error.exitCode === 0 ? 0 : 2, line: null };
  if (error instanceof InputError) return { status: 2, line: `limber: ${oneLine(error.message)}` };
  if (error instanceof Cancelled) return { status: SIGNAL_STATUS[endedBy ?? 'SIGINT'], line: `limber: ${oneLine(error.message)}` };
  const message = error instanceof Error ? error.message : String(error);
  if (process.env.LIMBER_TRACE) return { status: 1, line: `limber: failed: ${error instanceof Error ? error.stack : message}` };
  return { status: 1, line: `limber: failed: ${oneLine(message)} (LIMBER_TRACE=1 shows where)` };
}

export function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ').trim();
}
