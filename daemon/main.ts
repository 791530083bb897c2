// The command line: which commands there are, and what every one of them does with wrong usage and errors.
import { Command } from 'commander';
import { endWith, oneLine } from './commands/long-command.js';

interface CommandModule {
  /** Adds the command with its options; what it needs to run is loaded when it runs. */
  register(program: Command): void;
}

/** In the order in which a user meets them; each registers itself. Only the one that is asked for is loaded, help asks for all. */
const commands: Record<string, () => Promise<CommandModule>> = {
  demo: () => import('./commands/demo.js'),
  new: () => import('./commands/new.js'),
  neutral: () => import('./commands/neutral.js'),
  train: () => import('./commands/train.js'),
  orient: () => import('./commands/orient.js'),
  reconstruct: () => import('./commands/reconstruct.js'),
  embed: () => import('./commands/embed.js'),
  cluster: () => import('./commands/cluster.js'),
  path: () => import('./commands/path.js'),
  motions: () => import('./commands/motions.js'),
  halves: () => import('./commands/halves.js'),
  export: () => import('./commands/export.js'),
  info: () => import('./commands/info.js'),
  serve: () => import('./commands/serve.js'),
  bench: () => import('./commands/bench.js'),
};

async function commandLine(asked: string | undefined): Promise<Command> {
  const program = new Command('limber')
    .description('Learn how a molecule moves from its cryo-EM particles, and watch it move on the fitted atomic model.')
    .showHelpAfterError(false)
    .addHelpText('after', '\nStart with: limber demo demo && limber train demo && limber serve demo');
  const chosen = asked !== undefined && Object.hasOwn(commands, asked) ? [commands[asked]] : Object.values(commands);
  for (const { register } of await Promise.all(chosen.map(load => load()))) register(program);
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
    const program = await commandLine(args[0]);
    if (args.length === 0) program.help({ error: false });
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    endWith(error);
  }
}
