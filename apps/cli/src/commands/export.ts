/** `reelfleet export RUN --to DIR`: the finished album as files for the editor's desk. */
import { resolve } from 'node:path';
import type { Register } from '../program.ts';

export const register: Register = (program, cli, run) => {
  program
    .command('export')
    .description('copy a finished album out: the video, its picture, and a text with title, chapters and licences')
    .argument('<run>')
    .requiredOption('--to <dir>', 'the folder to put them into')
    .option('--json', 'print JSON')
    .action(
      run(async (ref: string, { to, json }: { to: string; json?: boolean }) => {
        await cli.withFleet(async ({ operator }) => {
          const files = await operator.export(ref, resolve(to));
          if (json) cli.out.json({ files });
          else for (const file of files) cli.out.line(file);
        });
      }),
    );
};
