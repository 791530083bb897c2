// The command line: which commands there are, and what every one of them does with wrong usage and errors.
import { Command } from 'commander';
import * as demo from './commands/demo.js';
import * as exportCommand from './commands/export.js';
import * as info from './commands/info.js';
import { endWith, oneLine } from './commands/long-command.js';
import * as neutral from './commands/neutral.js';
import * as newCommand from './commands/new.js';
import * as serve from './commands/serve.js';
import * as train from './commands/train.js';

/** In the order in which a user meets them; each registers itself. */
const commands = [demo, newCommand, neutral, train, exportCommand, info, serve];

function commandLine(): Command {
  const program = new Command('limber')
    .description('Learn how a molecule moves from its cryo-EM particles, and watch it move on the fitted atomic model.')
    .showHelpAfterError(false)
    .addHelpText('after', '\nStart with: limber demo demo && limber train demo && limber serve demo');
  for (const { register } of commands) register(program);
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({
      // Commander gives its suggestions a line of their own; the promise is one line.
      outputError: (text, write) =>
        write(
          `limber: ${oneLine(text)
            .replace(/^error: /, '')
            .replace(/\.$/, '')}; see limber ${command === program ? '' : `${command.name()} `}--help\n`,
        ),
    });
  }
  return program;
}

/** Runs one command and sets the exit status: 0; 1 failed; 2 wrong usage or bad input; 128 + n stopped by signal n. */
export async function main(args: string[]): Promise<void> {
  // A reader that leaves early (| head) is no failure.
  process.stdout.on('error', error => {
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') process.exit(0);
    throw error;
  });
  try {
    const program = commandLine();
    if (args.length === 0) program.help({ error: false });
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    endWith(error);
  }
}
