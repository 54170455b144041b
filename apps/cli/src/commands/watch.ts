/** `reelfleet watch RUN`: live progress until the run ends; the exit code is its outcome. */
import { templates } from '@reelfleet/pipelines';
import type { Register } from '../program.ts';
import { status } from '../ui/colour.ts';
import { duration, plain, sentence } from '../ui/format.ts';

export const register: Register = (program, cli, run) => {
  program
    .command('watch')
    .description('follow a run until it ends; exits 0 when it completed, 1 otherwise')
    .argument('<run>')
    .option('--json', 'print one JSON object per change')
    .action(
      run(async (ref: string, { json = false }: { json?: boolean }) => {
        const { out } = cli;
        const { followRun, runEnded } = await import('../follow.ts');
        return cli.withFleet(async ({ operator }) => {
          const { run: first } = await operator.run(ref);
          if (!json) out.line(`${first.identifier}  ${plain(first.title ?? '')}`);
          const details = await followRun({ operator, out, runId: first.id, nodesOf, json });
          if (!json) {
            const { status: word, durationSeconds, errorStage, errorMessage } = details.run;
            const took = durationSeconds === null ? '' : ` in ${duration(durationSeconds)}`;
            const why = errorMessage ? `: ${errorStage ?? ''} ${sentence(errorMessage)}` : '';
            out.line(`${status(out.paint, word)}${took}${why}`);
            if (runEnded(details.run) && word !== 'completed')
              out.note(
                `"reelfleet show ${first.identifier}" shows what happened, "reelfleet retry ${first.identifier}" does the rest again`,
              );
          }
          return details.run.status === 'completed' ? 0 : 1;
        });
      }),
    );
};

/** The nodes of a template in the order of its work. A single stage's run shows only what it has. */
export function nodesOf(template: string): string[] {
  return template === 'single' ? [] : (templates.get(template)?.nodes.map((node) => node.key) ?? []);
}
