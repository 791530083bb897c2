// What `npm start` does once everything is built: the demo project, made where it is missing, trained while the page shows it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ProjectFolder } from '../project/project-folder.js';
import { Cancelled } from '../training/progress.js';
import { makeDemo } from './demo.js';
import { runLong } from './long-command.js';
import { serveProject } from './serve.js';

const RUN = 'run1';

/** Ends when Ctrl-C asks; whatever was under way then goes on at the next start. */
export async function startDemo(dir: string): Promise<void> {
  await runLong({}, async context => {
    try {
      if (!existsSync(join(dir, 'project.json'))) await makeDemo(dir, {}, context);
      const run = ProjectFolder.open(dir).run(RUN);
      const isDone = run.exists() && run.settings().state === 'done';
      context.reporter.note(
        isDone ? `${dir} is trained; Ctrl-C ends the daemon` : `training run ${RUN} of ${dir}; Ctrl-C keeps what is learned`,
      );
      await serveProject({ dir, port: null, host: '127.0.0.1', open: true, train: isDone ? null : RUN }, context);
    } catch (error) {
      if (!(error instanceof Cancelled)) throw error;
    }
  });
}
